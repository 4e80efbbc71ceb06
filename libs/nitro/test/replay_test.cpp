// The shared documents through the fuzz target, whole and cut: its own corpus is small.
#include "../fuzz/entry.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::nitro {
namespace {

TEST(NitroReplay, shared_documents) {
  const auto folder = testkit::shared_file("evidence/nitro");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (entry.path().extension() != ".cose") continue;
    const Bytes bytes = testkit::read_file(entry.path());
    ASSERT_OK(parse_document(bytes));
    for (size_t size = bytes.size(); size > 0; size /= 2) fuzz::look_at_document(ByteSpan(bytes).first(size));
    ++seen;
  }
  EXPECT_EQ(seen, 10);
}

}  // namespace
}  // namespace openpcc::nitro
