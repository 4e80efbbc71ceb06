// DER (X.690), read strictly and in place: definite lengths in their shortest form, tags of one byte, nothing after the last element where an
// end is asked for. Nothing is copied; what a reader gives lives as long as the bytes that it reads.
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::x509::der {

// The tags that certificates, revocation lists and their extensions use.
inline constexpr uint8_t kBoolean = 0x01;
inline constexpr uint8_t kInteger = 0x02;
inline constexpr uint8_t kBitString = 0x03;
inline constexpr uint8_t kOctetString = 0x04;
inline constexpr uint8_t kOid = 0x06;
inline constexpr uint8_t kEnumerated = 0x0a;
inline constexpr uint8_t kUtf8String = 0x0c;
inline constexpr uint8_t kPrintableString = 0x13;
inline constexpr uint8_t kIa5String = 0x16;
inline constexpr uint8_t kUtcTime = 0x17;
inline constexpr uint8_t kGeneralizedTime = 0x18;
inline constexpr uint8_t kSequence = 0x30;
inline constexpr uint8_t kSet = 0x31;
// context is [n], constructed; primitive_context the same holding a value.
constexpr uint8_t context(uint8_t n) { return static_cast<uint8_t>(0xa0 | n); }

struct Element {
  uint8_t tag;
  ByteSpan content;
  ByteSpan whole;  // with tag and length
};

// Reader takes elements off the front. Errors: x509.der.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  // next_is: there is another element, with this tag.
  bool next_is(uint8_t tag) const { return !rest_.empty() && rest_.front() == tag; }
  Result<Element> next();
  // content takes an element that must have this tag, and gives what is in it.
  Result<ByteSpan> content(uint8_t tag);
  // end fails unless everything was read.
  Result<> end() const;

 private:
  ByteSpan rest_;
};

// The values below are of contents, without tag and length. Errors: x509.der.
//   unsigned_integer   not negative, shortest form, at most 8 bytes of value
//   magnitude          of a positive INTEGER of any size, without the leading zero byte
//   bit_string         of whole bytes
//   boolean            00 or FF
Result<uint64_t> unsigned_integer(ByteSpan content);
Result<ByteSpan> magnitude(ByteSpan content);
Result<ByteSpan> bit_string(ByteSpan content);
Result<bool> boolean(ByteSpan content);

// only takes the one element that `bytes` must be, whole.
Result<ByteSpan> only(ByteSpan bytes, uint8_t tag);

}  // namespace openpcc::x509::der
