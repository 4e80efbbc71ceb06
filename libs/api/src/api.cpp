#include "openpcc/api/api.h"

namespace openpcc::api {
namespace {

constexpr std::string_view kModelPaths[] = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/score",
    "/v1/score",
    "/rerank",
    "/v1/rerank",
    "/tokenize",
    "/detokenize",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/images/generations",
};

std::string_view anthropic_type(uint16_t status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503: return "overloaded_error";
    default: return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

// error_object has the members of OpenAI's in every dialect: Anthropic's clients read type and message of them.
std::string error_object(std::string_view type, const Failure& failure) {
  return "{\"message\":" + quote(failure.message) + ",\"type\":" + quote(type) +
         ",\"param\":" + (failure.param.empty() ? std::string("null") : quote(failure.param)) + ",\"code\":" + quote(failure.code) + "}";
}

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

Dialect dialect_of(std::string_view path) {
  if (path == "/v1/messages" || path == "/v1/messages/count_tokens") return Dialect::anthropic;
  return path == "/v1/responses" ? Dialect::responses : Dialect::openai;
}

std::span<const std::string_view> model_paths() { return kModelPaths; }

std::string error_body(Dialect dialect, const Failure& failure) {
  if (dialect != Dialect::anthropic) return R"({"error":)" + error_object(failure.type, failure) + "}";
  return R"({"type":"error","error":)" + error_object(anthropic_type(failure.status), failure) + "}";
}

std::string error_event(Dialect dialect, const Failure& failure) {
  std::string data = error_body(dialect, failure);
  if (dialect == Dialect::responses) {
    // Read by its type in one generation of OpenAI's clients, by its member `error` in the others.
    data = R"({"type":"error","sequence_number":0,"code":)" + quote(failure.code) + R"(,"message":)" + quote(failure.message) +
           R"(,"param":null,"error":)" + error_object(failure.type, failure) + "}";
  }
  return "event: error\ndata: " + data + "\n\n";
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
      out.push_back(kHex[c & 0x0f]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace openpcc::api
