#include "openpcc/attest/key_list.h"

#include "openpcc/attest/evidence.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::attest {
namespace {

Bytes text(std::string_view s) { return Bytes(s.begin(), s.end()); }

TEST(KeyList, keeps_the_exact_bytes) {
  const std::vector<Bytes> evidence = {text(R"({"a":  "quoted \" and spaced"})"), text("{}")};
  const auto parsed = parse_key_list(encode_key_list(evidence));
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed, evidence);
  EXPECT_EQ(parse_key_list(encode_key_list({}))->size(), 0u);
}

TEST(KeyList, refuses_anything_else) {
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[],"x":1})", R"({"keys":["a","a","a","a","a"]})"}) {
    EXPECT_RULE(parse_key_list(as_bytes(bad)), "attest.key_list.syntax");
  }
}

TEST(KeyList, refuses_a_large_document_before_parsing) {
  EXPECT_RULE(parse_key_list(Bytes(2 * kKeysPerNodeMax * kEvidenceBytesMax + 1, ' ')), "attest.key_list.too_large");
}

}  // namespace
}  // namespace openpcc::attest
