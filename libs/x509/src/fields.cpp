// Spec: RFC 5280 s4.1, RFC 4055 s3.1 (RSASSA-PSS) and s5 (PKCS #1 v1.5), RFC 5758 s3.2 (ECDSA).
#include "fields.h"

#include <algorithm>
#include <array>

#include "openpcc/core/calendar.h"

namespace openpcc::x509 {
namespace {

constexpr std::array<uint8_t, 8> kEcdsaSha256{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
constexpr std::array<uint8_t, 8> kEcdsaSha384{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
constexpr std::array<uint8_t, 9> kRsaPss{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
constexpr std::array<uint8_t, 9> kRsaSha256{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
constexpr std::array<uint8_t, 9> kRsaSha384{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c};
constexpr std::array<uint8_t, 9> kMgf1{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
constexpr std::array<uint8_t, 9> kSha384{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
constexpr std::array<uint8_t, 2> kNull{0x05, 0x00};
constexpr uint64_t kSaltBytes = 48;

std::unexpected<Error> unknown_algorithm(std::string_view what) {
  return fail(Code::unsupported, "x509.certificate.algorithm", std::string(what));
}

// expect_sha384 reads an AlgorithmIdentifier's content that must be SHA-384, with NULL for parameters or none.
Result<> expect_sha384(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan oid, reader.content(der::kOid));
  if (!equal(oid, kSha384)) return unknown_algorithm("a digest other than SHA-384");
  if (reader.empty()) return {};
  OPENPCC_LET(const der::Element parameters, reader.next());
  if (!equal(parameters.whole, kNull)) return unknown_algorithm("parameters of a digest");
  return reader.end();
}

// explicitly takes [n] { element }, and gives the element's content.
Result<ByteSpan> explicitly(der::Reader& reader, uint8_t n, uint8_t tag) {
  OPENPCC_LET(const ByteSpan inner, reader.content(der::context(n)));
  return der::only(inner, tag);
}

Result<> expect_pss_parameters(der::Reader& identifier) {
  OPENPCC_LET(const ByteSpan content, identifier.content(der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan digest, explicitly(reader, 0, der::kSequence));
  OPENPCC_TRY(expect_sha384(digest));
  OPENPCC_LET(const ByteSpan mask, explicitly(reader, 1, der::kSequence));
  der::Reader mask_reader(mask);
  OPENPCC_LET(const ByteSpan mask_oid, mask_reader.content(der::kOid));
  if (!equal(mask_oid, kMgf1)) return unknown_algorithm("a mask generation function other than MGF1");
  OPENPCC_LET(const ByteSpan mask_digest, mask_reader.content(der::kSequence));
  OPENPCC_TRY(expect_sha384(mask_digest));
  OPENPCC_TRY(mask_reader.end());
  OPENPCC_LET(const ByteSpan salt, explicitly(reader, 2, der::kInteger));
  OPENPCC_LET(const uint64_t salt_bytes, der::unsigned_integer(salt));
  if (salt_bytes != kSaltBytes) return unknown_algorithm("a salt of another length");
  if (reader.next_is(der::context(3))) {
    OPENPCC_LET(const ByteSpan trailer, explicitly(reader, 3, der::kInteger));
    OPENPCC_LET(const uint64_t field, der::unsigned_integer(trailer));
    if (field != 1) return unknown_algorithm("another trailer");
  }
  return reader.end();
}

Result<Algorithm> read_algorithm(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan oid, reader.content(der::kOid));
  std::optional<Algorithm> found;
  if (equal(oid, kEcdsaSha256)) found = Algorithm::ecdsa_sha256;
  if (equal(oid, kEcdsaSha384)) found = Algorithm::ecdsa_sha384;
  if (equal(oid, kRsaPss)) {
    OPENPCC_TRY(expect_pss_parameters(reader));
    found = Algorithm::rsa_pss_sha384;
  }
  if (equal(oid, kRsaSha256) || equal(oid, kRsaSha384)) {
    OPENPCC_LET(const der::Element parameters, reader.next());
    if (!equal(parameters.whole, kNull)) return unknown_algorithm("parameters of RSA");
    found = equal(oid, kRsaSha256) ? Algorithm::rsa_pkcs1_sha256 : Algorithm::rsa_pkcs1_sha384;
  }
  if (!found) return unknown_algorithm("a signature algorithm that is not used here");
  OPENPCC_TRY(reader.end());
  return *found;
}

// read_ecdsa_signature takes SEQUENCE { r, s } to r ‖ s.
Result<Bytes> read_ecdsa_signature(ByteSpan der, crypto::Curve curve) {
  const size_t n = crypto::coordinate_bytes(curve);
  OPENPCC_LET(const ByteSpan content, der::only(der, der::kSequence));
  der::Reader reader(content);
  Bytes out(2 * n);
  for (size_t half = 0; half < 2; ++half) {
    OPENPCC_LET(const ByteSpan integer, reader.content(der::kInteger));
    OPENPCC_LET(const ByteSpan magnitude, der::magnitude(integer));
    if (magnitude.size() > n) return fail(Code::malformed, "x509.der", "an integer larger than the curve's order");
    std::ranges::copy(magnitude, out.begin() + static_cast<ptrdiff_t>((half + 1) * n - magnitude.size()));
  }
  OPENPCC_TRY(reader.end());
  return out;
}

Result<Bytes> read_signature(ByteSpan bits, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::ecdsa_sha256: return read_ecdsa_signature(bits, crypto::Curve::p256);
    case Algorithm::ecdsa_sha384: return read_ecdsa_signature(bits, crypto::Curve::p384);
    case Algorithm::rsa_pss_sha384:
    case Algorithm::rsa_pkcs1_sha256:
    case Algorithm::rsa_pkcs1_sha384: break;
  }
  return Bytes(bits.begin(), bits.end());
}

}  // namespace

Result<UnixSeconds> read_time(der::Reader& reader) {
  constexpr Rule kRule = "x509.der";
  OPENPCC_LET(const der::Element element, reader.next());
  const bool utc = element.tag == der::kUtcTime;
  const size_t year_digits = utc ? 2 : 4;
  if (!utc && element.tag != der::kGeneralizedTime) return fail(Code::malformed, kRule, "not a time");
  const ByteSpan text = element.content;
  if (text.size() != year_digits + 11 || text.back() != 'Z') return fail(Code::malformed, kRule, "a time of another form");
  if (!std::all_of(text.begin(), text.end() - 1, [](uint8_t c) { return c >= '0' && c <= '9'; })) {
    return fail(Code::malformed, kRule, "a time of another form");
  }
  const auto number = [&](size_t at, size_t digits) {
    int64_t out = 0;
    for (size_t i = at; i < at + digits; ++i) out = out * 10 + (text[i] - '0');
    return out;
  };
  int64_t year = number(0, year_digits);
  if (utc) year += year < 50 ? 2000 : 1900;
  const size_t at = year_digits;
  const auto seconds = unix_seconds({year, number(at, 2), number(at + 2, 2), number(at + 4, 2), number(at + 6, 2), number(at + 8, 2)});
  if (!seconds) return fail(Code::malformed, kRule, "no such time");
  return *seconds;
}

Result<Envelope> open_envelope(ByteSpan der) {
  OPENPCC_LET(const ByteSpan content, der::only(der, der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(Envelope out, read_envelope(reader));
  OPENPCC_TRY(reader.end());
  return out;
}

Result<Envelope> read_envelope(der::Reader& reader) {
  OPENPCC_LET(const der::Element to_be_signed, reader.next());
  if (to_be_signed.tag != der::kSequence) return fail(Code::malformed, "x509.der", "an element of another type");
  OPENPCC_LET(const der::Element identifier, reader.next());
  if (identifier.tag != der::kSequence) return fail(Code::malformed, "x509.der", "an element of another type");
  OPENPCC_LET(const ByteSpan bit_string, reader.content(der::kBitString));
  OPENPCC_LET(const ByteSpan bits, der::bit_string(bit_string));
  Envelope out{to_be_signed.content, identifier.whole, {to_be_signed.whole, Algorithm::ecdsa_sha256, {}}};
  OPENPCC_LET(out.signature.algorithm, read_algorithm(identifier.content));
  OPENPCC_LET(out.signature.signature, read_signature(bits, out.signature.algorithm));
  return out;
}

Result<std::vector<Extension>> read_extensions(ByteSpan explicit_content, Rule duplicate) {
  OPENPCC_LET(const ByteSpan list, der::only(explicit_content, der::kSequence));
  der::Reader reader(list);
  std::vector<Extension> out;
  while (!reader.empty()) {
    OPENPCC_LET(const ByteSpan content, reader.content(der::kSequence));
    der::Reader fields(content);
    Extension extension{};
    OPENPCC_LET(extension.oid, fields.content(der::kOid));
    if (fields.next_is(der::kBoolean)) {
      OPENPCC_LET(const ByteSpan critical, fields.content(der::kBoolean));
      OPENPCC_LET(extension.critical, der::boolean(critical));
      if (!extension.critical) return fail(Code::malformed, "x509.der", "a default that is written out");
    }
    OPENPCC_LET(extension.value, fields.content(der::kOctetString));
    OPENPCC_TRY(fields.end());
    const bool twice = std::ranges::any_of(out, [&](const Extension& other) { return equal(other.oid, extension.oid); });
    if (twice || out.size() == kExtensionsMax) return fail(Code::malformed, duplicate, "an extension twice, or too many");
    out.push_back(extension);
  }
  return out;
}

}  // namespace openpcc::x509
