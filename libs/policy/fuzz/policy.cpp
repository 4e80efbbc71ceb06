// Policy files from untrusted bytes: a production policy never comes out with the debug exception, and of whatever parses something can be said.
#include "openpcc/policy/lint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const auto policy = policy::parse({data, size});
  if (policy && std::holds_alternative<policy::ProductionPolicy>(*policy)) {
    OPENPCC_CHECK(!policy::requirements(*policy).exceptions.allow_debug);
  }
  const auto advice = policy::lint({data, size}, 1'800'000'000);
  OPENPCC_CHECK(policy.has_value() == advice.has_value() && (!advice || !advice->empty()));
  return 0;
}
