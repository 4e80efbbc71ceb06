#include "ask.h"

namespace openpcc::demo_engine {
namespace {

constexpr std::string_view kTool =
    R"(,"tools":[{"type":"web_search"},{"type":"function","name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer"}},)"
    R"("required":["a"]}}],"tool_choice":{"type":"function","name":"f"})";

std::string asked(std::string_view more) { return R"({"model":"openpcc-demo","input":"one two")" + std::string(more) + "}"; }

TEST(Responses, whole_answers_have_openais_shape) {
  const auto parsed = json_of(responses, asked(R"(,"instructions":"be brief","temperature":0.5,"metadata":{"a":"b"})"));
  EXPECT_EQ(parsed.at("id"), "resp_7");
  EXPECT_EQ(parsed.at("object"), "response");
  EXPECT_EQ(parsed.at("status"), "completed");
  EXPECT_EQ(parsed.at("instructions"), "be brief");
  EXPECT_EQ(parsed.at("temperature"), 0.5);
  EXPECT_EQ(parsed.at("metadata").at("a"), "b");
  const auto& item = parsed.at("output").at(0);
  EXPECT_EQ(item.at("type"), "message");
  EXPECT_EQ(item.at("content").at(0).at("type"), "output_text");
  const std::string text(item.at("content").at(0).at("text").as_string());
  EXPECT_TRUE(has(text, "2 messages (system, user) with 15 characters.")) << text;
  EXPECT_EQ(parsed.at("usage").at("input_tokens"), 6);
  EXPECT_TRUE(parsed.at("incomplete_details").is_null());
}

TEST(Responses, read_lists_of_inputs) {
  const auto parsed = json_of(responses, R"({"input":[{"role":"developer","content":"x"},{"type":"message","role":"user","content":[
      {"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:image/png;base64,AAEC"}]},{"type":"reasoning","summary":[]},
      {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"done"}]})");
  const std::string text(parsed.at("output").at(0).at("content").at(0).at("text").as_string());
  EXPECT_TRUE(has(text, "4 messages (developer, user, assistant, tool)")) << text;
  EXPECT_TRUE(has(text, "3 bytes of image/png"));
  EXPECT_TRUE(has(text, "begins: \"see\""));
}

TEST(Responses, stream_in_openais_order) {
  const auto events = events_of(answer_of(responses, asked(R"(,"stream":true,"max_output_tokens":2)")));
  std::vector<std::string> types;
  for (size_t i = 0; i < events.size(); ++i) {
    types.emplace_back(events[i].at("type").as_string());
    EXPECT_EQ(events[i].at("sequence_number"), i);
  }
  EXPECT_EQ(types, (std::vector<std::string>{"response.created", "response.in_progress", "response.output_item.added",
                                             "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
                                             "response.output_text.done", "response.content_part.done", "response.output_item.done",
                                             "response.incomplete"}));
  EXPECT_EQ(events[0].at("response").at("status"), "in_progress");
  EXPECT_EQ(events[4].at("delta"), "I");
  EXPECT_EQ(events[4].at("item_id"), events[2].at("item").at("id"));
  EXPECT_EQ(events[6].at("text"), "I am");
  EXPECT_EQ(events[9].at("response").at("incomplete_details").at("reason"), "max_output_tokens");
  const auto complete = events_of(answer_of(responses, asked(R"(,"stream":true)")));
  EXPECT_EQ(complete.back().at("type"), "response.completed");
  EXPECT_EQ(complete.back().at("response").at("output").at(0).at("status"), "completed");
}

TEST(Responses, call_the_function_that_is_demanded) {
  const auto parsed = json_of(responses, asked(kTool));
  EXPECT_EQ(parsed.at("output").at(0).at("type"), "function_call");
  EXPECT_EQ(parsed.at("output").at(0).at("arguments"), R"({"a":0})");
  EXPECT_EQ(parsed.at("tools").as_array().size(), 2u);
  const auto events = events_of(answer_of(responses, asked(std::string(kTool) + R"(,"stream":true)")));
  EXPECT_EQ(events[2].at("item").at("name"), "f");
  std::string arguments;
  for (const json::value& event : events) {
    if (event.at("type") == "response.function_call_arguments.delta") arguments += event.at("delta").as_string();
    if (event.at("type") == "response.function_call_arguments.done") {
      EXPECT_EQ(event.at("arguments"), R"({"a":0})");
    }
  }
  EXPECT_EQ(arguments, R"({"a":0})");
  EXPECT_EQ(events.back().at("type"), "response.completed");
}

TEST(Responses, answer_json_where_asked) {
  const auto parsed = json_of(responses, asked(R"(,"text":{"format":{"type":"json_schema","name":"n","schema":{"const":{"a":1}}}})"));
  EXPECT_EQ(parsed.at("output").at(0).at("content").at(0).at("text"), R"({"a":1})");
}

TEST(Responses, refuse) {
  expect_error(responses, "{}", 400, "input is required");
  expect_error(responses, R"({"input":7})", 400, "text or a list");
  expect_error(responses, R"({"input":[]})", 400, "at least one");
  expect_error(responses, R"({"input":[],"instructions":"x"})", 400, "at least one");
  expect_error(responses, R"({"input":[7]})", 400, "an object");
  expect_error(responses, R"({"input":[{"role":"king","content":"x"}]})", 400, "known role");
  expect_error(responses, R"({"input":[{"type":"item_reference","id":"x"}]})", 400, "that type");
  expect_error(responses, asked(R"(,"instructions":7)"), 400, "instructions");
  expect_error(responses, asked(R"(,"previous_response_id":"resp_1")"), 404, "not found");
  expect_error(responses, asked(R"(,"background":true)"), 400, "store");
  expect_error(responses, asked(R"(,"text":{"format":{"type":"xml"}})"), 400, "json_schema");
  expect_error(responses, asked(R"(,"model":"m")"), 404, "does not exist");
}

}  // namespace
}  // namespace openpcc::demo_engine
