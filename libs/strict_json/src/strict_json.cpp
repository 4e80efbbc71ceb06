#include "openpcc/strict_json/strict_json.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>

namespace openpcc::strict_json {
namespace {

namespace bj = boost::json;

// UniqueNames is a handler that keeps nothing but the names of the objects that are open, and stops at one that comes twice.
class UniqueNames {
 public:
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    open_.emplace_back();
    return true;
  }
  bool on_object_end(size_t, bj::error_code&) {
    open_.pop_back();
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(size_t, bj::error_code&) { return true; }
  bool on_key_part(bj::string_view part, size_t, bj::error_code&) {
    name_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, size_t, bj::error_code& error) {
    name_.append(part.data(), part.size());
    const bool first = open_.back().insert(std::exchange(name_, {})).second;
    if (!first) error = bj::error::syntax;
    return first;
  }
  bool on_string_part(bj::string_view, size_t, bj::error_code&) { return true; }
  bool on_string(bj::string_view, size_t, bj::error_code&) { return true; }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(int64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_uint64(uint64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_double(double, bj::string_view, bj::error_code&) { return true; }
  bool on_bool(bool, bj::error_code&) { return true; }
  bool on_null(bj::error_code&) { return true; }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string name_;
};

bool names_are_unique(std::string_view text, const bj::parse_options& options) {
  bj::basic_parser<UniqueNames> parser(options);
  bj::error_code error;
  const size_t used = parser.write_some(false, text.data(), text.size(), error);
  return !error && used == text.size();
}

}  // namespace

Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule) {
  if (text.size() > bytes_max) return fail(Code::malformed, rule, "too large");
  bj::parse_options options;
  options.max_depth = kDepthMax;
  bj::error_code error;
  bj::value value = bj::parse(bj::string_view(as_text(text)), error, {}, options);
  if (error) return fail(Code::malformed, rule, "not JSON: " + error.message());
  if (!names_are_unique(as_text(text), options)) return fail(Code::malformed, rule, "a name stands twice in one object");
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
