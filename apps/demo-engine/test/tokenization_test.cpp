#include "ask.h"

namespace openpcc::demo_engine {
namespace {

TEST(Tokenize, has_vllms_shape) {
  const auto parsed = json_of(tokenize_text, R"({"model":"openpcc-demo","prompt":"bb b","return_token_strs":true})");
  EXPECT_EQ(parsed.at("count"), 2);
  EXPECT_EQ(parsed.at("max_model_len"), 1000);
  EXPECT_EQ(parsed.at("tokens").as_array().size(), 2u);
  EXPECT_EQ(parsed.at("token_strs").at(1), " b");
  EXPECT_TRUE(json_of(tokenize_text, R"({"prompt":""})").at("token_strs").is_null());
}

TEST(Tokenize, counts_messages_as_chat_does) {
  constexpr std::string_view kBody =
      R"({"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"one two"}],"max_tokens":1})";
  EXPECT_EQ(json_of(tokenize_text, kBody).at("count"), json_of(chat, kBody).at("usage").at("prompt_tokens"));
}

TEST(Tokenize, has_llama_cpps_shape_too) { EXPECT_EQ(answer_of(tokenize_text, R"({"content":"b"})"), R"({"tokens":[354]})"); }

TEST(Detokenize, inverts) {
  const std::string text = " Donaudampfschiff \u00fc\U0001f600 \"x\"\n";
  const auto tokens = json_of(tokenize_text, json::serialize(json::object{{"prompt", text}}));
  const auto back = json_of(detokenize, json::serialize(json::object{{"tokens", tokens.at("tokens")}}));
  EXPECT_EQ(back.at("prompt"), json::string_view(text));
  EXPECT_EQ(back.at("content"), json::string_view(text));
}

TEST(Tokenization, refuses) {
  expect_error(tokenize_text, "{}", 400, "prompt or messages");
  expect_error(tokenize_text, R"({"prompt":7})", 400, "prompt must be text");
  expect_error(tokenize_text, R"({"messages":[]})", 400, "at least one");
  expect_error(detokenize, "{}", 400, "tokens is required");
  expect_error(detokenize, R"({"tokens":"x"})", 400, "must be a list");
  expect_error(detokenize, R"({"tokens":[7]})", 400, "vocabulary");
  expect_error(detokenize, R"({"tokens":["x"]})", 400, "vocabulary");
  expect_error(detokenize, R"({"tokens":[451]})", 400, "inside a character");
}

}  // namespace
}  // namespace openpcc::demo_engine
