// Values of a policy file, bounded. Private to this library.
#pragma once

#include "toml_reader.h"

namespace openpcc::policy {

template <class T>
Result<T> bounded(TomlReader& reader, std::string_view name, int64_t min, int64_t max) {
  OPENPCC_LET(const int64_t value, reader.integer(name));
  if (value < min || value > max) {
    return fail(Code::malformed, "policy.parse.value", reader.at(name) + " must be " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<T>(value);
}

// empty_list is the refusal of a list that is there and names nothing.
inline std::unexpected<Error> empty_list(const TomlReader& reader, std::string_view name) {
  return fail(Code::malformed, "policy.parse.empty_list", reader.at(name) + " names nothing; leave it out, or list something");
}

// hex_list reads byte strings of min..max bytes; an absent list reads as empty where `optional`.
//   policy.parse.empty_list, policy.parse.value
Result<std::vector<Bytes>> hex_list(TomlReader& reader, std::string_view name, size_t min, size_t max, bool optional = false);

}  // namespace openpcc::policy
