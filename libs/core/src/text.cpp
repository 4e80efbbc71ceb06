// The text forms of bytes: hex and base64.
#include <algorithm>

#include "openpcc/core/bytes.h"

namespace openpcc {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> values_of(std::string_view alphabet) {
  std::array<int8_t, 256> out{};
  for (auto& v : out) v = -1;
  for (size_t i = 0; i < alphabet.size(); ++i) out[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return out;
}

constexpr auto kBase64Values = values_of(kBase64);
constexpr auto kBase64UrlValues = values_of(kBase64Url);

std::string encode_base64(ByteSpan bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t v = uint32_t{bytes[i]} << 16;
    if (n > 1) v |= uint32_t{bytes[i + 1]} << 8;
    if (n > 2) v |= bytes[i + 2];
    for (size_t c = 0; c <= n; ++c) out += alphabet[v >> (18 - 6 * c) & 63];
    if (padded) out.append(3 - n, '=');
  }
  return out;
}

// A character outside the alphabet has a value above 63.
Result<Bytes> decode_base64(std::string_view text, const std::array<int8_t, 256>& values) {
  const auto value = [&](size_t i) -> uint32_t { return static_cast<uint8_t>(values[static_cast<uint8_t>(text[i])]); };
  const size_t tail = text.size() % 4;
  const size_t whole = text.size() - tail;
  if (tail == 1) return fail(Code::malformed, "core.base64", "impossible length");
  Bytes out(whole / 4 * 3 + (tail == 0 ? 0 : tail - 1));
  uint8_t* next = out.data();
  uint32_t seen = 0;
  for (size_t i = 0; i < whole; i += 4) {
    const uint32_t a = value(i), b = value(i + 1), c = value(i + 2), d = value(i + 3);
    seen |= a | b | c | d;
    const uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    *next++ = static_cast<uint8_t>(bits >> 16);
    *next++ = static_cast<uint8_t>(bits >> 8);
    *next++ = static_cast<uint8_t>(bits);
  }
  uint32_t bits = 0;
  for (size_t i = whole; i < text.size(); ++i) {
    seen |= value(i);
    bits = bits << 6 | value(i);
  }
  if (seen > 63) return fail(Code::malformed, "core.base64", "a character outside the alphabet");
  // The unused low bits must be zero, or one value would have several spellings.
  const unsigned unused = tail == 2 ? 4 : 2;
  if (tail != 0 && (bits & ((1u << unused) - 1)) != 0) return fail(Code::malformed, "core.base64", "not in canonical form");
  for (size_t left = tail; left > 1; --left) *next++ = static_cast<uint8_t>(bits >> (unused + 8 * (left - 2)));
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const uint8_t b : bytes) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::malformed, "core.hex", "odd length");
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(Code::malformed, "core.hex", "not a hexadecimal digit");
    out.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return out;
}

std::string to_base64(ByteSpan bytes) { return encode_base64(bytes, kBase64, true); }
std::string to_base64url(ByteSpan bytes) { return encode_base64(bytes, kBase64Url, false); }

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Code::malformed, "core.base64", "missing padding");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode_base64(text, kBase64Values);
}

Result<Bytes> from_base64url(std::string_view text) { return decode_base64(text, kBase64UrlValues); }

}  // namespace openpcc
