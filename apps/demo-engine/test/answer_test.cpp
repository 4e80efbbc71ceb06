#include "answer.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

const Served kServed{.name = "openpcc-demo", .max_model_len = 1000};

Prompt plain() {
  Prompt out;
  out.inputs = "1 message (user)";
  out.question = "What reached you?";
  out.characters = 17;
  out.tokens = 4;
  out.body_fields = {"messages", "model"};
  return out;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

TEST(Report, says_what_arrived) {
  const http::Fields fields{{"content-type", "application/json"}, {"accept", "*/*"}};
  const std::string text = report(plain(), fields, kServed);
  EXPECT_TRUE(has(text, "I am the demo engine of OpenPCC, not a language model"));
  EXPECT_TRUE(has(text, "Your question begins: \"What reached you?\"\n"));
  EXPECT_TRUE(has(text, "Model: openpcc-demo. 1 message (user) with 17 characters."));
  EXPECT_TRUE(has(text, "Fields of the body: messages, model."));
  EXPECT_TRUE(has(text, "No cache salt was set"));
  EXPECT_TRUE(has(text, "Names of the header fields: accept, content-type."));
  EXPECT_TRUE(has(text, "No field with a client's address reached me. No Authorization"));
  EXPECT_EQ(text, report(plain(), fields, kServed));
}

TEST(Report, never_repeats_a_fields_value) {
  const http::Fields fields{
      {"x-forwarded-for", "192.0.2.7"}, {"authorization", "Bearer sk-1"}, {"cookie", "c=1"}, {"x-other", "value-of-other"}};
  const std::string text = report(plain(), fields, kServed);
  EXPECT_TRUE(has(text, "A client's address may have reached me in: x-forwarded-for."));
  EXPECT_TRUE(has(text, "Fields that can tell who asks: authorization, cookie."));
  for (const std::string_view value : {"192.0.2.7", "sk-1", "c=1", "value-of-other"}) EXPECT_FALSE(has(text, value)) << value;
}

TEST(Report, tells_a_salt_by_its_length_alone) {
  Prompt request = plain();
  request.cache_salt_characters = 64;
  EXPECT_TRUE(has(report(request, {}, kServed), "A cache salt of 64 characters was set"));
}

TEST(Report, repeats_only_the_questions_first_words) {
  Prompt request = plain();
  request.question = "one two three four five six seven eight nine ten";
  EXPECT_TRUE(has(report(request, {}, kServed), "\"one two three four five six seven eight ...\""));
  request.question = std::string(200, 'x');
  EXPECT_TRUE(has(report(request, {}, kServed), "begins: \" ...\""));
  request.question = "  a";
  EXPECT_TRUE(has(report(request, {}, kServed), "begins: \"a\""));
}

TEST(Report, bounds_the_lists) {
  Prompt request = plain();
  request.body_fields.assign(100, "f");
  EXPECT_TRUE(has(report(request, {}, kServed), " and 60 more."));
}

TEST(Complete, gives_the_whole_text) {
  const Completion completion = complete(plain(), "one two three", kServed);
  EXPECT_EQ(text_of(completion), "one two three");
  EXPECT_EQ(completion.finish_reason, "stop");
  EXPECT_FALSE(completion.stop_reason);
}

TEST(Complete, cuts_at_max_tokens) {
  Prompt request = plain();
  request.max_tokens = 2;
  const Completion completion = complete(request, "one two three", kServed);
  EXPECT_EQ(text_of(completion), "one two");
  EXPECT_EQ(completion.finish_reason, "length");
  request.max_tokens = 3;
  EXPECT_EQ(complete(request, "one two three", kServed).finish_reason, "stop");
}

TEST(Complete, fills_up_when_asked) {
  Prompt request = plain();
  request.max_tokens = 6;
  request.ignore_eos = true;
  Completion completion = complete(request, "one two three", kServed);
  EXPECT_EQ(text_of(completion), "one two three word4 word5 word6");
  EXPECT_EQ(completion.finish_reason, "length");
  request.ignore_eos = false;
  request.min_tokens = 5;
  completion = complete(request, "one two three", kServed);
  EXPECT_EQ(completion.tokens.size(), 5u);
  EXPECT_EQ(completion.finish_reason, "stop");
}

TEST(Complete, without_a_bound_stays_within_the_context) {
  Prompt request = plain();
  request.ignore_eos = true;
  EXPECT_EQ(complete(request, "one", kServed).tokens.size(), 996u);
}

TEST(Complete, ends_before_the_first_stop) {
  Prompt request = plain();
  request.stops = {"three", "wo t", "absent"};
  const Completion completion = complete(request, "one two three", kServed);
  EXPECT_EQ(text_of(completion), "one t");
  EXPECT_EQ(completion.finish_reason, "stop");
  EXPECT_EQ(completion.stop_reason, "wo t");
}

TEST(Complete, a_stop_beyond_max_tokens_is_not_met) {
  Prompt request = plain();
  request.stops = {"three"};
  request.max_tokens = 2;
  const Completion completion = complete(request, "one two three", kServed);
  EXPECT_EQ(text_of(completion), "one two");
  EXPECT_EQ(completion.finish_reason, "length");
  EXPECT_FALSE(completion.stop_reason);
}

TEST(Report, tells_of_media_by_size_and_digest) {
  Prompt request = plain();
  request.attachments = {attachment("image/png", as_bytes("abc")), attachment("", {})};
  const std::string text = report(request, {}, kServed);
  EXPECT_TRUE(has(text, "2 media came with it: 3 bytes of image/png, SHA-256 ba7816bf8f01cfea")) << text;
  EXPECT_TRUE(has(text, "0 bytes of no media type, SHA-256 e3b0c442"));
}

TEST(Complete, calls_the_demanded_tool) {
  Prompt request = plain();
  request.call = ToolCall{.name = "f", .arguments = R"({"city":"x"})"};
  Completion completion = complete(request, "one", kServed);
  EXPECT_EQ(text_of(completion), R"({"city":"x"})");
  EXPECT_GT(completion.tokens.size(), 1u);
  EXPECT_EQ(completion.finish_reason, "tool_calls");
  request.max_tokens = 1;
  EXPECT_EQ(complete(request, "one", kServed).finish_reason, "length");
}

TEST(Complete, answers_with_the_demanded_json) {
  Prompt request = plain();
  request.document = "{}";
  EXPECT_EQ(text_of(complete(request, "one", kServed)), "{}");
  request.document.reset();
  request.report_as_json = true;
  EXPECT_EQ(text_of(complete(request, "one \"two\"", kServed)), R"({"report":"one \"two\""})");
}

TEST(Generation, counts_the_tokens_of_each_step) {
  Generation generation;
  generation.prompt.choices = 2;
  generation.completions = {{.tokens = {"a", "b"}, .finish_reason = "stop", .stop_reason = {}},
                            {.tokens = {"a"}, .finish_reason = "stop", .stop_reason = {}}};
  EXPECT_EQ(generation.steps(), (std::vector<uint32_t>{4, 2}));
  EXPECT_EQ(generation.completion_tokens(), 6u);
}

}  // namespace
}  // namespace openpcc::demo_engine
