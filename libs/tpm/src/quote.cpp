#include "openpcc/tpm/quote.h"

#include <algorithm>

namespace openpcc::tpm {
namespace {

constexpr uint32_t kGenerated = 0xff544347;
constexpr uint16_t kAttestQuote = 0x8018;
constexpr size_t kBitmapBytesMax = 4;
constexpr size_t kNameBytesMax = 66;
constexpr size_t kDigestBytesMax = 64;

// sized reads a TPM2B: u16 length and as many bytes.
Result<Bytes> sized(ByteReader& reader, size_t bytes_max, Rule rule) {
  OPENPCC_LET(const uint16_t size, reader.u16());
  if (size > bytes_max)
    return fail(Code::malformed, rule, std::to_string(size) + " bytes where at most " + std::to_string(bytes_max) + " can be");
  OPENPCC_LET(const ByteSpan bytes, reader.bytes(size));
  return Bytes(bytes.begin(), bytes.end());
}

Result<Clock> read_clock(ByteReader& reader) {
  Clock out;
  OPENPCC_LET(out.milliseconds, reader.u64());
  OPENPCC_LET(out.reset_count, reader.u32());
  OPENPCC_LET(out.restart_count, reader.u32());
  OPENPCC_LET(const uint8_t safe, reader.u8());
  if (safe > 1) return fail(Code::malformed, "tpm.syntax", "safe is " + std::to_string(safe));
  out.safe = safe == 1;
  return out;
}

Result<Selection> read_selection(ByteReader& reader) {
  OPENPCC_LET(const uint16_t algorithm, reader.u16());
  const auto bank = hash_of(algorithm);
  if (!bank) return fail(Code::unsupported, "tpm.selection", "bank of algorithm " + std::to_string(algorithm));
  OPENPCC_LET(const uint8_t size, reader.u8());
  if (size == 0 || size > kBitmapBytesMax) return fail(Code::malformed, "tpm.selection", "a bitmap of " + std::to_string(size) + " bytes");
  OPENPCC_LET(const ByteSpan bitmap, reader.bytes(size));
  uint32_t pcrs = 0;
  for (size_t i = 0; i < size; ++i) pcrs |= uint32_t{bitmap[i]} << (8 * i);
  if ((pcrs >> kPcrs) != 0) return fail(Code::malformed, "tpm.selection", "a PCR beyond the " + std::to_string(kPcrs));
  return Selection{*bank, pcrs};
}

Result<Selections> read_selections(ByteReader& reader) {
  OPENPCC_LET(const uint32_t count, reader.u32());
  if (count == 0 || count > kSelectionsMax) return fail(Code::malformed, "tpm.selection", std::to_string(count) + " selections");
  Selections out;
  for (uint32_t i = 0; i < count; ++i) {
    OPENPCC_LET(const Selection selection, read_selection(reader));
    if (std::ranges::find(out, selection.bank, &Selection::bank) != out.end()) {
      return fail(Code::malformed, "tpm.selection.duplicate", std::string(to_string(selection.bank)));
    }
    out.push_back(selection);
  }
  if (std::ranges::all_of(out, [](const Selection& s) { return s.pcrs == 0; })) return fail(Code::malformed, "tpm.selection", "no PCR");
  return out;
}

// padded puts a number of ECDSA's into `size` bytes.
Result<Bytes> padded(ByteSpan number, size_t size) {
  if (number.size() > size) return fail(Code::malformed, "tpm.signature.syntax", "a number larger than the curve's order");
  Bytes out(size - number.size());
  out.insert(out.end(), number.begin(), number.end());
  return out;
}

}  // namespace

std::string text_of(const Selections& selections) {
  std::string out;
  for (const Selection& selection : selections) {
    out += (out.empty() ? "" : "+") + std::string(to_string(selection.bank)) + ":";
    std::string list;
    for (unsigned pcr = 0; pcr < kPcrs; ++pcr) {
      if (selection.has(pcr)) list += (list.empty() ? "" : ",") + std::to_string(pcr);
    }
    out += list.empty() ? "none" : list;
  }
  return out.empty() ? "none" : out;
}

Result<Quote> parse_quote(ByteSpan bytes) {
  constexpr Rule kSyntax = "tpm.syntax";
  if (bytes.size() > kQuoteBytesMax) return fail(Code::limit, "tpm.size", std::to_string(bytes.size()) + " bytes");
  ByteReader reader(bytes, kSyntax);
  OPENPCC_LET(const uint32_t magic, reader.u32());
  if (magic != kGenerated) return fail(Code::malformed, "tpm.magic", "not made by a TPM");
  OPENPCC_LET(const uint16_t type, reader.u16());
  if (type != kAttestQuote) return fail(Code::unsupported, "tpm.type", "type " + std::to_string(type));
  Quote out;
  OPENPCC_LET(out.qualified_signer, sized(reader, kNameBytesMax, kSyntax));
  OPENPCC_LET(out.extra_data, sized(reader, kNonceBytesMax, kSyntax));
  OPENPCC_LET(out.clock, read_clock(reader));
  OPENPCC_LET(out.firmware_version, reader.u64());
  OPENPCC_LET(out.selections, read_selections(reader));
  OPENPCC_LET(out.pcr_digest, sized(reader, kDigestBytesMax, kSyntax));
  if (!reader.empty()) return fail(Code::malformed, "tpm.trailing", std::to_string(reader.rest().size()) + " bytes");
  return out;
}

std::string_view to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::rsassa: return "RSASSA";
    case Scheme::rsapss: return "RSAPSS";
    case Scheme::ecdsa: return "ECDSA";
  }
  return "unknown";
}

Result<Signature> parse_signature(ByteSpan bytes) {
  constexpr Rule kSyntax = "tpm.signature.syntax";
  constexpr Rule kScheme = "tpm.scheme";
  if (bytes.size() > kSignatureBytesMax) return fail(Code::limit, kSyntax, std::to_string(bytes.size()) + " bytes");
  ByteReader reader(bytes, kSyntax);
  OPENPCC_LET(const uint16_t scheme, reader.u16());
  const bool known = scheme == static_cast<uint16_t>(Scheme::rsassa) || scheme == static_cast<uint16_t>(Scheme::rsapss) ||
                     scheme == static_cast<uint16_t>(Scheme::ecdsa);
  if (!known) return fail(Code::unsupported, kScheme, "scheme " + std::to_string(scheme));
  OPENPCC_LET(const uint16_t algorithm, reader.u16());
  const auto hash = hash_of(algorithm);
  if (hash != Hash::sha256 && hash != Hash::sha384) return fail(Code::unsupported, kScheme, "digest " + std::to_string(algorithm));
  Signature out{static_cast<Scheme>(scheme), *hash, {}};
  OPENPCC_LET(out.value, sized(reader, kSignatureBytesMax, kSyntax));
  if (out.scheme == Scheme::ecdsa) {
    OPENPCC_LET(const Bytes s, sized(reader, kSignatureBytesMax, kSyntax));
    const size_t n = digest_bytes(*hash);  // P-256 signs with SHA-256 and P-384 with SHA-384
    OPENPCC_LET(const Bytes left, padded(out.value, n));
    OPENPCC_LET(const Bytes right, padded(s, n));
    out.value = concat({left, right});
  }
  OPENPCC_TRY(reader.end());
  return out;
}

Signature rsassa_sha256(ByteSpan number) { return {Scheme::rsassa, Hash::sha256, {number.begin(), number.end()}}; }

}  // namespace openpcc::tpm
