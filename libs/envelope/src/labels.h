// L(x) of the specification: what separates the uses of one hash and one key from each other.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "openpcc/core/bytes.h"

namespace openpcc::envelope {

// label is "openpcc envelope v1 " and x; the 0x00 that ends it is the literal's own.
template <size_t N>
consteval auto label(const char (&x)[N]) {
  constexpr std::string_view kPrefix = "openpcc envelope v1 ";
  std::array<uint8_t, kPrefix.size() + N> out{};
  const auto middle = std::transform(kPrefix.begin(), kPrefix.end(), out.begin(), [](char c) { return static_cast<uint8_t>(c); });
  std::transform(x, x + N, middle, [](char c) { return static_cast<uint8_t>(c); });
  return out;
}

inline constexpr auto kLabelHedge = label("hedge");
inline constexpr auto kLabelDek = label("dek");
inline constexpr auto kLabelCommit = label("commit");
inline constexpr auto kLabelHeader = label("header");
inline constexpr auto kLabelWrap = label("wrap");
inline constexpr auto kLabelBody = label("body");
inline constexpr auto kLabelWraps = label("wraps");
inline constexpr auto kLabelRequestKey = label("request key");
inline constexpr auto kLabelRequestNonce = label("request nonce");
inline constexpr auto kLabelRequest = label("request");
inline constexpr auto kLabelResponse = label("response");

}  // namespace openpcc::envelope
