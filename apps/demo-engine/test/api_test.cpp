#include "ask.h"

namespace openpcc::demo_engine {
namespace {

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

TEST(Routes, refuse_other_models_and_what_is_no_json) {
  for (const Route& route : routes()) {
    const auto malformed = ask(route.api, "{");
    ASSERT_FALSE(malformed) << route.path;
    EXPECT_EQ(malformed.error().status, 400) << route.path;
    if (route.path.starts_with("/v1/audio/tr")) continue;  // forms
    const auto other = ask(route.api, R"({"model":"other","messages":[{"role":"user","content":"x"}],"max_tokens":1})");
    ASSERT_FALSE(other) << route.path;
    EXPECT_EQ(other.error().status, 404) << route.path;
    const auto wrong = ask(route.api, R"({"model":7})");
    ASSERT_FALSE(wrong) << route.path;
    EXPECT_EQ(wrong.error().status, 400) << route.path;
  }
}

}  // namespace
}  // namespace openpcc::demo_engine
