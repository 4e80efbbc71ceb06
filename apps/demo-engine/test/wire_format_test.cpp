#include "wire_format.h"

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;

json::value event_of(std::string_view event) {
  EXPECT_TRUE(event.starts_with("data: ") && event.ends_with("\n\n")) << event;
  return json::parse(event.substr(6));
}

const Completion kCompletion{.tokens = {"a", " \"b\"\n"}, .finish_reason = "stop", .stop_reason = std::nullopt};

TEST(ChunkWriter, opens_with_the_role_and_empty_content) {
  const ChunkWriter writer("chatcmpl-1", 1790000000, "openpcc-demo", false);
  EXPECT_EQ(
      writer.role(0, {}),
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"openpcc-demo","choices":[{"index":0,)"
      R"("delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]})"
      "\n\n");
}

TEST(ChunkWriter, escapes_tokens) {
  const ChunkWriter writer("i", 1, "m", false);
  const std::string event = writer.text(2, " \"b\"\n\u00e9", {});
  const auto parsed = event_of(event);
  EXPECT_EQ(parsed.at("choices").at(0).at("index"), 2);
  EXPECT_EQ(parsed.at("choices").at(0).at("delta").at("content"), " \"b\"\n\u00e9");
  EXPECT_EQ(event.find('\n'), event.size() - 2);
}

TEST(ChunkWriter, ends_with_the_reason_and_the_fingerprint) {
  const ChunkWriter writer("i", 1, "m", false);
  Completion completion = kCompletion;
  completion.stop_reason = "x";
  const auto parsed = event_of(writer.finish(0, completion, {}));
  EXPECT_EQ(parsed.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(parsed.at("choices").at(0).at("stop_reason"), "x");
  EXPECT_EQ(parsed.at("system_fingerprint"), "openpcc-demo-engine");
  EXPECT_FALSE(parsed.as_object().contains("usage"));
}

TEST(ChunkWriter, usage_has_no_choices) {
  const ChunkWriter writer("i", 1, "m", false);
  const auto parsed = event_of(writer.usage({.prompt = 3, .completion = 4}));
  EXPECT_TRUE(parsed.at("choices").as_array().empty());
  EXPECT_EQ(parsed.at("usage").at("total_tokens"), 7);
  EXPECT_EQ(ChunkWriter::done(), "data: [DONE]\n\n");
}

TEST(ChunkWriter, continuous_usage_stands_in_every_event) {
  const ChunkWriter writer("i", 1, "m", true);
  const Usage usage{.prompt = 3, .completion = 1};
  for (const std::string& event : {writer.role(0, usage), writer.text(0, "t", usage), writer.finish(0, kCompletion, usage)}) {
    EXPECT_EQ(event_of(event).at("usage").at("completion_tokens"), 1);
  }
}

TEST(WholeAnswer, has_vllms_shape) {
  const auto parsed = json::parse(whole_answer("chatcmpl-1", 5, "openpcc-demo", kCompletion, 2, 10));
  EXPECT_EQ(parsed.at("object"), "chat.completion");
  EXPECT_EQ(parsed.at("choices").as_array().size(), 2u);
  EXPECT_EQ(parsed.at("choices").at(1).at("index"), 1);
  EXPECT_EQ(parsed.at("choices").at(1).at("message").at("content"), "a \"b\"\n");
  EXPECT_EQ(parsed.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_TRUE(parsed.at("choices").at(0).at("stop_reason").is_null());
  EXPECT_EQ(parsed.at("usage").at("completion_tokens"), 4);
  EXPECT_EQ(parsed.at("usage").at("total_tokens"), 14);
}

TEST(ModelsAnswer, names_the_demo_model) {
  const auto parsed = json::parse(models_answer({}, 5));
  EXPECT_EQ(parsed.at("data").at(0).at("id"), "openpcc-demo");
  EXPECT_EQ(parsed.at("data").at(0).at("max_model_len"), 32768);
}

TEST(ErrorAnswer, has_openais_shape) {
  EXPECT_EQ(error_answer({.status = 404, .message = "The model `x` does not exist.", .type = "NotFoundError", .param = "model"}),
            R"({"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}})");
  EXPECT_EQ(error_answer({.message = "m"}), R"({"error":{"message":"m","type":"BadRequestError","param":null,"code":400}})");
}

}  // namespace
}  // namespace openpcc::demo_engine
