// Spec: X.690 s8, s10.
#include "openpcc/x509/der.h"

namespace openpcc::x509::der {
namespace {

constexpr size_t kLengthBytesMax = 3;  // 16 MiB: more than any input that is accepted

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "x509.der", std::string(what)); }

}  // namespace

Result<Element> Reader::next() {
  if (rest_.size() < 2) return bad("truncated");
  const uint8_t tag = rest_[0];
  if ((tag & 0x1f) == 0x1f) return bad("a tag of several bytes");
  size_t length = rest_[1];
  size_t header = 2;
  if (length >= 0x80) {
    const size_t n = length & 0x7f;
    if (n == 0 || n > kLengthBytesMax) return bad("an indefinite length, or one too large");
    header += n;
    if (rest_.size() < header) return bad("truncated");
    length = 0;
    for (size_t i = 0; i < n; ++i) length = length << 8 | rest_[2 + i];
    if (length < 0x80 || length >> (8 * (n - 1)) == 0) return bad("a length not in its shortest form");
  }
  if (rest_.size() - header < length) return bad("truncated");
  const Element out{tag, rest_.subspan(header, length), rest_.first(header + length)};
  rest_ = rest_.subspan(header + length);
  return out;
}

Result<ByteSpan> Reader::content(uint8_t tag) {
  if (!next_is(tag)) return bad(rest_.empty() ? "an element is missing" : "an element of another type");
  OPENPCC_LET(const Element element, next());
  return element.content;
}

Result<> Reader::end() const {
  if (!rest_.empty()) return bad("more than was expected");
  return {};
}

Result<ByteSpan> magnitude(ByteSpan content) {
  if (content.empty()) return bad("an empty integer");
  if ((content[0] & 0x80) != 0) return bad("a negative integer");
  if (content.size() == 1 || content[0] != 0) return content;
  if ((content[1] & 0x80) == 0) return bad("an integer not in its shortest form");
  return content.subspan(1);
}

Result<uint64_t> unsigned_integer(ByteSpan content) {
  OPENPCC_LET(const ByteSpan bytes, magnitude(content));
  if (bytes.size() > 8) return bad("an integer too large");
  uint64_t out = 0;
  for (const uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

Result<ByteSpan> bit_string(ByteSpan content) {
  if (content.empty() || content[0] != 0) return bad("a bit string not of whole bytes");
  return content.subspan(1);
}

Result<bool> boolean(ByteSpan content) {
  if (content.size() != 1 || (content[0] != 0 && content[0] != 0xff)) return bad("neither true nor false");
  return content[0] == 0xff;
}

Result<ByteSpan> only(ByteSpan bytes, uint8_t tag) {
  Reader reader(bytes);
  OPENPCC_LET(const ByteSpan content, reader.content(tag));
  OPENPCC_TRY(reader.end());
  return content;
}

}  // namespace openpcc::x509::der
