// Little-endian fields of files, within bounds.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <optional>

#include "openpcc/core/bytes.h"

namespace openpcc::measure {

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kGuidBytes = 16;
using Guid = std::array<uint8_t, kGuidBytes>;

// le reads an integer at the front of `bytes`, which holds it.
template <std::unsigned_integral T>
T le(ByteSpan bytes) {
  T out = 0;
  for (size_t i = sizeof(T); i > 0; --i) out = static_cast<T>(static_cast<uint64_t>(out) << 8 | bytes[i - 1]);
  return out;
}

template <std::unsigned_integral T>
void put_le(MutableByteSpan out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> 8 * i);
}

template <std::unsigned_integral T>
void append_le(Bytes& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> 8 * i));
}

inline void append(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// slice is n bytes at `at`; nullopt where they are not all there, whatever the numbers.
inline std::optional<ByteSpan> slice(ByteSpan bytes, uint64_t at, uint64_t n) {
  if (at > bytes.size() || n > bytes.size() - at) return std::nullopt;
  return bytes.subspan(static_cast<size_t>(at), static_cast<size_t>(n));
}

// page_of copies at most a page and pads it with zeros.
inline Bytes page_of(ByteSpan bytes) {
  Bytes out(kPageBytes);
  std::ranges::copy(bytes.first(std::min(bytes.size(), kPageBytes)), out.begin());
  return out;
}

// hex_text writes a number as people do: "0x1f".
inline std::string hex_text(uint64_t value) {
  std::array<char, 16> digits{};
  return "0x" + std::string(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr);
}

// guid reads the text form into the bytes of memory: the first three groups are integers, little-endian. Literals only: a bad one does not compile.
consteval Guid guid(std::string_view text) {
  constexpr std::array<size_t, kGuidBytes> kPlace{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  const auto nibble = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Guid out{};
  size_t n = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '-') continue;
    out[kPlace[n++]] = static_cast<uint8_t>(nibble(text[i]) << 4 | nibble(text[i + 1]));
    ++i;
  }
  if (n != kGuidBytes) throw "not a GUID";
  return out;
}

}  // namespace openpcc::measure
