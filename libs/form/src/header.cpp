#include "header.h"

#include <algorithm>

namespace openpcc::form {
namespace {

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_token_char(char c) { return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// take_value takes a token or a quoted text off the front.
std::optional<std::string_view> take_value(std::string_view& rest) {
  if (rest.starts_with('"')) {
    const size_t end = rest.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view out = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!is_quotable(out)) return std::nullopt;
    return out;
  }
  const std::string_view out = rest.substr(0, static_cast<size_t>(std::ranges::find_if_not(rest, is_token_char) - rest.begin()));
  rest.remove_prefix(out.size());
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::string_view> ParameterisedValue::only(std::string_view name) const {
  if (count(name) != 1) return std::nullopt;
  return std::ranges::find_if(parameters, [&](const Parameter& p) { return same_word(p.name, name); })->value;
}

size_t ParameterisedValue::count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(parameters, [&](const Parameter& p) { return same_word(p.name, name); }));
}

bool same_word(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

bool is_quotable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '"' || c == '\\' || c == 0x7f || static_cast<unsigned char>(c) < 0x20; });
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<ParameterisedValue> parse_parameterised(std::string_view text) {
  ParameterisedValue out;
  const size_t first = std::min(text.find(';'), text.size());
  out.value = trim(text.substr(0, first));
  for (std::string_view rest = text.substr(first); !rest.empty();) {
    rest = trim(rest.substr(1));  // the semicolon
    const size_t sign = rest.find('=');
    if (sign == std::string_view::npos) return std::nullopt;
    const std::string_view name = rest.substr(0, sign);
    rest.remove_prefix(sign + 1);
    const auto value = take_value(rest);
    if (!is_token(name) || !value) return std::nullopt;
    out.parameters.push_back({name, *value});
    rest = trim(rest);
    if (!rest.empty() && rest.front() != ';') return std::nullopt;
  }
  return out;
}

}  // namespace openpcc::form
