// The members of a JSON object as ranges of its text. A request's body is edited by these ranges and never written anew, so that an
// engine reads the very bytes that the user's application wrote, but for the members that the node owns.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/result.h"

namespace openpcc::node {

enum class JsonKind : uint8_t { string, number, literal, array, object };

// JsonMember is one member of the outermost object; the views live as long as the scanned text.
struct JsonMember {
  std::string key;         // unescaped
  std::string_view text;   // from the key's quote to the value's last byte
  std::string_view value;  // a string with its quotes
  JsonKind kind;
};

struct JsonLimits {
  size_t depth_max = 64;     // of nested objects and arrays, the outermost included
  size_t members_max = 256;  // of the outermost object
};

// JsonString is a string found anywhere below the outermost object's members.
struct JsonString {
  std::string_view member;  // key of the outermost object's member that it is in, or is the value of
  std::string_view owner;   // key of the member whose value is the object around it; arrays in between do not count
  std::string_view key;     // key of the member that it is the value of, or stands in an array of
  std::string_view raw;     // between its quotes, escapes left as written
};
using JsonStringVisitor = std::function<Result<>(const JsonString&)>;

// scan_members checks that `text` is one JSON object and nothing else (RFC 8259, in UTF-8) and returns its members in their order.
// `visit` sees each string value as it is passed; its error ends the scan.
//   node.json.syntax      not a JSON object, or bytes after it
//   node.json.utf8        a string is not UTF-8, or holds a control character
//   node.json.escape      an unknown escape, or half of a surrogate pair
//   node.json.depth, node.json.members   over a limit
//   node.json.key         a key of the outermost object is not printable ASCII
//   node.json.duplicate   two of them are the same but for their letters' case: parsers disagree about which one counts
Result<std::vector<JsonMember>> scan_members(std::string_view text, const JsonStringVisitor& visit, const JsonLimits& limits = {});

// json_unescape returns the characters of a string that scan_members passed (without its quotes).
std::string json_unescape(std::string_view raw);

// same_key compares without regard to the case of ASCII letters, as some engines do.
bool same_key(std::string_view a, std::string_view b);

}  // namespace openpcc::node
