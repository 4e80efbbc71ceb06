#include "ask.h"

namespace openpcc::demo_engine {
namespace {

TEST(Completions, whole_answers_have_vllms_shape) {
  const auto parsed = json_of(completions, R"({"model":"openpcc-demo","prompt":"one two","max_tokens":2,"n":2,"unknown":[]})");
  EXPECT_EQ(parsed.at("id"), "cmpl-7");
  EXPECT_EQ(parsed.at("object"), "text_completion");
  EXPECT_EQ(parsed.at("choices").as_array().size(), 2u);
  EXPECT_EQ(parsed.at("choices").at(1).at("index"), 1);
  EXPECT_EQ(parsed.at("choices").at(0).at("text"), "I am");
  EXPECT_EQ(parsed.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_TRUE(parsed.at("choices").at(0).at("logprobs").is_null());
  EXPECT_EQ(parsed.at("usage").at("prompt_tokens"), 2);
  EXPECT_EQ(parsed.at("usage").at("completion_tokens"), 4);
}

TEST(Completions, report_what_arrived) {
  const auto parsed = json_of(completions, R"({"prompt":"one two","max_tokens":500,"cache_salt":"abc"})");
  const std::string text(parsed.at("choices").at(0).at("text").as_string());
  EXPECT_TRUE(has(text, "Your question begins: \"one two\"")) << text;
  EXPECT_TRUE(has(text, "1 prompt with 7 characters.")) << text;
  EXPECT_TRUE(has(text, "A cache salt of 3 characters"));
  EXPECT_EQ(parsed.at("choices").at(0).at("finish_reason"), "stop");
}

TEST(Completions, without_a_length_have_16_tokens) {
  EXPECT_EQ(json_of(completions, R"({"prompt":"one"})").at("usage").at("completion_tokens"), 16);
}

TEST(Completions, answer_each_prompt) {
  const auto parsed = json_of(completions, R"({"prompt":["first one","second one"],"max_tokens":500,"n":2,"echo":true})");
  const auto& choices = parsed.at("choices").as_array();
  ASSERT_EQ(choices.size(), 4u);
  EXPECT_TRUE(has(std::string(choices[1].at("text").as_string()), "begins: \"first one\""));
  EXPECT_TRUE(std::string(choices[2].at("text").as_string()).starts_with("second oneI am"));
  EXPECT_EQ(choices[3].at("index"), 3);
}

TEST(Completions, read_token_numbers) {
  // 354: "b" behind a 1; another model's numbers count, though nothing can be read in them.
  const auto parsed = json_of(completions, R"({"prompt":[[354,354],[1000]],"max_tokens":1,"echo":true})");
  EXPECT_EQ(parsed.at("choices").at(0).at("text"), "bbI");
  EXPECT_EQ(parsed.at("choices").at(1).at("text"), "\ufffdI");
  EXPECT_EQ(parsed.at("usage").at("prompt_tokens"), 3);
  EXPECT_EQ(json_of(completions, R"({"prompt":[354],"max_tokens":1})").at("usage").at("prompt_tokens"), 1);
}

TEST(Completions, stream_in_chunks) {
  const auto events = events_of(
      answer_of(completions, R"({"prompt":["a","b"],"max_tokens":2,"stream":true,"echo":true,"stream_options":{"include_usage":true}})"));
  ASSERT_EQ(events.size(), 10u);  // echo, 2 tokens, ending for each of 2; usage; done
  EXPECT_EQ(events[0].at("object"), "text_completion");
  EXPECT_EQ(events[1].at("choices").at(0).at("text"), "b");
  EXPECT_EQ(events[2].at("choices").at(0).at("text"), "I");
  EXPECT_EQ(events[7].at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(events[8].at("usage").at("completion_tokens"), 4);
  EXPECT_EQ(events[9], "[DONE]");
}

TEST(Completions, answer_json_where_asked) {
  const auto parsed =
      json_of(completions, R"({"prompt":"a","response_format":{"type":"json_schema","json_schema":{"schema":{"const":{"a":1}}}}})");
  EXPECT_EQ(parsed.at("choices").at(0).at("text"), R"({"a":1})");
}

TEST(Completions, refuse) {
  expect_error(completions, R"({})", 400, "prompt is required");
  expect_error(completions, R"({"prompt":7})", 400, "prompt must be");
  expect_error(completions, R"({"prompt":[]})", 400, "prompt must be");
  expect_error(completions, R"({"prompt":["a",7]})", 400, "prompt must be");
  expect_error(completions, R"({"prompt":[-1]})", 400, "prompt must be");
  expect_error(completions, R"({"prompt":"a","model":"gpt"})", 404, "does not exist");
  expect_error(completions, R"({"prompt":"a","echo":1})", 400, "echo");
  expect_error(completions, R"({"prompt":"a","max_tokens":1000})", 400, "maximum context length");
  expect_error(completions, R"({"prompt":"a","min_tokens":20})", 400, "min_tokens");
  std::string many = R"({"prompt":["a")";
  for (int i = 0; i < 64; ++i) many += R"(,"a")";
  expect_error(completions, many + "]}", 400, "at most 64");
}

}  // namespace
}  // namespace openpcc::demo_engine
