#include "openpcc/strict_json/strict_json.h"

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::strict_json {
namespace {

constexpr Rule kRule = "test.json";

auto parse(std::string_view text, size_t bytes_max = 1000) { return parse_strict(as_bytes(text), bytes_max, kRule); }

TEST(ParseStrict, reads_what_is_good) {
  const auto value = parse(R"({"a":[1,2,{"a":"x"}],"b":{"a":null}})");
  ASSERT_OK(value);
  EXPECT_EQ(value->as_object().size(), 2u);
}

TEST(ParseStrict, refuses_a_name_twice_at_any_level) {
  EXPECT_RULE(parse(R"({"a":1,"a":2})"), "test.json");
  EXPECT_RULE(parse(R"({"x":[{"a":1,"b":{},"a":2}]})"), "test.json");
  EXPECT_RULE(parse("{\"a\":1,\"\\u0061\":2}"), "test.json");  // another spelling of the same name
}

TEST(ParseStrict, a_name_twice_in_what_the_parser_drops_or_indexes) {
  EXPECT_RULE(parse(R"({"a":{"b":1,"c":2},"a":{"b":1,"c":2,"d":3}})"), "test.json");
  EXPECT_RULE(parse(R"({"a":1,"a":{"b":1,"c":2}})"), "test.json");
  std::string many = "{";
  for (int i = 0; i < 40; ++i) many += "\"n" + std::to_string(i) + "\":[],";
  EXPECT_OK(parse(many + "\"last\":0}"));
  EXPECT_RULE(parse(many + "\"n20\":0}"), "test.json");
}

TEST(ParseStrict, colons_and_escapes_in_strings_are_no_names) {
  EXPECT_OK(parse(R"({"a:b":":","\"c\\":"\\\":{\"a:b\":1}","d\\":["\\",":"]})"));
  EXPECT_RULE(parse(R"({"\\":":","\\":1})"), "test.json");
}

TEST(ParseStrict, refuses_what_readers_disagree_about) {
  for (const std::string_view text : {"", "{", "{} {}", "{}x", "[1,]", "// c\n{}", "{'a':1}", "\"\xff\"", "\"\\ud800\"", "NaN", "01"}) {
    EXPECT_RULE(parse(text), "test.json") << text;
  }
}

TEST(ParseStrict, is_bounded_in_size_and_depth) {
  EXPECT_RULE(parse("[1,2,3]", 6), "test.json");
  EXPECT_OK(parse(std::string(kDepthMax, '[') + std::string(kDepthMax, ']')));
  EXPECT_RULE(parse(std::string(kDepthMax + 1, '[') + std::string(kDepthMax + 1, ']')), "test.json");
}

class Reader : public testing::Test {
 protected:
  boost::json::value value_ = *parse(R"({"t":"text","n":7,"neg":-1,"f":1.5,"big":18446744073709551616,"b":"AAE=","h":"00ff","H":"00FF",
                                         "l":["a","b"],"m":["a",1]})");
  ObjectReader reader_ = *ObjectReader::of(value_, kRule);
};

TEST_F(Reader, takes_members_by_type) {
  EXPECT_EQ(*reader_.text("t", 4), "text");
  EXPECT_EQ(*reader_.number("n", 7), 7u);
  EXPECT_EQ(*reader_.base64("b", 2), (Bytes{0, 1}));
  EXPECT_EQ(*reader_.hex("h", 2), (Bytes{0, 0xff}));
  EXPECT_EQ(reader_.texts("l", 2, 1)->size(), 2u);
}

TEST_F(Reader, refuses_other_types_and_sizes) {
  EXPECT_RULE(reader_.text("t", 3), "test.json");
  EXPECT_RULE(reader_.text("n", 3), "test.json");
  EXPECT_RULE(reader_.text("absent", 3), "test.json");
  EXPECT_RULE(reader_.number("n", 6), "test.json");
  for (const auto* name : {"t", "neg", "f", "big"}) EXPECT_RULE(reader_.number(name, UINT64_MAX), "test.json") << name;
  EXPECT_RULE(reader_.base64("b", 1), "test.json");
  EXPECT_RULE(reader_.base64("t!", 9), "test.json");
  EXPECT_RULE(reader_.hex("H", 2), "test.json");
  EXPECT_RULE(reader_.hex("h", 1), "test.json");
  EXPECT_RULE(reader_.texts("l", 1, 1), "test.json");
  EXPECT_RULE(reader_.texts("l", 2, 0), "test.json");
  EXPECT_RULE(reader_.texts("m", 2, 9), "test.json");
  EXPECT_RULE(reader_.texts("t", 2, 9), "test.json");
  EXPECT_RULE(ObjectReader::of(boost::json::value(1), kRule), "test.json");
}

TEST_F(Reader, end_refuses_what_nobody_took) {
  const auto value = parse(R"({"a":"x","b":1})");
  auto reader = *ObjectReader::of(*value, kRule);
  ASSERT_OK(reader.text("a", 9));
  EXPECT_RULE(reader.end(), "test.json");
  ASSERT_OK(reader.number("b", 9));
  EXPECT_OK(reader.end());
}

}  // namespace
}  // namespace openpcc::strict_json
