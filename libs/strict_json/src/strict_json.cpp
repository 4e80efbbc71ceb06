#include "openpcc/strict_json/strict_json.h"

#include <boost/json.hpp>

namespace openpcc::strict_json {
namespace {

namespace bj = boost::json;

// names_in counts the names of all objects of a text that is JSON, as it must be: each has a colon after it, and there are no others outside strings.
size_t names_in(std::string_view json) {
  size_t n = 0;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] == ':') ++n;
    if (json[i] != '"') continue;
    for (++i; json[i] != '"'; ++i) {
      if (json[i] == '\\') ++i;
    }
  }
  return n;
}

// members_of counts the members of all objects in a value, whose depth is bounded.
size_t members_of(const bj::value& value) {
  size_t n = 0;
  if (const bj::object* object = value.if_object()) {
    n = object->size();
    for (const auto& member : *object) n += members_of(member.value());
  } else if (const bj::array* array = value.if_array()) {
    for (const bj::value& element : *array) n += members_of(element);
  }
  return n;
}

}  // namespace

Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule) { return parse_strict(text, bytes_max, rule, {}); }

Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule, const boost::json::storage_ptr& storage) {
  if (text.size() > bytes_max) return fail(Code::malformed, rule, "too large");
  bj::parse_options options;
  options.max_depth = kDepthMax;
  bj::error_code error;
  bj::value value = bj::parse(bj::string_view(as_text(text)), error, storage, options);
  if (error) return fail(Code::malformed, rule, "not JSON: " + error.message());
  // Of members with one name the parser keeps the last.
  if (names_in(as_text(text)) != members_of(value)) return fail(Code::malformed, rule, "a name stands twice in one object");
  return value;
}

Result<ObjectReader> ObjectReader::of(const boost::json::value& value, Rule rule) {
  if (!value.is_object()) return fail(Code::malformed, rule, "not an object");
  return ObjectReader(value.get_object(), rule);
}

Result<const boost::json::value*> ObjectReader::member(std::string_view name) {
  const bj::value* value = object_->if_contains(name);
  if (value == nullptr) return fail(Code::malformed, rule_, "no \"" + std::string(name) + "\"");
  taken_.emplace(name);
  return value;
}

Result<std::string_view> ObjectReader::text(std::string_view name, size_t bytes_max) {
  OPENPCC_LET(const bj::value* value, member(name));
  const bj::string* string = value->if_string();
  if (string == nullptr || string->size() > bytes_max) {
    return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" is not a string, or too long");
  }
  return std::string_view(string->data(), string->size());
}

Result<uint64_t> ObjectReader::number(std::string_view name, uint64_t max) {
  OPENPCC_LET(const bj::value* value, member(name));
  bj::error_code error;
  const auto number = value->is_number() && !value->is_double() ? value->to_number<uint64_t>(error) : max;
  if (!value->is_number() || value->is_double() || error || number > max) {
    return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" is not a whole number in range");
  }
  return number;
}

Result<Bytes> ObjectReader::base64(std::string_view name, size_t bytes_max) {
  OPENPCC_LET(const std::string_view encoded, text(name, (bytes_max + 2) / 3 * 4));
  auto bytes = from_base64(encoded);
  if (!bytes || bytes->size() > bytes_max) return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" is not base64, or too long");
  return bytes;
}

Result<Bytes> ObjectReader::hex(std::string_view name, size_t bytes_max) {
  OPENPCC_LET(const std::string_view encoded, text(name, bytes_max * 2));
  auto bytes = from_hex(encoded);
  if (!bytes || to_hex(*bytes) != encoded) return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" is not lower-case hex");
  return bytes;
}

Result<std::vector<std::string_view>> ObjectReader::texts(std::string_view name, size_t count_max, size_t bytes_max) {
  OPENPCC_LET(const bj::value* value, member(name));
  const bj::array* array = value->if_array();
  if (array == nullptr || array->size() > count_max) {
    return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" is not a list, or too long");
  }
  std::vector<std::string_view> out;
  out.reserve(array->size());
  for (const bj::value& element : *array) {
    const bj::string* string = element.if_string();
    if (string == nullptr || string->size() > bytes_max) {
      return fail(Code::malformed, rule_, "\"" + std::string(name) + "\" holds something else than short strings");
    }
    out.emplace_back(string->data(), string->size());
  }
  return out;
}

Result<> ObjectReader::end() const {
  for (const auto& member : *object_) {
    const std::string_view name(member.key().data(), member.key().size());
    if (!taken_.contains(name)) return fail(Code::malformed, rule_, "unknown member \"" + std::string(name) + "\"");
  }
  return {};
}

}  // namespace openpcc::strict_json
