// Strict JSON: what Boost.JSON accepts, minus what makes two readers see different things. Include <boost/json.hpp> before using a value.
#pragma once

#include <boost/json/fwd.hpp>
#include <set>
#include <string>

#include "openpcc/core/bytes.h"

namespace openpcc::strict_json {

inline constexpr size_t kDepthMax = 16;

// parse_strict reads one JSON value of at most `bytes_max` bytes and kDepthMax levels. A name twice in one object, invalid UTF-8, comments,
// trailing commas and bytes after the value are refused. Every failure is malformed with `rule`.
Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule);
// The same in memory of the caller's choosing, which must outlive the value.
Result<boost::json::value> parse_strict(ByteSpan text, size_t bytes_max, Rule rule, const boost::json::storage_ptr& storage);

// ObjectReader takes the members of an object by name; end() refuses what nobody took. Every failure is malformed with the rule given at
// construction. The value must outlive the reader and what it returns.
class ObjectReader {
 public:
  static Result<ObjectReader> of(const boost::json::value& value, Rule rule);

  Result<const boost::json::value*> member(std::string_view name);
  Result<std::string_view> text(std::string_view name, size_t bytes_max);
  Result<uint64_t> number(std::string_view name, uint64_t max);
  // base64 takes RFC 4648 s4 that decodes to at most bytes_max bytes; hex lower-case hexadecimal.
  Result<Bytes> base64(std::string_view name, size_t bytes_max);
  Result<Bytes> hex(std::string_view name, size_t bytes_max);
  // texts takes an array of strings.
  Result<std::vector<std::string_view>> texts(std::string_view name, size_t count_max, size_t bytes_max);
  Result<> end() const;

 private:
  ObjectReader(const boost::json::object& object, Rule rule) : object_(&object), rule_(rule) {}

  const boost::json::object* object_;
  Rule rule_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace openpcc::strict_json
