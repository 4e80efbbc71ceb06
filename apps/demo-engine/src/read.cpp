#include "read.h"

#include <algorithm>

#include "tokens.h"

namespace openpcc::demo_engine {
namespace {

bool is_id(const json::value& value) { return value.is_int64() && value.get_int64() >= 0; }

// text_of_ids turns token numbers back. Those that this engine never gave out (another model's) still count.
Text text_of_ids(const json::array& ids) {
  Text out{.text = {}, .tokens = ids.size()};
  for (const json::value& id : ids) out.text += token_text(static_cast<uint64_t>(id.get_int64())).value_or("\ufffd");
  if (!is_utf8(out.text)) out.text = "\ufffd";  // tokens of half characters
  return out;
}

std::optional<Text> one_text(const json::value& value) {
  if (const auto* text = value.if_string()) return Text{.text = std::string(*text), .tokens = pieces(*text).size()};
  const auto* ids = value.if_array();
  if (ids == nullptr || ids->empty() || !std::ranges::all_of(*ids, is_id)) return std::nullopt;
  return text_of_ids(*ids);
}

}  // namespace

Parsed<json::object> parse_object(ByteSpan body) {
  boost::system::error_code error;
  json::value document = json::parse(as_text(body), error);
  if (error) return bad("the body is not JSON: " + error.message());
  if (!document.is_object()) return bad("the body must be a JSON object");
  return std::move(document.get_object());
}

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

Parsed<std::optional<std::string>> text(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return bad(std::string(name) + " must be text", std::string(name));
  return std::string(value->get_string());
}

Parsed<std::string> required_text(const json::object& object, std::string_view name) {
  OPENPCC_LET(std::optional<std::string> value, text(object, name));
  if (!value) return bad(std::string(name) + " is required", std::string(name));
  return std::move(*value);
}

Parsed<const json::array*> list(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  if (value != nullptr && !value->is_array()) return bad(std::string(name) + " must be a list", std::string(name));
  return value == nullptr ? nullptr : &value->get_array();
}

Parsed<const json::object*> object_of(const json::object& object, std::string_view name) {
  const auto* value = member(object, name);
  if (value != nullptr && !value->is_object()) return bad(std::string(name) + " must be an object", std::string(name));
  return value == nullptr ? nullptr : &value->get_object();
}

bool is_text(const json::object& object, std::string_view name, std::string_view text) {
  const auto* value = member(object, name);
  return value != nullptr && value->is_string() && view(value->get_string()) == text;
}

bool is_utf8(std::string_view text) {
  boost::system::error_code error;
  json::parse(json::serialize(json::value(json::string_view(text.data(), text.size()))), error);  // Boost.JSON reads nothing else
  return !error;
}

Parsed<void> check_model(std::optional<std::string_view> name, const Served& served) {
  if (!name || *name == served.name) return {};
  return std::unexpected(ApiError{
      .status = 404, .message = "The model `" + std::string(*name) + "` does not exist.", .type = "NotFoundError", .param = "model"});
}

Parsed<void> read_model(const json::object& body, const Served& served) {
  OPENPCC_LET(const std::optional<std::string> name, text(body, "model"));
  return check_model(name, served);
}

Parsed<std::vector<Text>> texts(const json::object& body, std::string_view name, size_t texts_max) {
  const std::string wanted = std::string(name) + " must be a text, a list of texts, a list of token numbers, or a list of such lists";
  const auto* value = member(body, name);
  if (value == nullptr) return bad(std::string(name) + " is required", std::string(name));
  if (const auto one = one_text(*value)) return std::vector<Text>{*one};
  if (!value->is_array() || value->get_array().empty()) return bad(wanted, std::string(name));
  if (value->get_array().size() > texts_max)
    return bad("at most " + std::to_string(texts_max) + " of " + std::string(name), std::string(name));
  std::vector<Text> out;
  for (const json::value& element : value->get_array()) {
    auto one = one_text(element);
    if (!one) return bad(wanted, std::string(name));
    out.push_back(std::move(*one));
  }
  return out;
}

}  // namespace openpcc::demo_engine
