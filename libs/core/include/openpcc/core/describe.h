// What is said of bytes and numbers where people read them.
#pragma once

#include <algorithm>
#include <string>

#include "openpcc/core/bytes.h"

namespace openpcc {

inline bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// hex_number writes all sixteen digits: "0x000000000003001f".
inline std::string hex_number(uint64_t value) { return "0x" + to_hex(ByteWriter().u64(value).view()); }

// printable replaces what could steer a terminal or break a line, and all that is no ASCII: parts of what is shown were chosen by whoever made a
// file or an answer.
inline std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace openpcc
