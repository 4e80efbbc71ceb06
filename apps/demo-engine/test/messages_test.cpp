#include "ask.h"

namespace openpcc::demo_engine {
namespace {

std::string asked(std::string_view more) {
  return R"({"model":"openpcc-demo","max_tokens":500,"messages":[{"role":"user","content":"one two"}])" + std::string(more) + "}";
}
constexpr std::string_view kTool =
    R"(,"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}],"tool_choice":{"type":"any"})";

TEST(Messages, whole_answers_have_anthropics_shape) {
  const auto parsed = json_of(messages, asked(R"(,"system":[{"type":"text","text":"be brief"}])"));
  EXPECT_EQ(parsed.at("id"), "msg_7");
  EXPECT_EQ(parsed.at("type"), "message");
  EXPECT_EQ(parsed.at("role"), "assistant");
  EXPECT_EQ(parsed.at("content").at(0).at("type"), "text");
  const std::string text(parsed.at("content").at(0).at("text").as_string());
  EXPECT_TRUE(has(text, "2 messages (system, user) with 15 characters.")) << text;
  EXPECT_EQ(parsed.at("stop_reason"), "end_turn");
  EXPECT_TRUE(parsed.at("stop_sequence").is_null());
  EXPECT_EQ(parsed.at("usage").at("input_tokens"), 6);
}

TEST(Messages, say_why_they_end) {
  const auto stopped = json_of(messages, asked(R"(,"stop_sequences":[" demo"])"));
  EXPECT_EQ(stopped.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(stopped.at("stop_sequence"), " demo");
  EXPECT_EQ(stopped.at("content").at(0).at("text"), "I am the");
  const auto cut = json_of(messages, R"({"max_tokens":2,"messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(cut.at("stop_reason"), "max_tokens");
  EXPECT_EQ(cut.at("usage").at("output_tokens"), 2);
}

TEST(Messages, stream_in_anthropics_order) {
  const auto events = events_of(answer_of(messages, R"({"max_tokens":2,"stream":true,"messages":[{"role":"user","content":"x"}]})"));
  ASSERT_EQ(events.size(), 7u);
  EXPECT_EQ(events[0].at("type"), "message_start");
  EXPECT_EQ(events[0].at("message").at("usage").at("input_tokens"), 2);
  EXPECT_TRUE(events[0].at("message").at("content").as_array().empty());
  EXPECT_EQ(events[1].at("type"), "content_block_start");
  EXPECT_EQ(events[1].at("content_block").at("text"), "");
  EXPECT_EQ(events[2].at("delta").at("text"), "I");
  EXPECT_EQ(events[3].at("delta").at("text"), " am");
  EXPECT_EQ(events[4].at("type"), "content_block_stop");
  EXPECT_EQ(events[5].at("delta").at("stop_reason"), "max_tokens");
  EXPECT_EQ(events[5].at("usage").at("output_tokens"), 2);
  EXPECT_EQ(events[6].at("type"), "message_stop");
}

TEST(Messages, use_the_tool_that_is_demanded) {
  const auto parsed = json_of(messages, asked(kTool));
  EXPECT_EQ(parsed.at("stop_reason"), "tool_use");
  EXPECT_EQ(parsed.at("content").at(0).at("name"), "f");
  EXPECT_EQ(parsed.at("content").at(0).at("input").at("a"), 0);
  const auto events = events_of(answer_of(messages, asked(std::string(kTool) + R"(,"stream":true)")));
  EXPECT_EQ(events[1].at("content_block").at("type"), "tool_use");
  std::string arguments;
  for (const json::value& event : events) {
    if (event.at("type") == "content_block_delta") arguments += event.at("delta").at("partial_json").as_string();
  }
  EXPECT_EQ(arguments, R"({"a":0})");
  const auto cut = json_of(messages, R"({"max_tokens":1,"messages":[{"role":"user","content":"x"}])" + std::string(kTool) + "}");
  EXPECT_EQ(cut.at("stop_reason"), "max_tokens");
  EXPECT_TRUE(cut.at("content").at(0).at("input").as_object().empty());
}

TEST(Messages, read_blocks) {
  const auto parsed = json_of(messages, R"({"max_tokens":500,"messages":[{"role":"user","content":[
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAEC"}},{"type":"text","text":"see"}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"t","name":"f","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"done"}]}]}]})");
  const std::string text(parsed.at("content").at(0).at("text").as_string());
  EXPECT_TRUE(has(text, "1 medium came with it: 3 bytes of image/png")) << text;
  EXPECT_TRUE(has(text, "Your question begins: \"done\""));
}

TEST(Messages, answer_json_where_asked) {
  const auto parsed = json_of(messages, asked(R"(,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})"));
  EXPECT_EQ(parsed.at("content").at(0).at("text"), "{}");
}

TEST(Messages, refuse) {
  expect_error(messages, R"({"messages":[{"role":"user","content":"x"}]})", 400, "max_tokens");
  expect_error(messages, R"({"max_tokens":1})", 400, "at least one message");
  expect_error(messages, R"({"max_tokens":1,"system":"x","messages":[]})", 400, "at least one message");
  expect_error(messages, R"({"max_tokens":1,"messages":[{"role":"system","content":"x"}]})", 400, "role");
  expect_error(messages, R"({"max_tokens":1,"messages":[{"role":"user"}]})", 400, "content is required");
  expect_error(messages, asked(R"(,"tool_choice":{"type":"some"})"), 400, "tool_choice");
  expect_error(messages, asked(R"(,"tool_choice":{"type":"tool","name":"f"})"), 400, "`tools` must be set");
  expect_error(messages, asked(R"(,"stop_sequences":[7])"), 400, "stop_sequences");
  expect_error(messages, R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]})", 404, "does not exist");
  expect_error(messages,
               R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://h/"}}]}]})",
               400, "fetches nothing");
}

TEST(CountTokens, counts_what_messages_counts) {
  EXPECT_EQ(answer_of(count_tokens, R"({"messages":[{"role":"user","content":"one two"}]})"), R"({"input_tokens":3})");
  expect_error(count_tokens, "{}", 400, "at least one message");
}

TEST(AnthropicError, has_its_shape) {
  EXPECT_EQ(anthropic_error({.message = "m"}), R"({"type":"error","error":{"type":"invalid_request_error","message":"m"}})");
  EXPECT_TRUE(has(anthropic_error({.status = 404, .message = "m"}), "not_found_error"));
  EXPECT_TRUE(has(anthropic_error({.status = 500, .message = "m"}), "api_error"));
}

}  // namespace
}  // namespace openpcc::demo_engine
