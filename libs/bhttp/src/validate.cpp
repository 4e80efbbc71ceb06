#include "validate.h"

#include <algorithm>

namespace openpcc::bhttp {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
// Visible ASCII.
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// The characters of a token (RFC 9110 s5.6.2) but for upper case.
bool is_lower_token_char(char c) { return is_digit(c) || is_lower(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); }
bool is_token_char(char c) { return is_lower_token_char(c) || is_upper(c); }

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

bool is_method(std::string_view s) { return !s.empty() && std::ranges::all_of(s, is_token_char); }

bool is_scheme(std::string_view s) {
  return !s.empty() && (is_lower(s[0]) || is_upper(s[0])) &&
         std::ranges::all_of(s, [](char c) { return is_digit(c) || is_lower(c) || is_upper(c) || is_one_of(c, "+-."); });
}

// Empty where the host stands in a field; never with user information (RFC 9110 s4.2.4).
bool is_authority(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return is_visible(c) && !is_one_of(c, "/\\?#@"); });
}

bool is_path(std::string_view s, std::string_view method) {
  if (s == "*") return method == "OPTIONS";
  return !s.empty() && s[0] == '/' && std::ranges::all_of(s, [](char c) { return is_visible(c) && c != '#'; });
}

}  // namespace

Result<> check_field(std::string_view name, std::string_view value) {
  // A colon is no token character, so that pseudo-fields, which we define none of, fall here too.
  if (name.empty() || !std::ranges::all_of(name, is_lower_token_char)) return fail(Code::malformed, "bhttp.3.field_name");
  const bool blank_end = !value.empty() && (is_blank(value.front()) || is_blank(value.back()));
  if (blank_end || std::ranges::any_of(value, is_control)) return fail(Code::malformed, "bhttp.3.field_value");
  return {};
}

Result<> check_control(const RequestHead& head) {
  if (!is_method(head.method)) return fail(Code::malformed, "bhttp.3.control", "method");
  if (!is_scheme(head.scheme)) return fail(Code::malformed, "bhttp.3.control", "scheme");
  if (!is_authority(head.authority)) return fail(Code::malformed, "bhttp.3.control", "authority");
  if (!is_path(head.path, head.method)) return fail(Code::malformed, "bhttp.3.control", "path");
  return {};
}

}  // namespace openpcc::bhttp
