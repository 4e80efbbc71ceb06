// The shared reports through the fuzz target, whole, cut, and their parts: its own corpus is small.
#include "../fuzz/entry.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::azure {
namespace {

TEST(AzureReplay, shared_reports) {
  const auto folder = testkit::shared_file("evidence/azure");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const auto file = entry.path() / "hcl_report.bin";
    if (!std::filesystem::exists(file)) continue;
    const Bytes bytes = testkit::read_file(file);
    const auto hcl = parse_hcl(bytes);
    ASSERT_OK(hcl);
    for (const ByteSpan part : {ByteSpan(bytes), ByteSpan(bytes).first(1300), hcl->report, hcl->json, hcl->json.first(200)})
      fuzz::look_at_hcl(part);
    ++seen;
  }
  EXPECT_EQ(seen, 10);
}

}  // namespace
}  // namespace openpcc::azure
