// A request to generate, whichever API it came through.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api.h"

namespace openpcc::demo_engine {

// Attachment is a medium that came with a request: what the report tells of it.
struct Attachment {
  std::string media_type;
  size_t bytes = 0;
  std::string sha256;  // in hex
};
Attachment attachment(std::string_view media_type, ByteSpan content);

// ToolCall is what an answer must be where a request demands a tool.
struct ToolCall {
  std::string name;
  std::string arguments;  // JSON that is valid for the tool's schema
};

struct Prompt {
  std::string inputs;     // what asks, in words: "1 message (user)"
  size_t characters = 0;  // UTF-8 code points of all of it
  size_t tokens = 0;
  std::vector<uint64_t> ids;             // of the messages' tokens
  std::vector<std::string> roles;        // of the messages, in order
  std::optional<std::string> question;   // the last message of role "user"
  std::vector<std::string> body_fields;  // names of the body's members, sorted
  std::vector<Attachment> attachments;
  std::optional<size_t> cache_salt_characters;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
  uint32_t choices = 1;
  std::optional<uint32_t> max_tokens;
  uint32_t min_tokens = 0;
  bool ignore_eos = false;  // fill the answer up to max_tokens, as load generators ask
  std::vector<std::string> stops;
  std::optional<uint32_t> logprobs;  // wanted, with so many alternatives per token
  std::optional<ToolCall> call;
  std::optional<std::string> document;  // JSON to answer instead of the report
  bool report_as_json = false;          // an object with the report in it
};

inline constexpr uint32_t kChoicesMax = 16;

}  // namespace openpcc::demo_engine
