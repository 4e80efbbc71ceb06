#include "openpcc/collateral/store.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::collateral {
namespace {

const std::vector<Kept> kEntry{{"/a?b=c", {{1, 2, 3}, {}}}, {"/d", {Bytes(1000, 7)}}};

TEST(Entry, comes_back_as_it_was) {
  const auto back = parse_entry(encode_entry(kEntry));
  ASSERT_OK(back);
  ASSERT_EQ(back->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*back)[i].target, kEntry[i].target);
    EXPECT_EQ((*back)[i].parts, kEntry[i].parts);
  }
  EXPECT_TRUE(parse_entry(encode_entry({}))->empty());
}

TEST(Entry, is_refused_at_every_cut_inside_an_answer) {
  const Bytes whole = encode_entry(kEntry);
  const size_t magic = encode_entry({}).size();
  const size_t first = encode_entry(std::span(kEntry).first(1)).size();
  for (size_t n = 0; n < whole.size(); ++n) {
    if (n == magic || n == first) continue;  // fewer answers than were kept, which the plan notices
    EXPECT_RULE(parse_entry(ByteSpan(whole).first(n)), "collateral.entry.syntax") << n;
  }
}

TEST(Entry, of_another_format_or_with_too_much_is_refused) {
  Bytes other = encode_entry(kEntry);
  other[20] = '2';
  EXPECT_RULE(parse_entry(other), "collateral.entry.syntax");
  EXPECT_RULE(parse_entry(Bytes(kEntryBytesMax + 1)), "collateral.entry.syntax");
  EXPECT_RULE(parse_entry(encode_entry(std::vector<Kept>(5, Kept{"/", {}}))), "collateral.entry.syntax");
  Bytes parts = encode_entry(std::vector<Kept>{{"/", {}}});
  parts.back() = 5;
  EXPECT_RULE(parse_entry(parts), "collateral.entry.syntax");
}

}  // namespace
}  // namespace openpcc::collateral
