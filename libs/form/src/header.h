// Field values with parameters: `type; name=token; name="quoted"` (RFC 9110 s5.6.6), without escapes.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace openpcc::form {

struct Parameter {
  std::string_view name;
  std::string_view value;  // without its quotes
};

struct ParameterisedValue {
  std::string_view value;
  std::vector<Parameter> parameters;
  // only returns the parameter of that name where it stands exactly once; count says how often it stands.
  std::optional<std::string_view> only(std::string_view name) const;
  size_t count(std::string_view name) const;
};

bool same_word(std::string_view a, std::string_view b);  // but for the case of ASCII letters
bool is_token(std::string_view text);
// is_quotable says whether text may stand between quotes as it is: no quote, no backslash, no control character.
bool is_quotable(std::string_view text);
std::string_view trim(std::string_view text);  // spaces and tabs at both ends

// parse_parameterised returns nullopt where the text has not that form.
std::optional<ParameterisedValue> parse_parameterised(std::string_view text);

}  // namespace openpcc::form
