#include "prompt_reader.h"

#include <algorithm>

#include "tokens.h"

namespace openpcc::demo_engine {

void read_field_names(const json::object& body, Prompt& out) {
  for (const auto& pair : body) out.body_fields.emplace_back(pair.key());
  std::ranges::sort(out.body_fields);
}

Parsed<void> read_stream(const json::object& body, Prompt& out) {
  OPENPCC_LET(out.stream, flag(body, "stream"));
  OPENPCC_LET(const json::object* const options, object_of(body, "stream_options"));
  if (options == nullptr) return {};
  if (!out.stream) return bad("Stream options can only be defined when `stream=True`.", "stream_options");
  OPENPCC_LET(out.include_usage, flag(*options, "include_usage"));
  OPENPCC_LET(const bool continuous, flag(*options, "continuous_usage_stats"));
  out.continuous_usage = out.include_usage && continuous;
  return {};
}

Parsed<void> read_choices(const json::object& body, Prompt& out) {
  OPENPCC_LET(const std::optional<uint32_t> choices, count(body, "n", 1, kChoicesMax));
  out.choices = choices.value_or(1);
  return {};
}

Parsed<void> read_lengths(const json::object& body, std::initializer_list<std::string_view> names, const Served& served, Prompt& out) {
  for (const std::string_view name : names) {
    if (out.max_tokens) continue;
    OPENPCC_LET(out.max_tokens, count(body, name, 1, served.max_model_len));
  }
  OPENPCC_LET(const std::optional<uint32_t> min_tokens, count(body, "min_tokens", 0, served.max_model_len));
  OPENPCC_LET(out.ignore_eos, flag(body, "ignore_eos"));
  out.min_tokens = min_tokens.value_or(0);
  if (out.tokens + out.max_tokens.value_or(1) > served.max_model_len) {
    return bad("This model's maximum context length is " + std::to_string(served.max_model_len) + " tokens, prompt and answer together.",
               "max_tokens");
  }
  if (out.max_tokens && out.min_tokens > *out.max_tokens) return bad("min_tokens must not be over max_tokens", "min_tokens");
  return {};
}

Parsed<void> read_stops(const json::object& body, std::string_view name, Prompt& out) {
  const auto* stop = member(body, name);
  if (stop == nullptr) return {};
  const json::array one{*stop};
  for (const json::value& text : stop->is_array() ? stop->get_array() : one) {
    if (!text.is_string() || text.get_string().empty()) {
      return bad(std::string(name) + " must be text that is not empty, or a list of such", std::string(name));
    }
    out.stops.emplace_back(text.get_string());
  }
  if (out.stops.size() > 16) return bad("at most 16 stops", std::string(name));
  return {};
}

Parsed<void> read_cache_salt(const json::object& body, Prompt& out) {
  const auto* salt = member(body, "cache_salt");
  if (salt == nullptr) return {};
  if (!salt->is_string() || salt->get_string().empty()) {
    return bad("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt");
  }
  out.cache_salt_characters = code_points(salt->get_string());
  return {};
}

}  // namespace openpcc::demo_engine
