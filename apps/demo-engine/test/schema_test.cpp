#include "schema.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;

// made returns the instance as text, or "none".
std::string made(std::string_view schema) {
  const auto out = minimal_instance(json::parse(schema));
  return out ? json::serialize(*out) : "none";
}

TEST(MinimalInstance, of_scalars) {
  EXPECT_EQ(made(R"({"type":"string"})"), R"("")");
  EXPECT_EQ(made(R"({"type":"string","minLength":3})"), R"("xxx")");
  EXPECT_EQ(made(R"({"type":"string","format":"date"})"), R"("2000-01-01")");
  EXPECT_EQ(made(R"({"type":"boolean"})"), "false");
  EXPECT_EQ(made(R"({"type":"null"})"), "null");
  EXPECT_EQ(made(R"({"type":["integer","null"]})"), "0");
  EXPECT_EQ(made(R"({"const":[1]})"), "[1]");
  EXPECT_EQ(made(R"({"type":"string","enum":["red","blue"]})"), R"("red")");
}

TEST(MinimalInstance, of_numbers_keeps_their_bounds) {
  EXPECT_EQ(made(R"({"type":"integer","minimum":3})"), "3");
  EXPECT_EQ(made(R"({"type":"integer","minimum":2.5})"), "3");
  EXPECT_EQ(made(R"({"type":"integer","exclusiveMinimum":3})"), "4");
  EXPECT_EQ(made(R"({"type":"integer","maximum":-2})"), "-2");
  EXPECT_EQ(made(R"({"type":"integer","exclusiveMaximum":-2})"), "-3");
  EXPECT_EQ(made(R"({"type":"integer","minimum":3,"multipleOf":5})"), "5");
  EXPECT_EQ(made(R"({"type":"integer","minimum":1e300})"), "none");
  EXPECT_EQ(made(R"({"type":"number","minimum":1e308,"multipleOf":1e-308})"), "none");
  EXPECT_EQ(json::parse(made(R"({"type":"number","minimum":0.25})")), json::value(0.25));
}

TEST(MinimalInstance, of_lists_and_objects) {
  EXPECT_EQ(made(R"({"type":"array","items":{"type":"integer"}})"), "[]");
  EXPECT_EQ(made(R"({"type":"array","items":{"type":"integer"},"minItems":2})"), "[0,0]");
  EXPECT_EQ(made(R"({"type":"array","prefixItems":[{"type":"string"}],"minItems":2})"), R"(["",{}])");
  EXPECT_EQ(made(R"({"items":{}})"), "[]");
  EXPECT_EQ(made(R"({})"), "{}");
  EXPECT_EQ(made(R"({"properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["b","c"]})"), R"({"b":0,"c":{}})");
}

TEST(MinimalInstance, follows_choices_and_references) {
  EXPECT_EQ(made(R"({"anyOf":[{"type":"integer"},{"type":"null"}]})"), "0");
  EXPECT_EQ(made(R"({"oneOf":[{"type":"null"}]})"), "null");
  EXPECT_EQ(made(R"({"$defs":{"x":{"type":"boolean"}},"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"required":["a"]})"),
            R"({"a":false})");
  EXPECT_EQ(made(R"({"properties":{"a":{"const":1}},"required":["a"],"allOf":[{"properties":{"b":{"const":2}},"required":["b"]}]})"),
            R"({"a":1,"b":2})");
  EXPECT_EQ(made(R"({"allOf":[{"type":"integer"}]})"), "0");
}

TEST(MinimalInstance, has_bounds) {
  EXPECT_EQ(made(R"({"$ref":"#"})"), "none");
  EXPECT_EQ(made(R"({"$ref":"#/nowhere"})"), "none");
  EXPECT_EQ(made(R"({"$ref":"https://h/"})"), "none");
  EXPECT_EQ(made(R"({"type":"string","minLength":1000000000})"), "none");
  EXPECT_EQ(made(R"({"type":"array","minItems":1000000000})"), "none");
  EXPECT_EQ(made(R"({"type":"array","minItems":40,"items":{"type":"array","minItems":40,"items":{"type":"array","minItems":40}}})"),
            "none");
}

}  // namespace
}  // namespace openpcc::demo_engine
