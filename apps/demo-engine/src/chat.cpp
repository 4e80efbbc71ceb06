#include "chat.h"

#include <algorithm>
#include <boost/json.hpp>

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;

template <class T>
using Parsed = std::expected<T, ApiError>;

std::unexpected<ApiError> bad(std::string message, std::string param = {}) {
  return std::unexpected(ApiError{.message = std::move(message), .param = std::move(param)});
}

// member returns a member that is there and not null.
const json::value* member(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Parsed<bool> flag(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  if (value == nullptr) return false;
  if (!value->is_bool()) return bad(std::string(name) + " must be true or false", std::string(name));
  return value->get_bool();
}

Parsed<std::optional<uint32_t>> count(const json::object& object, std::string_view name, int64_t min, int64_t max) {
  const auto* value = member(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64() || value->get_int64() < min || value->get_int64() > max) {
    return bad(std::string(name) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max), std::string(name));
  }
  return static_cast<uint32_t>(value->get_int64());
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

Parsed<std::string> text_of_parts(const json::array& parts) {
  std::string out;
  for (const json::value& part : parts) {
    const auto* object = part.if_object();
    const auto* type = object == nullptr ? nullptr : member(*object, "type");
    const auto* text = object == nullptr ? nullptr : member(*object, "text");
    if (type == nullptr || *type != "text" || text == nullptr || !text->is_string()) {
      return bad("this engine reads parts of type \"text\" only", "messages");
    }
    out += text->get_string();
  }
  return out;
}

// text_of_content reads a message's content: text, parts, or nothing (as beside tool calls).
Parsed<std::string> text_of_content(const json::value* content) {
  if (content == nullptr) return std::string();
  if (const auto* text = content->if_string()) return std::string(*text);
  if (const auto* parts = content->if_array()) return text_of_parts(*parts);
  return bad("a message's content must be text or a list of parts", "messages");
}

Parsed<void> read_messages(const json::object& body, ChatRequest& out) {
  const auto* messages = member(body, "messages");
  if (messages == nullptr || !messages->is_array() || messages->get_array().empty()) {
    return bad("messages must be a list with at least one message", "messages");
  }
  static constexpr std::array<std::string_view, 6> kRoles{"system", "developer", "user", "assistant", "tool", "function"};
  for (const json::value& message : messages->get_array()) {
    const auto* object = message.if_object();
    const auto* role = object == nullptr ? nullptr : member(*object, "role");
    if (role == nullptr || !role->is_string() || std::ranges::find(kRoles, std::string_view(role->get_string())) == kRoles.end()) {
      return bad("a message must have a known role", "messages");
    }
    auto text = text_of_content(member(*object, "content"));
    if (!text) return std::unexpected(text.error());
    out.roles.emplace_back(role->get_string());
    out.prompt_characters += code_points(*text);
    out.prompt_tokens += tokenize(*text).size() + 1;  // one for the role
    if (out.roles.back() == "user") out.question = std::move(*text);
  }
  return {};
}

Parsed<void> read_stops(const json::object& body, ChatRequest& out) {
  const auto* stop = member(body, "stop");
  if (stop == nullptr) return {};
  const json::array one{*stop};
  for (const json::value& text : stop->is_array() ? stop->get_array() : one) {
    if (!text.is_string() || text.get_string().empty()) return bad("stop must be text that is not empty, or a list of such", "stop");
    out.stops.emplace_back(text.get_string());
  }
  if (out.stops.size() > 16) return bad("at most 16 stops", "stop");
  return {};
}

Parsed<void> read_stream(const json::object& body, ChatRequest& out) {
  const auto stream = flag(body, "stream");
  if (!stream) return std::unexpected(stream.error());
  out.stream = *stream;
  const auto* options = member(body, "stream_options");
  if (options == nullptr) return {};
  if (!out.stream) return bad("Stream options can only be defined when `stream=True`.", "stream_options");
  if (!options->is_object()) return bad("stream_options must be an object", "stream_options");
  const auto include = flag(options->get_object(), "include_usage");
  if (!include) return std::unexpected(include.error());
  const auto continuous = flag(options->get_object(), "continuous_usage_stats");
  if (!continuous) return std::unexpected(continuous.error());
  out.include_usage = *include;
  out.continuous_usage = *include && *continuous;
  return {};
}

Parsed<void> read_lengths(const json::object& body, const Served& served, ChatRequest& out) {
  const auto choices = count(body, "n", 1, kChoicesMax);
  if (!choices) return std::unexpected(choices.error());
  auto max_tokens = count(body, "max_completion_tokens", 1, served.max_model_len);
  if (max_tokens && !*max_tokens) max_tokens = count(body, "max_tokens", 1, served.max_model_len);
  if (!max_tokens) return std::unexpected(max_tokens.error());
  const auto min_tokens = count(body, "min_tokens", 0, served.max_model_len);
  if (!min_tokens) return std::unexpected(min_tokens.error());
  const auto ignore_eos = flag(body, "ignore_eos");
  if (!ignore_eos) return std::unexpected(ignore_eos.error());
  out.choices = choices->value_or(1);
  out.max_tokens = *max_tokens;
  out.min_tokens = min_tokens->value_or(0);
  out.ignore_eos = *ignore_eos;
  if (out.prompt_tokens + out.max_tokens.value_or(1) > served.max_model_len) {
    return bad("This model's maximum context length is " + std::to_string(served.max_model_len) + " tokens, prompt and answer together.",
               "max_tokens");
  }
  if (out.max_tokens && out.min_tokens > *out.max_tokens) return bad("min_tokens must not be over max_tokens", "min_tokens");
  return {};
}

Parsed<void> read_cache_salt(const json::object& body, ChatRequest& out) {
  const auto* salt = member(body, "cache_salt");
  if (salt == nullptr) return {};
  if (!salt->is_string() || salt->get_string().empty()) {
    return bad("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt");
  }
  out.cache_salt_characters = code_points(salt->get_string());
  return {};
}

Parsed<void> check_model(const json::object& body, const Served& served) {
  const auto* model = member(body, "model");
  if (model == nullptr || *model == json::string_view(served.name)) return {};
  if (!model->is_string()) return bad("model must be text", "model");
  return std::unexpected(ApiError{.status = 404,
                                  .message = "The model `" + std::string(model->get_string()) + "` does not exist.",
                                  .type = "NotFoundError",
                                  .param = "model"});
}

}  // namespace

std::expected<ChatRequest, ApiError> parse_chat(ByteSpan bytes, const Served& served) {
  boost::system::error_code error;
  const json::value document = json::parse(as_text(bytes), error);  // refuses more than 32 levels
  if (error) return bad("the body is not JSON: " + error.message());
  const auto* body = document.if_object();
  if (body == nullptr) return bad("the body must be a JSON object");
  ChatRequest out;
  for (const auto& pair : *body) out.body_fields.emplace_back(pair.key());
  std::ranges::sort(out.body_fields);
  if (auto read = check_model(*body, served); !read) return std::unexpected(read.error());
  if (auto read = read_messages(*body, out); !read) return std::unexpected(read.error());
  if (auto read = read_stream(*body, out); !read) return std::unexpected(read.error());
  if (auto read = read_lengths(*body, served, out); !read) return std::unexpected(read.error());
  if (auto read = read_stops(*body, out); !read) return std::unexpected(read.error());
  if (auto read = read_cache_salt(*body, out); !read) return std::unexpected(read.error());
  return out;
}

std::vector<std::string> tokenize(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t word = std::min(text.find_first_not_of(kSpace, at), text.size());
    const size_t end = std::min(text.find_first_of(kSpace, word), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

}  // namespace openpcc::demo_engine
