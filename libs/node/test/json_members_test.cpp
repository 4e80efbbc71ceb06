#include "openpcc/node/json_members.h"

#include "openpcc/api/api.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

const JsonStringVisitor kIgnore = [](const JsonString&) -> Result<> { return {}; };

Result<std::vector<JsonMember>> scan(std::string_view text, JsonLimits limits = {}) { return scan_members(text, kIgnore, limits); }

// nested gives {"a": ... } with `depth` levels, the outermost included.
std::string nested(size_t depth) {
  std::string text = "{\"a\":";
  text.append(depth - 1, '[');
  text.append(depth - 1, ']');
  return text + "}";
}

TEST(JsonMembers, finds_each_member_with_its_exact_bytes) {
  const auto members =
      scan(" { \"model\" : \"m\" ,\"n\":-1.5e+3,\n\"o\":{\"x\":[ ]},\"p\":[1, 2],\"q\":null,\"r\":true,\"s\":false } \r\n\t");
  ASSERT_OK(members);
  ASSERT_EQ(members->size(), 7u);
  const auto& m = *members;
  EXPECT_EQ(m[0].key, "model");
  EXPECT_EQ(m[0].text, "\"model\" : \"m\"");
  EXPECT_EQ(m[0].value, "\"m\"");
  EXPECT_EQ(m[0].kind, JsonKind::string);
  EXPECT_EQ(m[1].value, "-1.5e+3");
  EXPECT_EQ(m[1].kind, JsonKind::number);
  EXPECT_EQ(m[2].value, "{\"x\":[ ]}");
  EXPECT_EQ(m[2].kind, JsonKind::object);
  EXPECT_EQ(m[3].value, "[1, 2]");
  EXPECT_EQ(m[3].kind, JsonKind::array);
  EXPECT_EQ(m[6].kind, JsonKind::literal);
}

TEST(JsonMembers, an_empty_object_has_none) {
  ASSERT_OK(scan("{}"));
  EXPECT_TRUE(scan(" { } ")->empty());
}

TEST(JsonMembers, refuses_what_is_not_one_object) {
  for (const std::string_view text : {"",
                                      " ",
                                      "[]",
                                      "\"a\"",
                                      "{",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":1",
                                      "{\"a\":1,",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1}x",
                                      "{\"a\":1}{}",
                                      "{\"a\" 1}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{\"a\":tru}",
                                      "{\"a\":nulL}",
                                      "{\"a\":01}",
                                      "{\"a\":+1}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":1e}",
                                      "{\"a\":-}",
                                      "{\"a\":NaN}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[1 2]}",
                                      "{\"a\":{\"b\":1,}}",
                                      "{\"a\":\"b}",
                                      "{\"a\":\"\\",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":1 /* */}"}) {
    EXPECT_RULE(scan(text), "node.json.syntax") << text;
  }
  EXPECT_RULE(scan(std::string_view("{\"a\":1\0}", 8)), "node.json.syntax");
}

TEST(JsonMembers, refuses_what_is_not_utf_8) {
  for (const std::string_view text :
       {"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}", "{\"a\":\"\xe0\x80\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\xc3\"}", "{\"a\":\"\xe2\x82\"}", "{\"a\":\"\n\"}", "{\"\x80\":1}"}) {
    EXPECT_RULE(scan(text), "node.json.utf8") << text;
  }
  EXPECT_OK(scan("{\"a\":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}"));
}

TEST(JsonMembers, refuses_bad_escapes) {
  for (const std::string_view text : {R"({"a":"\x"})", R"({"a":"\u12"})", R"({"a":"\u12g4"})", R"({"a":"\ud800"})", R"({"a":"\ud800\n"})",
                                      R"({"a":"\ud800\ud800"})", R"({"a":"\udc00"})"}) {
    EXPECT_RULE(scan(text), "node.json.escape") << text;
  }
}

TEST(JsonMembers, the_limits_are_exact) {
  EXPECT_OK(scan(nested(64)));
  EXPECT_RULE(scan(nested(65)), "node.json.depth");
  EXPECT_OK(scan("{\"a\":1,\"b\":2}", {.members_max = 2}));
  EXPECT_RULE(scan("{\"a\":1,\"b\":2,\"c\":3}", {.members_max = 2}), "node.json.members");
  const std::string deep(1 << 20, '[');
  EXPECT_RULE(scan("{\"a\":" + deep), "node.json.depth");
}

TEST(JsonMembers, refuses_a_key_twice_however_it_is_spelled) {
  for (const std::string_view text : {R"({"model":1,"model":2})", R"({"model":1,"mod\u0065l":2})", R"({"model":1,"MODEL":2})"}) {
    EXPECT_RULE(scan(text), "node.json.duplicate") << text;
  }
  EXPECT_OK(scan(R"({"a":{"b":1,"b":2}})"));  // below the outermost object the text is the engine's to judge
}

TEST(JsonMembers, refuses_keys_that_fold_to_others_outside_ascii) {
  EXPECT_RULE(scan("{\"u\xc5\xbf"
                   "er\":1}"),
              "node.json.key");
  EXPECT_RULE(scan(R"({"a\u0000":1})"), "node.json.key");
}

TEST(JsonMembers, shows_every_string_with_where_it_stands) {
  std::vector<std::string> seen;
  const JsonStringVisitor note = [&](const JsonString& s) -> Result<> {
    seen.push_back(std::string(s.member) + ":" + std::string(s.owner) + "/" + std::string(s.key) + "=" + std::string(s.raw));
    return {};
  };
  ASSERT_OK(scan_members(R"({"m":[{"c":[{"image\u005furl":{"url":"u1"}},"s"]}],"t":"x\n"})", note));
  EXPECT_EQ(seen, (std::vector<std::string>{"m:image_url/url=u1", "m:m/c=s", "t:/t=x\\n"}));
}

TEST(JsonMembers, a_visitors_refusal_ends_the_scan) {
  const JsonStringVisitor refuse = [](const JsonString&) -> Result<> { return fail(Code::rejected, "test.visit"); };
  EXPECT_RULE(scan_members(R"({"a":{"b":"c"}})", refuse), "test.visit");
}

TEST(JsonText, unescape_gives_the_characters) {
  EXPECT_EQ(json_unescape(R"(a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00)"), "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(JsonText, quote_and_unescape_are_inverse) {
  const std::string text("q\" b\\ \n\x01 \xc3\xa9", 11);
  const std::string quoted = api::quote(text);
  EXPECT_EQ(json_unescape(std::string_view(quoted).substr(1, quoted.size() - 2)), text);
  EXPECT_OK(scan("{\"a\":" + quoted + "}"));
}

}  // namespace
}  // namespace openpcc::node
