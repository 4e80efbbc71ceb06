// POST /tokenize and /detokenize: vLLM's, and llama.cpp's.
#include "apis.h"
#include "chat.h"
#include "sse.h"
#include "tokens.h"

namespace openpcc::demo_engine {

Parsed<Job> tokenize_text(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const std::optional<std::string> content, text(body, "content"));
  OPENPCC_LET(const std::optional<std::string> plain, text(body, "prompt"));
  OPENPCC_LET(const bool with_texts, flag(body, "return_token_strs"));
  Prompt prompt;
  if (content || plain) {
    prompt.ids = token_ids(content ? *content : *plain);
  } else if (member(body, "messages") != nullptr) {
    OPENPCC_TRY(read_chat_messages(body, prompt));
  } else {
    return bad("prompt or messages is required", "prompt");
  }
  json::array tokens;
  json::array strings;
  for (const uint64_t id : prompt.ids) {
    tokens.push_back(id);
    strings.push_back(js(token_text(id).value_or("")));
  }
  json::object out{{"tokens", std::move(tokens)}};
  if (!content) {  // llama.cpp has the tokens alone
    out.emplace("count", prompt.ids.size());
    out.emplace("max_model_len", context.served.max_model_len);
    out.emplace("token_strs", with_texts ? json::value(std::move(strings)) : json::value(nullptr));
  }
  return instant_job(json::serialize(out));
}

Parsed<Job> detokenize(ByteSpan bytes, const Context& context) {
  OPENPCC_LET(const json::object body, parse_object(bytes));
  OPENPCC_TRY(read_model(body, context.served));
  OPENPCC_LET(const json::array* const tokens, list(body, "tokens"));
  if (tokens == nullptr) return bad("tokens is required", "tokens");
  std::string out;
  for (const json::value& token : *tokens) {
    const auto known = token.is_int64() ? token_text(static_cast<uint64_t>(token.get_int64())) : std::nullopt;
    if (!known) return bad("a token is out of the vocabulary", "tokens");
    out += *known;
  }
  if (!is_utf8(out)) return bad("the tokens end inside a character", "tokens");
  // vLLM's name for it, and llama.cpp's.
  return instant_job(json::serialize(json::object{{"prompt", out}, {"content", out}}));
}

}  // namespace openpcc::demo_engine
