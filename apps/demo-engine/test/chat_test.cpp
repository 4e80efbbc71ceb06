#include "chat.h"

#include "ask.h"

namespace openpcc::demo_engine {
namespace {

const Served kSmall{.name = "openpcc-demo", .max_model_len = 100};

Parsed<Prompt> parse(std::string_view body) { return parse_chat(as_bytes(body), kSmall); }

// with makes a request with further members.
std::string with(std::string_view more) { return R"({"messages":[{"role":"user","content":"one two"}])" + std::string(more) + "}"; }

void expect_refusal(std::string_view body, uint16_t status, std::string_view part) {
  const auto parsed = parse(body);
  ASSERT_FALSE(parsed) << body;
  EXPECT_EQ(parsed.error().status, status) << body;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

TEST(Chat, reads_a_plain_request) {
  const auto request = parse(with(""));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->roles, std::vector<std::string>{"user"});
  EXPECT_EQ(request->characters, 7u);
  EXPECT_EQ(request->tokens, 3u);
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
  EXPECT_EQ(request->characters, 10u);
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
  expect_refusal("{", 400, "not JSON");
  expect_refusal("[]", 400, "JSON object");
  expect_refusal(std::string(40, '['), 400, "not JSON");
  expect_refusal("{}", 400, "messages");
  expect_refusal(R"({"messages":[]})", 400, "at least one");
  expect_refusal(R"({"messages":[{"role":"king","content":"x"}]})", 400, "known role");
  expect_refusal(R"({"messages":[{"content":"x"}]})", 400, "known role");
  expect_refusal(R"({"messages":[{"role":"user","content":5}]})", 400, "content");
  expect_refusal(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})", 400, "data URL");
  expect_refusal(with(R"(,"model":"gpt")"), 404, "The model `gpt` does not exist.");
  expect_refusal(with(R"(,"model":7)"), 400, "model");
  expect_refusal(with(R"(,"cache_salt":"")"), 400, "cache_salt");
  expect_refusal(with(R"(,"cache_salt":7)"), 400, "cache_salt");
  expect_refusal(with(R"(,"stream":"yes")"), 400, "stream");
  expect_refusal(with(R"(,"stream_options":{})"), 400, "stream=True");
  expect_refusal(with(R"(,"stream":true,"stream_options":[])"), 400, "an object");
  expect_refusal(with(R"(,"stream":true,"stream_options":{"include_usage":1})"), 400, "include_usage");
  expect_refusal(with(R"(,"stream":true,"stream_options":{"continuous_usage_stats":1})"), 400, "continuous_usage_stats");
  expect_refusal(with(R"(,"n":0)"), 400, "n must be");
  expect_refusal(with(R"(,"n":17)"), 400, "n must be");
  expect_refusal(with(R"(,"max_tokens":0)"), 400, "max_tokens");
  expect_refusal(with(R"(,"max_tokens":1.5)"), 400, "max_tokens");
  expect_refusal(with(R"(,"max_tokens":98)"), 400, "maximum context length is 100");
  expect_refusal(with(R"(,"max_tokens":5,"min_tokens":6)"), 400, "min_tokens");
  expect_refusal(with(R"(,"min_tokens":-1)"), 400, "min_tokens");
  expect_refusal(with(R"(,"ignore_eos":1)"), 400, "ignore_eos");
  expect_refusal(with(R"(,"stop":"")"), 400, "stop");
  expect_refusal(with(R"(,"stop":[1])"), 400, "stop");
  expect_refusal(with(R"(,"stop":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])"), 400, "16");
}

TEST(Chat, the_largest_length_that_fits_is_accepted) { EXPECT_TRUE(parse(with(R"(,"max_tokens":97)"))); }

// asked is a request of the whole API.
std::string asked(std::string_view more) {
  return R"({"model":"openpcc-demo","messages":[{"role":"user","content":"one two"}])" + std::string(more) + "}";
}
constexpr std::string_view kTools =
    R"(,"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b","parameters":{"type":"object",)"
    R"("properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":2}},"required":["city","days"]}}}])";

TEST(Chat, tells_of_media) {
  const auto request = parse(
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAEC"}},
      {"type":"input_audio","input_audio":{"format":"wav","data":"AAAA"}},{"type":"input_image","image_url":"data:image/gif;base64,AA=="}]}]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->question, "see");
  ASSERT_EQ(request->attachments.size(), 3u);
  EXPECT_EQ(request->attachments[0].media_type, "image/png");
  EXPECT_EQ(request->attachments[0].bytes, 3u);
  EXPECT_EQ(request->attachments[1].media_type, "audio/wav");
  for (const std::string_view part :
       {R"({"type":"image_url","image_url":{"url":"https://h/"}})", R"({"type":"image_url","image_url":"data:x,y"})",
        R"({"type":"image_url","image_url":"data:image/png;base64,A"})", R"({"type":"video"})", R"({"text":"x"})",
        R"({"type":"input_audio"})", R"({"type":"input_audio","input_audio":{"format":"wav","data":"="}})", "7"}) {
    EXPECT_FALSE(parse(R"({"messages":[{"role":"user","content":[)" + std::string(part) + "]}]}")) << part;
  }
}

TEST(Chat, whole_answers_have_vllms_shape) {
  const auto parsed = json_of(chat, asked(R"(,"n":2,"max_tokens":2)"));
  EXPECT_EQ(parsed.at("id"), "chatcmpl-7");
  EXPECT_EQ(parsed.at("object"), "chat.completion");
  EXPECT_EQ(parsed.at("created"), 1'790'000'000);
  EXPECT_EQ(parsed.at("choices").as_array().size(), 2u);
  EXPECT_EQ(parsed.at("choices").at(1).at("index"), 1);
  EXPECT_EQ(parsed.at("choices").at(1).at("message").at("content"), "I am");
  EXPECT_EQ(parsed.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_TRUE(parsed.at("choices").at(0).at("stop_reason").is_null());
  EXPECT_TRUE(parsed.at("choices").at(0).at("logprobs").is_null());
  EXPECT_EQ(parsed.at("usage").at("completion_tokens"), 4);
  EXPECT_EQ(parsed.at("usage").at("total_tokens"), 7);
  const auto stopped = json_of(chat, asked(R"(,"stop":" the")"));
  EXPECT_EQ(stopped.at("choices").at(0).at("message").at("content"), "I am");
  EXPECT_EQ(stopped.at("choices").at(0).at("stop_reason"), " the");
}

TEST(Chat, streams_have_vllms_chunks) {
  EXPECT_EQ(
      answer_of(chat, asked(R"(,"stream":true,"max_tokens":1)")),
      R"(data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1790000000,"model":"openpcc-demo","choices":[{"index":0,)"
      R"("delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})"
      "\n\n"
      R"(data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1790000000,"model":"openpcc-demo","choices":[{"index":0,)"
      R"("delta":{"content":"I"},"logprobs":null,"finish_reason":null}]})"
      "\n\n"
      R"(data: {"id":"chatcmpl-7","object":"chat.completion.chunk","created":1790000000,"model":"openpcc-demo","choices":[{"index":0,)"
      R"("delta":{"content":""},"logprobs":null,"finish_reason":"length","stop_reason":null}],"system_fingerprint":"openpcc-demo-engine"})"
      "\n\ndata: [DONE]\n\n");
}

TEST(Chat, streams_tell_the_usage_where_asked) {
  auto events = events_of(answer_of(chat, asked(R"(,"stream":true,"max_tokens":2,"n":2,"stream_options":{"include_usage":true})")));
  ASSERT_EQ(events.size(), 10u);  // opening, 2 tokens, ending for each of 2; usage; done
  EXPECT_EQ(events[9], "[DONE]");
  EXPECT_TRUE(events[8].at("choices").as_array().empty());
  EXPECT_EQ(events[8].at("usage").at("total_tokens"), 7);
  EXPECT_FALSE(events[3].as_object().contains("usage"));
  events = events_of(
      answer_of(chat, asked(R"(,"stream":true,"max_tokens":2,"stream_options":{"include_usage":true,"continuous_usage_stats":true})")));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(events[i].at("usage").at("completion_tokens"), std::min<size_t>(i, 2));
}

TEST(Chat, calls_the_tool_that_is_demanded) {
  const auto parsed = json_of(chat, asked(std::string(kTools) + R"(,"tool_choice":{"type":"function","function":{"name":"b"}})"));
  const auto& choice = parsed.at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_TRUE(choice.at("message").at("content").is_null());
  EXPECT_EQ(choice.at("message").at("tool_calls").at(0).at("function").at("name"), "b");
  EXPECT_EQ(choice.at("message").at("tool_calls").at(0).at("function").at("arguments"), R"({"city":"","days":2})");
  const auto any = json_of(chat, asked(std::string(kTools) + R"(,"tool_choice":"required")"));
  EXPECT_EQ(any.at("choices").at(0).at("message").at("tool_calls").at(0).at("function").at("arguments"), "{}");
  const auto none = json_of(chat, asked(std::string(kTools) + R"(,"tool_choice":"auto")"));
  EXPECT_EQ(none.at("choices").at(0).at("finish_reason"), "stop");
}

TEST(Chat, streams_tool_calls_in_pieces) {
  const auto events = events_of(
      answer_of(chat, asked(std::string(kTools) + R"(,"stream":true,"tool_choice":{"type":"function","function":{"name":"b"}})")));
  EXPECT_EQ(events[0].at("choices").at(0).at("delta").at("tool_calls").at(0).at("function").at("name"), "b");
  std::string arguments;
  for (size_t i = 1; i + 2 < events.size(); ++i) {
    const auto& call = events[i].at("choices").at(0).at("delta").at("tool_calls").at(0);
    EXPECT_EQ(call.at("index"), 0);
    arguments += call.at("function").at("arguments").as_string();
  }
  EXPECT_EQ(arguments, R"({"city":"","days":2})");
  EXPECT_EQ(events[events.size() - 2].at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST(Chat, answers_in_the_demanded_format) {
  const auto text = [](std::string_view format) {
    const auto parsed = json_of(chat, asked(R"(,"response_format":)" + std::string(format)));
    return std::string(parsed.at("choices").at(0).at("message").at("content").as_string());
  };
  EXPECT_TRUE(has(std::string(json::parse(text(R"({"type":"json_object"})")).at("report").as_string()), "I am the demo engine"));
  EXPECT_EQ(
      text(
          R"({"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"type":"array"}},"required":["a"]}}})"),
      R"({"a":[]})");
  EXPECT_TRUE(has(text(R"({"type":"text"})"), "I am the demo engine"));
}

TEST(Chat, tells_logprobs_where_asked) {
  const auto parsed = json_of(chat, asked(R"(,"logprobs":true,"top_logprobs":2,"max_tokens":3)"));
  const auto& content = parsed.at("choices").at(0).at("logprobs").at("content").as_array();
  ASSERT_EQ(content.size(), 3u);
  EXPECT_EQ(content[1].at("token"), " am");
  EXPECT_EQ(content[1].at("bytes"), (json::array{32, 97, 109}));
  EXPECT_EQ(content[1].at("top_logprobs").as_array().size(), 2u);
  const auto events = events_of(answer_of(chat, asked(R"(,"logprobs":true,"max_tokens":1,"stream":true)")));
  EXPECT_EQ(events[1].at("choices").at(0).at("logprobs").at("content").at(0).at("token"), "I");
}

TEST(Chat, refuses_what_it_cannot_demand) {
  expect_error(chat, asked(R"(,"tool_choice":"required")"), 400, "`tools` must be set");
  expect_error(chat, asked(std::string(kTools) + R"(,"tool_choice":{"type":"function","function":{"name":"c"}})"), 400, "does not match");
  expect_error(chat, asked(std::string(kTools) + R"(,"tool_choice":"some")"), 400, "tool_choice");
  expect_error(chat, asked(std::string(kTools) + R"(,"tool_choice":{"function":{}})"), 400, "name is required");
  expect_error(chat, asked(R"(,"tools":7)"), 400, "tools must be a list");
  expect_error(chat, asked(R"(,"tools":[7])"), 400, "a tool must be an object");
  expect_error(chat, asked(R"(,"tools":[{"type":"function"}])"), 400, "must have a function");
  expect_error(chat, asked(R"(,"response_format":{"type":"xml"})"), 400, "json_schema");
  expect_error(chat, asked(R"(,"response_format":{"type":"json_schema"})"), 400, "needs a schema");
  expect_error(chat, asked(R"(,"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#"}}})"), 400, "that schema");
  expect_error(chat, asked(R"(,"top_logprobs":2)"), 400, "`logprobs` must be set");
  expect_error(chat, asked(R"(,"logprobs":true,"top_logprobs":21)"), 400, "top_logprobs");
}

}  // namespace
}  // namespace openpcc::demo_engine
