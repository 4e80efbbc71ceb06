// Members of a JSON body, read as vLLM does: a member that is null is absent, unknown ones are ignored, a wrong type is a 400.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api.h"

namespace openpcc::demo_engine {

namespace json = boost::json;

inline std::unexpected<ApiError> bad(std::string message, std::string param = {}) {
  return std::unexpected(ApiError{.message = std::move(message), .param = std::move(param)});
}

inline std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// parse_object reads a whole body, at most 32 levels deep.
Parsed<json::object> parse_object(ByteSpan body);

// member returns a member that is there and not null, list and object one of that type; text and so on refuse another type.
const json::value* member(const json::object& object, std::string_view name);
Parsed<bool> flag(const json::object& object, std::string_view name);
Parsed<std::optional<uint32_t>> count(const json::object& object, std::string_view name, int64_t min, int64_t max);
Parsed<std::optional<std::string>> text(const json::object& object, std::string_view name);
Parsed<std::string> required_text(const json::object& object, std::string_view name);
Parsed<const json::array*> list(const json::object& object, std::string_view name);        // nullptr: absent
Parsed<const json::object*> object_of(const json::object& object, std::string_view name);  // nullptr: absent

// is_text says whether a member is there and is exactly this text.
bool is_text(const json::object& object, std::string_view name, std::string_view text);

// is_utf8 says whether text may stand in JSON.
bool is_utf8(std::string_view text);

// check_model refuses any model but the one that is served (404); none at all is accepted, as vLLM does.
Parsed<void> check_model(std::optional<std::string_view> name, const Served& served);
Parsed<void> read_model(const json::object& body, const Served& served);

// Text is an input that came as text, or as token numbers.
struct Text {
  std::string text;
  size_t tokens = 0;
};
// texts reads a member that is a text, a list of texts, a list of token numbers, or a list of such lists: 1..texts_max of them.
Parsed<std::vector<Text>> texts(const json::object& body, std::string_view name, size_t texts_max);

}  // namespace openpcc::demo_engine
