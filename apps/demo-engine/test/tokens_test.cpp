#include "tokens.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

std::string text_of(const std::vector<uint64_t>& ids) {
  std::string out;
  for (const uint64_t id : ids) out += token_text(id).value_or("?");
  return out;
}

TEST(Tokens, join_to_the_text_again) {
  const std::string_view text = "  one two\n\nthree \u00fcber ";
  const auto tokens = tokenize(text);
  EXPECT_EQ(tokens, (std::vector<std::string>{"  one", " two", "\n\nthree", " \u00fcber", " "}));
  EXPECT_TRUE(tokenize("").empty());
}

TEST(Pieces, are_short_and_never_cut_a_character) {
  EXPECT_EQ(pieces("one engines"), (std::vector<std::string>{"one", " engin", "es"}));
  EXPECT_EQ(pieces("abcde\u00fcx"), (std::vector<std::string>{"abcde", "\u00fcx"}));
  EXPECT_EQ(pieces("abc\U0001f600x"), (std::vector<std::string>{"abc", "\U0001f600x"}));
  EXPECT_TRUE(pieces("").empty());
}

TEST(TokenIds, turn_back) {
  const std::string invalid(20, '\x80');
  for (const std::string& text :
       {std::string(), std::string("one"), std::string("Donaudampfschiff \u00fc\U0001f600\n"), std::string(3, '\0'), invalid}) {
    EXPECT_EQ(text_of(token_ids(text)), text);
  }
  for (const uint64_t id : token_ids("\xff\xff\xff\xff\xff\xff")) EXPECT_LT(id, uint64_t{1} << 53);
}

TEST(TokenIds, of_roles_are_apart) {
  EXPECT_EQ(role_id("system"), 1u);
  EXPECT_EQ(token_text(role_id("assistant")), "<|assistant|>");
}

TEST(TokenText, knows_only_its_own_numbers) {
  for (const uint64_t id : {uint64_t{0}, uint64_t{7}, uint64_t{255}, uint64_t{512}, uint64_t{1} << 49, ~uint64_t{0}})
    EXPECT_FALSE(token_text(id)) << id;
  EXPECT_EQ(token_text(256 + 'a'), "a");
}

TEST(CodePoints, are_characters) { EXPECT_EQ(code_points("a\u00fc\U0001f600"), 3u); }

}  // namespace
}  // namespace openpcc::demo_engine
