// Policy files from untrusted bytes: a production policy never comes out with the debug exception.
#include "openpcc/policy/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const auto policy = policy::parse({data, size});
  if (policy && std::holds_alternative<policy::ProductionPolicy>(*policy)) {
    OPENPCC_CHECK(!policy::requirements(*policy).exceptions.allow_debug);
  }
  return 0;
}
