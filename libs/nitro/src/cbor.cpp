// Spec: RFC 8949 s3, s4.2.1 (shortest form).
#include "cbor.h"

#include <algorithm>

namespace openpcc::nitro::cbor {
namespace {

constexpr uint8_t kShortMax = 23;                                    // values that stand in the first byte itself
constexpr uint8_t kEightBytes = 27;                                  // the last of the four that say how many bytes follow
constexpr uint64_t kSmallest[] = {24, 0x100, 0x10000, 0x100000000};  // what needs 1, 2, 4 and 8 bytes

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "nitro.cbor.syntax", std::string(what)); }

}  // namespace

bool Reader::take(uint8_t first) {
  if (rest_.empty() || rest_.front() != first) return false;
  rest_ = rest_.subspan(1);
  return true;
}

Result<uint64_t> Reader::head(Major major) {
  if (rest_.empty()) return bad("cut short");
  if (rest_.front() >> 5 != static_cast<uint8_t>(major)) return other("an item of another type");
  const uint8_t low = rest_.front() & 0x1f;
  if (low > kEightBytes) return bad("no definite length");
  const size_t more = low <= kShortMax ? 0 : size_t{1} << (low - kShortMax - 1);
  if (rest_.size() < 1 + more) return bad("cut short");
  uint64_t value = more == 0 ? low : 0;
  for (size_t i = 1; i <= more; ++i) value = value << 8 | rest_[i];
  if (more != 0 && value < kSmallest[low - kShortMax - 1]) return bad("not the shortest form");
  rest_ = rest_.subspan(1 + more);
  return value;
}

Result<size_t> Reader::count(Major major, size_t max) {
  OPENPCC_LET(const uint64_t items, head(major));
  if (items > max) return other("too many items");
  return static_cast<size_t>(items);
}

Result<ByteSpan> Reader::string(Major major, size_t min, size_t max) {
  OPENPCC_LET(const uint64_t size, head(major));
  if (size > rest_.size()) return bad("cut short");
  if (size < min || size > max) return other("a string of " + std::to_string(size) + " bytes");
  const ByteSpan out = rest_.first(static_cast<size_t>(size));
  rest_ = rest_.subspan(out.size());
  return out;
}

Result<ByteSpan> Reader::bytes(size_t min, size_t max) { return string(Major::bytes, min, max); }

Result<std::string_view> Reader::text(size_t min, size_t max) {
  OPENPCC_LET(const ByteSpan out, string(Major::text, min, max));
  if (std::ranges::any_of(out, [](uint8_t c) { return c < 0x20 || c > 0x7e; })) return bad("a text that is not printable ASCII");
  return as_text(out);
}

Result<> Reader::end() const {
  if (!rest_.empty()) return fail(Code::malformed, "nitro.trailing", std::to_string(rest_.size()) + " bytes");
  return {};
}

}  // namespace openpcc::nitro::cbor
