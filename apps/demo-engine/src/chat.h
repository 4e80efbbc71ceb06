// A chat completion request as vLLM reads it: what this engine needs of it, and the errors that vLLM gives.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::demo_engine {

// ApiError is an answer of vLLM's shape: {"error":{"message":…,"type":…,"param":…,"code":…}}.
struct ApiError {
  uint16_t status = 400;
  std::string message;
  std::string type = "BadRequestError";
  std::string param = {};
};

struct ChatRequest {
  std::vector<std::string> roles;  // of the messages, in order
  size_t prompt_characters = 0;    // UTF-8 code points of all messages
  size_t prompt_tokens = 0;
  std::string question;                  // the last message of role "user"
  std::vector<std::string> body_fields;  // names of the body's members, sorted
  std::optional<size_t> cache_salt_characters;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
  uint32_t choices = 1;
  std::optional<uint32_t> max_tokens;
  uint32_t min_tokens = 0;
  bool ignore_eos = false;  // fill the answer up to max_tokens, as load generators ask
  std::vector<std::string> stops;
};

// Served is the model that this engine claims to be.
struct Served {
  std::string name = "openpcc-demo";
  uint32_t max_model_len = 32'768;  // tokens of prompt and answer together
};

inline constexpr size_t kBodyBytesMax = 32 * 1024 * 1024;
inline constexpr uint32_t kChoicesMax = 16;

// parse_chat reads a request's body. Members that this engine has no use for are ignored, as vLLM does.
std::expected<ChatRequest, ApiError> parse_chat(ByteSpan body, const Served& served);

// tokenize cuts text into words, each with the white space before it. Joined, the tokens are the text again.
std::vector<std::string> tokenize(std::string_view text);

}  // namespace openpcc::demo_engine
