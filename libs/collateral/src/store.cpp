#include "openpcc/collateral/store.h"

namespace openpcc::collateral {
namespace {

constexpr std::string_view kMagic{"openpcc collateral v1\0", 22};
constexpr Rule kSyntax = "collateral.entry.syntax";
constexpr size_t kTargetBytesMax = 1024;
constexpr size_t kAnswersMax = 4;
constexpr size_t kPartsMax = 4;

}  // namespace

Bytes encode_entry(std::span<const Kept> kept) {
  ByteWriter out;
  out.text(kMagic);
  for (const Kept& answer : kept) {
    OPENPCC_CHECK(answer.parts.size() <= kPartsMax);
    out.lp(as_bytes(answer.target)).u8(static_cast<uint8_t>(answer.parts.size()));
    for (const Bytes& part : answer.parts) out.lp(part);
  }
  return out.take();
}

Result<std::vector<Kept>> parse_entry(ByteSpan bytes) {
  if (bytes.size() > kEntryBytesMax) return fail(Code::limit, kSyntax, "too large");
  ByteReader reader(bytes, kSyntax);
  OPENPCC_LET(const ByteSpan magic, reader.bytes(kMagic.size()));
  if (as_text(magic) != kMagic) return fail(Code::malformed, kSyntax, "another format");
  std::vector<Kept> out;
  while (!reader.empty()) {
    if (out.size() == kAnswersMax) return fail(Code::malformed, kSyntax, "too many answers");
    Kept answer;
    OPENPCC_LET(const ByteSpan target, reader.lp(kTargetBytesMax));
    answer.target = as_text(target);
    OPENPCC_LET(const uint8_t parts, reader.u8());
    if (parts > kPartsMax) return fail(Code::malformed, kSyntax, "too many parts");
    for (size_t i = 0; i < parts; ++i) {
      OPENPCC_LET(const ByteSpan part, reader.lp(kAnswerBytesMax));
      answer.parts.emplace_back(part.begin(), part.end());
    }
    out.push_back(std::move(answer));
  }
  return out;
}

}  // namespace openpcc::collateral
