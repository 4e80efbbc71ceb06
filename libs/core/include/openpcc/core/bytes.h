// Bytes: views, bounded reading, writing, and the text forms hex and base64. Integers on the wire are big-endian.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/result.h"

namespace openpcc {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;
using MutableByteSpan = std::span<uint8_t>;

// as_bytes views the characters of `text` as bytes, as_text the reverse; both live as long as what they view.
inline ByteSpan as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// equal compares public bytes; secrets are compared by equals_ct of secret.h.
inline bool equal(ByteSpan a, ByteSpan b) { return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0); }

// ByteReader takes fields off the front of untrusted bytes, which must outlive it. Every short read fails with the rule given at
// construction (code malformed) and consumes nothing.
class ByteReader {
 public:
  ByteReader(ByteSpan bytes, Rule truncated) : rest_(bytes), truncated_(truncated) {}

  Result<uint8_t> u8();
  Result<uint16_t> u16();
  Result<uint32_t> u32();
  Result<uint64_t> u64();
  // varint reads a QUIC variable-length integer (RFC 9000 s16), any of its encodings.
  Result<uint64_t> varint();
  // bytes views the next n bytes.
  Result<ByteSpan> bytes(size_t n);
  // lp reads u32 length and as many bytes; a length over `bytes_max` fails like a short read.
  Result<ByteSpan> lp(size_t bytes_max);
  // array copies the next N bytes.
  template <size_t N>
  Result<std::array<uint8_t, N>> array() {
    OPENPCC_LET(const ByteSpan view, bytes(N));
    std::array<uint8_t, N> out;
    std::memcpy(out.data(), view.data(), N);
    return out;
  }
  // end fails unless everything was read.
  Result<> end() const;

  ByteSpan rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  Result<uint64_t> integer(size_t width);

  ByteSpan rest_;
  Rule truncated_;
};

// ByteWriter appends fields to a buffer that it owns.
class ByteWriter {
 public:
  ByteWriter() = default;
  explicit ByteWriter(size_t reserve_bytes) { out_.reserve(reserve_bytes); }

  ByteWriter& u8(uint8_t v);
  ByteWriter& u16(uint16_t v);
  ByteWriter& u32(uint32_t v);
  ByteWriter& u64(uint64_t v);
  // varint writes the shortest encoding; `v` is below 2^62.
  ByteWriter& varint(uint64_t v);
  ByteWriter& bytes(ByteSpan v);
  ByteWriter& text(std::string_view v) { return bytes(as_bytes(v)); }
  // lp writes u32 length and the bytes.
  ByteWriter& lp(ByteSpan v);
  ByteWriter& zeros(size_t n);

  const Bytes& view() const { return out_; }
  size_t size() const { return out_.size(); }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

// peek_varint decodes a QUIC variable-length integer at the front of a stream. nullopt: more bytes are needed.
struct Varint {
  uint64_t value;
  size_t bytes;  // 1, 2, 4 or 8
};
std::optional<Varint> peek_varint(ByteSpan front);
// varint_bytes is the length of the shortest encoding of v (below 2^62): 1, 2, 4 or 8.
size_t varint_bytes(uint64_t v);
// put_varint writes the shortest encoding to the front of `out` (8 bytes suffice) and returns its length.
size_t put_varint(uint64_t v, MutableByteSpan out);

// concat joins parts into one buffer.
Bytes concat(std::initializer_list<ByteSpan> parts);

// to_hex writes lower case; from_hex takes either case and nothing else. Errors: core.hex.
std::string to_hex(ByteSpan bytes);
Result<Bytes> from_hex(std::string_view text);

// to_base64 is RFC 4648 s4 with padding, to_base64url s5 without. The decoders are strict: canonical form, no white space.
// Errors: core.base64.
std::string to_base64(ByteSpan bytes);
std::string to_base64url(ByteSpan bytes);
Result<Bytes> from_base64(std::string_view text);
Result<Bytes> from_base64url(std::string_view text);

// to_array copies exactly N bytes; any other size fails with `rule`.
template <size_t N>
Result<std::array<uint8_t, N>> to_array(ByteSpan bytes, Rule rule) {
  if (bytes.size() != N) return fail(Code::malformed, rule);
  std::array<uint8_t, N> out{};
  std::memcpy(out.data(), bytes.data(), N);
  return out;
}

}  // namespace openpcc
