// CBOR (RFC 8949), read strictly and in place: definite lengths in their shortest form, a length never larger than what is there. Nothing is copied
// or allocated. Only what attestation documents are made of: no tags but by their number, no negative numbers, no floating point. Private to this
// library.
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::nitro::cbor {

// The first byte of what has no length.
inline constexpr uint8_t kNull = 0xf6;
inline constexpr uint8_t kOpenMap = 0xbf;  // a map as far as its end
inline constexpr uint8_t kEnd = 0xff;

enum class Major : uint8_t { number = 0, bytes = 2, text = 3, array = 4, map = 5, tag = 6 };

// Reader takes items off the front. Errors, all of them malformed:
//   nitro.cbor.syntax   no CBOR of this form
//   nitro.trailing      of end()
//   `shape`             an item of another type or size than was asked for
class Reader {
 public:
  Reader(ByteSpan bytes, Rule shape) : rest_(bytes), shape_(shape) {}

  bool empty() const { return rest_.empty(); }
  ByteSpan rest() const { return rest_; }
  // take takes the next byte if it is this one: kNull, kOpenMap, kEnd.
  bool take(uint8_t first);
  // head takes an item's head: a number's or tag's value, how many bytes a string or items a list has.
  Result<uint64_t> head(Major major);
  // count is a head of a list of at most `max` items.
  Result<size_t> count(Major major, size_t max);
  Result<ByteSpan> bytes(size_t min, size_t max);
  Result<std::string_view> text(size_t min, size_t max);
  // end fails unless everything was read.
  Result<> end() const;

 private:
  std::unexpected<Error> other(std::string_view what) const { return fail(Code::malformed, shape_, std::string(what)); }
  Result<ByteSpan> string(Major major, size_t min, size_t max);

  ByteSpan rest_;
  Rule shape_;
};

}  // namespace openpcc::nitro::cbor
