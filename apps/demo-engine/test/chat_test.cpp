#include "chat.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

const Served kServed{.name = "openpcc-demo", .max_model_len = 100};

std::expected<ChatRequest, ApiError> parse(std::string_view body) { return parse_chat(as_bytes(body), kServed); }

// with makes a request with further members.
std::string with(std::string_view more) { return R"({"messages":[{"role":"user","content":"one two"}])" + std::string(more) + "}"; }

void expect_error(std::string_view body, uint16_t status, std::string_view part) {
  const auto parsed = parse(body);
  ASSERT_FALSE(parsed) << body;
  EXPECT_EQ(parsed.error().status, status) << body;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

TEST(Chat, reads_a_plain_request) {
  const auto request = parse(with(""));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->roles, std::vector<std::string>{"user"});
  EXPECT_EQ(request->prompt_characters, 7u);
  EXPECT_EQ(request->prompt_tokens, 3u);
  EXPECT_EQ(request->question, "one two");
  EXPECT_FALSE(request->stream);
  EXPECT_EQ(request->choices, 1u);
  EXPECT_FALSE(request->max_tokens);
  EXPECT_FALSE(request->cache_salt_characters);
}

TEST(Chat, reads_everything_else) {
  const auto request = parse(R"({"model":"openpcc-demo","stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},
    "messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"\u00e9"},{"type":"text","text":"t"}]},
                {"role":"assistant","content":null}],
    "n":3,"max_tokens":9,"max_completion_tokens":8,"min_tokens":2,"ignore_eos":true,"stop":["a","b"],"cache_salt":"12345","temperature":0.5})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->roles.size(), 3u);
  EXPECT_EQ(request->question, "\u00e9t");
  EXPECT_EQ(request->prompt_characters, 10u);
  EXPECT_TRUE(request->stream && request->include_usage && request->continuous_usage && request->ignore_eos);
  EXPECT_EQ(request->choices, 3u);
  EXPECT_EQ(request->max_tokens, 8u);
  EXPECT_EQ(request->min_tokens, 2u);
  EXPECT_EQ(request->stops, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->cache_salt_characters, 5u);
  EXPECT_EQ(request->body_fields.front(), "cache_salt");
  EXPECT_EQ(request->body_fields.size(), 12u);
}

TEST(Chat, continuous_usage_needs_include_usage) {
  const auto request = parse(with(R"(,"stream":true,"stream_options":{"continuous_usage_stats":true})"));
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->continuous_usage);
}

TEST(Chat, null_members_are_absent_ones) {
  EXPECT_TRUE(parse(with(R"(,"model":null,"stop":null,"cache_salt":null,"n":null,"max_tokens":null,"stream":null,"stream_options":null)")));
}

TEST(Chat, refuses_with_vllms_statuses) {
  expect_error("{", 400, "not JSON");
  expect_error("[]", 400, "JSON object");
  expect_error(std::string(40, '['), 400, "not JSON");
  expect_error("{}", 400, "messages");
  expect_error(R"({"messages":[]})", 400, "at least one");
  expect_error(R"({"messages":[{"role":"king","content":"x"}]})", 400, "known role");
  expect_error(R"({"messages":[{"content":"x"}]})", 400, "known role");
  expect_error(R"({"messages":[{"role":"user","content":5}]})", 400, "content");
  expect_error(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})", 400, "\"text\" only");
  expect_error(with(R"(,"model":"gpt")"), 404, "The model `gpt` does not exist.");
  expect_error(with(R"(,"model":7)"), 400, "model");
  expect_error(with(R"(,"cache_salt":"")"), 400, "cache_salt");
  expect_error(with(R"(,"cache_salt":7)"), 400, "cache_salt");
  expect_error(with(R"(,"stream":"yes")"), 400, "stream");
  expect_error(with(R"(,"stream_options":{})"), 400, "stream=True");
  expect_error(with(R"(,"stream":true,"stream_options":[])"), 400, "an object");
  expect_error(with(R"(,"stream":true,"stream_options":{"include_usage":1})"), 400, "include_usage");
  expect_error(with(R"(,"stream":true,"stream_options":{"continuous_usage_stats":1})"), 400, "continuous_usage_stats");
  expect_error(with(R"(,"n":0)"), 400, "n must be");
  expect_error(with(R"(,"n":17)"), 400, "n must be");
  expect_error(with(R"(,"max_tokens":0)"), 400, "max_tokens");
  expect_error(with(R"(,"max_tokens":1.5)"), 400, "max_tokens");
  expect_error(with(R"(,"max_tokens":98)"), 400, "maximum context length is 100");
  expect_error(with(R"(,"max_tokens":5,"min_tokens":6)"), 400, "min_tokens");
  expect_error(with(R"(,"min_tokens":-1)"), 400, "min_tokens");
  expect_error(with(R"(,"ignore_eos":1)"), 400, "ignore_eos");
  expect_error(with(R"(,"stop":"")"), 400, "stop");
  expect_error(with(R"(,"stop":[1])"), 400, "stop");
  expect_error(with(R"(,"stop":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])"), 400, "16");
}

TEST(Chat, the_largest_length_that_fits_is_accepted) { EXPECT_TRUE(parse(with(R"(,"max_tokens":97)"))); }

TEST(Tokens, join_to_the_text_again) {
  const std::string_view text = "  one two\n\nthree \u00fcber ";
  const auto tokens = tokenize(text);
  EXPECT_EQ(tokens, (std::vector<std::string>{"  one", " two", "\n\nthree", " \u00fcber", " "}));
  EXPECT_TRUE(tokenize("").empty());
}

}  // namespace
}  // namespace openpcc::demo_engine
