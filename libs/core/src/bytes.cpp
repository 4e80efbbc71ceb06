#include "openpcc/core/bytes.h"

namespace openpcc {

Result<uint64_t> ByteReader::integer(size_t width) {
  OPENPCC_LET(const ByteSpan view, bytes(width));
  uint64_t v = 0;
  for (const uint8_t b : view) v = v << 8 | b;
  return v;
}

Result<uint8_t> ByteReader::u8() {
  OPENPCC_LET(const uint64_t v, integer(1));
  return static_cast<uint8_t>(v);
}

Result<uint16_t> ByteReader::u16() {
  OPENPCC_LET(const uint64_t v, integer(2));
  return static_cast<uint16_t>(v);
}

Result<uint32_t> ByteReader::u32() {
  OPENPCC_LET(const uint64_t v, integer(4));
  return static_cast<uint32_t>(v);
}

Result<uint64_t> ByteReader::u64() { return integer(8); }

Result<uint64_t> ByteReader::varint() {
  const auto v = peek_varint(rest_);
  if (!v) return fail(Code::malformed, truncated_);
  rest_ = rest_.subspan(v->bytes);
  return v->value;
}

Result<ByteSpan> ByteReader::bytes(size_t n) {
  if (n > rest_.size()) return fail(Code::malformed, truncated_);
  const ByteSpan out = rest_.first(n);
  rest_ = rest_.subspan(n);
  return out;
}

Result<ByteSpan> ByteReader::lp(size_t bytes_max) {
  const ByteReader before = *this;
  OPENPCC_LET(const uint32_t n, u32());
  if (n > bytes_max || n > rest_.size()) {
    *this = before;
    return fail(Code::malformed, truncated_);
  }
  return bytes(n);
}

Result<> ByteReader::end() const {
  if (!rest_.empty()) return fail(Code::malformed, truncated_, "bytes after the end");
  return {};
}

ByteWriter& ByteWriter::u8(uint8_t v) {
  out_.push_back(v);
  return *this;
}

ByteWriter& ByteWriter::u16(uint16_t v) { return u8(static_cast<uint8_t>(v >> 8)).u8(static_cast<uint8_t>(v)); }

ByteWriter& ByteWriter::u32(uint32_t v) { return u16(static_cast<uint16_t>(v >> 16)).u16(static_cast<uint16_t>(v)); }

ByteWriter& ByteWriter::u64(uint64_t v) { return u32(static_cast<uint32_t>(v >> 32)).u32(static_cast<uint32_t>(v)); }

ByteWriter& ByteWriter::varint(uint64_t v) {
  std::array<uint8_t, 8> buffer{};
  const size_t n = put_varint(v, buffer);
  return bytes({buffer.data(), n});
}

ByteWriter& ByteWriter::bytes(ByteSpan v) {
  out_.insert(out_.end(), v.begin(), v.end());
  return *this;
}

ByteWriter& ByteWriter::lp(ByteSpan v) {
  OPENPCC_CHECK(v.size() <= UINT32_MAX);
  return u32(static_cast<uint32_t>(v.size())).bytes(v);
}

ByteWriter& ByteWriter::zeros(size_t n) {
  out_.resize(out_.size() + n);
  return *this;
}

std::optional<Varint> peek_varint(ByteSpan front) {
  if (front.empty()) return std::nullopt;
  const size_t n = size_t{1} << (front[0] >> 6);
  if (front.size() < n) return std::nullopt;
  uint64_t v = front[0] & 0x3f;
  for (size_t i = 1; i < n; ++i) v = v << 8 | front[i];
  return Varint{v, n};
}

size_t varint_bytes(uint64_t v) {
  OPENPCC_CHECK(v < (uint64_t{1} << 62));
  if (v < 64) return 1;
  if (v < 16384) return 2;
  return v < (uint64_t{1} << 30) ? 4 : 8;
}

size_t put_varint(uint64_t v, MutableByteSpan out) {
  const size_t n = varint_bytes(v);
  OPENPCC_CHECK(out.size() >= n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(v >> (8 * (n - 1 - i)));
  const uint8_t prefix = n == 1 ? 0x00 : n == 2 ? 0x40 : n == 4 ? 0x80 : 0xc0;
  out[0] = static_cast<uint8_t>(out[0] | prefix);
  return n;
}

Bytes concat(std::initializer_list<ByteSpan> parts) {
  size_t n = 0;
  for (const ByteSpan p : parts) n += p.size();
  Bytes out;
  out.reserve(n);
  for (const ByteSpan p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}

}  // namespace openpcc
