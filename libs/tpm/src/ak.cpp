#include "openpcc/tpm/ak.h"

#include <algorithm>
#include <array>

#include "openpcc/core/describe.h"
#include "openpcc/tpm/digest.h"
#include "openpcc/x509/der.h"

namespace openpcc::tpm {
namespace {

namespace der = x509::der;

constexpr uint16_t kRsa = 0x0001;
constexpr uint16_t kEcc = 0x0023;
constexpr uint16_t kNull = 0x0010;
constexpr uint16_t kCurveP256 = 0x0003;
constexpr uint16_t kCurveP384 = 0x0004;
constexpr size_t kRsaBytesMax = 512;
constexpr std::string_view kPemBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kPemEnd = "-----END PUBLIC KEY-----";
constexpr size_t kPolicyBytesMax = 64;
constexpr std::array<uint8_t, 3> kDefaultExponent{1, 0, 1};

constexpr std::array<uint8_t, 15> kRsaIdentifier{0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
constexpr std::array<uint8_t, 21> kP256Identifier{0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                                                  0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<uint8_t, 18> kP384Identifier{0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                                  0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

Bytes element(uint8_t tag, ByteSpan content) {
  ByteWriter out;
  out.u8(tag);
  if (content.size() < 0x80) {
    out.u8(static_cast<uint8_t>(content.size()));
  } else if (content.size() < 0x100) {
    out.u8(0x81).u8(static_cast<uint8_t>(content.size()));
  } else {
    out.u8(0x82).u16(static_cast<uint16_t>(content.size()));
  }
  return out.bytes(content).take();
}

// positive is an INTEGER: no leading zeros, but one where the number would read as negative.
Bytes positive(ByteSpan number) {
  while (!number.empty() && number.front() == 0) number = number.subspan(1);
  const bool high = number.empty() || (number.front() & 0x80) != 0;
  return element(der::kInteger, concat({high ? Bytes{0} : Bytes{}, number}));
}

Bytes spki_of(ByteSpan identifier, ByteSpan key) {
  return element(der::kSequence, concat({identifier, element(der::kBitString, concat({Bytes{0}, key}))}));
}

Bytes spki_of_rsa(ByteSpan modulus, ByteSpan exponent) {
  return spki_of(kRsaIdentifier, element(der::kSequence, concat({positive(modulus), positive(exponent)})));
}

Result<ByteSpan> sized(ByteReader& reader, size_t bytes_max) {
  OPENPCC_LET(const uint16_t size, reader.u16());
  if (size > bytes_max)
    return fail(Code::malformed, "tpm.ak.syntax", std::to_string(size) + " bytes where at most " + std::to_string(bytes_max) + " can be");
  return reader.bytes(size);
}

std::unexpected<Error> unknown(std::string_view what) { return fail(Code::unsupported, "tpm.ak.syntax", std::string(what)); }

// Body is what follows the part that all public areas have in common.
struct Body {
  BoundScheme bound{};
  Bytes spki;
};

// read_scheme: a restricted signing key has one scheme, and never none.
Result<BoundScheme> read_scheme(ByteReader& reader, bool rsa) {
  constexpr Rule kRule = "tpm.scheme";
  OPENPCC_LET(const uint16_t number, reader.u16());
  const auto scheme = static_cast<Scheme>(number);
  const bool fits = rsa ? scheme == Scheme::rsassa || scheme == Scheme::rsapss : scheme == Scheme::ecdsa;
  if (!fits) return fail(Code::unsupported, kRule, "scheme " + std::to_string(number));
  OPENPCC_LET(const uint16_t algorithm, reader.u16());
  const auto hash = hash_of(algorithm);
  if (hash != Hash::sha256 && hash != Hash::sha384) return fail(Code::unsupported, kRule, "digest " + std::to_string(algorithm));
  return BoundScheme{scheme, *hash};
}

Result<Body> read_rsa(ByteReader& reader) {
  Body out;
  OPENPCC_LET(out.bound, read_scheme(reader, true));
  OPENPCC_LET(const uint16_t bits, reader.u16());
  OPENPCC_LET(const uint32_t exponent, reader.u32());
  if (exponent != 0 && exponent != 65537) return fail(Code::unsupported, "tpm.ak.key", "exponent " + std::to_string(exponent));
  OPENPCC_LET(const ByteSpan modulus, sized(reader, kRsaBytesMax));
  if (modulus.size() * 8 != bits) return fail(Code::malformed, "tpm.ak.syntax", "a modulus of another size than it says");
  out.spki = spki_of_rsa(modulus, kDefaultExponent);
  return out;
}

Result<Body> read_ecc(ByteReader& reader) {
  Body out;
  OPENPCC_LET(out.bound, read_scheme(reader, false));
  OPENPCC_LET(const uint16_t curve, reader.u16());
  if (curve != kCurveP256 && curve != kCurveP384) return unknown("curve " + std::to_string(curve));
  OPENPCC_LET(const uint16_t kdf, reader.u16());
  if (kdf != kNull) return unknown("a key derivation, which no signing key has");
  const size_t n = curve == kCurveP256 ? 32 : 48;
  Bytes point{4};
  for (int coordinate = 0; coordinate < 2; ++coordinate) {
    OPENPCC_LET(const ByteSpan number, sized(reader, n));
    point.insert(point.end(), n - number.size(), 0);
    point.insert(point.end(), number.begin(), number.end());
  }
  out.spki = spki_of(curve == kCurveP256 ? ByteSpan(kP256Identifier) : ByteSpan(kP384Identifier), point);
  return out;
}

// spki_of_pem takes the DER out of the one block that the text must be.
Result<Bytes> spki_of_pem(std::string_view text) {
  constexpr Rule kRule = "tpm.ak.syntax";
  const size_t end = text.find(kPemEnd);
  if (end == std::string_view::npos) return fail(Code::malformed, kRule, "no block of a key");
  if (text.find_first_not_of("\r\n", end + kPemEnd.size()) != std::string_view::npos)
    return fail(Code::malformed, kRule, "bytes after the key");
  std::string base64;
  for (const char c : text.substr(kPemBegin.size(), end - kPemBegin.size())) {
    if (c != '\r' && c != '\n') base64 += c;
  }
  auto out = from_base64(base64);
  if (!out) return fail(Code::malformed, kRule, "not base64");
  return out;
}

// strip_size takes the length off a TPM2B_PUBLIC. A TPMT_PUBLIC begins with its type, which is no length that a public area has.
ByteSpan strip_size(ByteSpan bytes) {
  if (bytes.size() < 2) return bytes;
  const size_t first = size_t{bytes[0]} << 8 | bytes[1];
  return first == bytes.size() - 2 ? bytes.subspan(2) : bytes;
}

}  // namespace

Result<AttestationKey> AttestationKey::from_spki(ByteSpan der) {
  auto key = x509::read_key(der);
  if (!key) {
    const std::string_view rule = key.error().rule.id();
    const Rule ours = rule.starts_with("crypto.") ? Rule("tpm.ak.key") : Rule("tpm.ak.syntax");
    return fail(key.error().code, ours, openpcc::describe(key.error()));
  }
  return AttestationKey(std::move(*key), Bytes(der.begin(), der.end()));
}

Result<AttestationKey> AttestationKey::from_numbers(ByteSpan modulus, ByteSpan exponent) {
  if (modulus.size() > kRsaBytesMax || exponent.size() > 8) return fail(Code::unsupported, "tpm.ak.key", "too large");
  return from_spki(spki_of_rsa(modulus, exponent));
}

Bytes AttestationKey::name() const {
  if (area_.empty()) return {};
  const ByteSpan algorithm = ByteSpan(area_).subspan(2, 2);
  const auto hash = hash_of(static_cast<uint16_t>(algorithm[0] << 8 | algorithm[1]));
  OPENPCC_CHECK(hash.has_value());
  return concat({algorithm, digest(*hash, area_)});
}

Result<AttestationKey> AttestationKey::read(ByteSpan bytes) {
  if (bytes.size() > 2 * kPublicBytesMax) return fail(Code::limit, "tpm.ak.syntax", std::to_string(bytes.size()) + " bytes");
  if (as_text(bytes).starts_with(kPemBegin)) {
    OPENPCC_LET(const Bytes der, spki_of_pem(as_text(bytes)));
    return from_spki(der);
  }
  return !bytes.empty() && bytes[0] == der::kSequence ? from_spki(bytes) : from_public(bytes);
}

Result<AttestationKey> AttestationKey::from_public(ByteSpan bytes) {
  constexpr Rule kRule = "tpm.ak.syntax";
  if (bytes.size() > kPublicBytesMax) return fail(Code::limit, kRule, std::to_string(bytes.size()) + " bytes");
  const ByteSpan area = strip_size(bytes);
  ByteReader reader(area, kRule);
  OPENPCC_LET(const uint16_t type, reader.u16());
  if (type != kRsa && type != kEcc) return unknown("type " + std::to_string(type));
  OPENPCC_LET(const uint16_t name_algorithm, reader.u16());
  if (!hash_of(name_algorithm)) return unknown("digest " + std::to_string(name_algorithm));
  Attributes attributes;
  OPENPCC_LET(attributes.bits, reader.u32());
  OPENPCC_TRY(sized(reader, kPolicyBytesMax));
  OPENPCC_LET(const uint16_t symmetric, reader.u16());
  if (symmetric != kNull) return unknown("a storage key: it has a symmetric algorithm");
  OPENPCC_LET(Body body, type == kRsa ? read_rsa(reader) : read_ecc(reader));
  OPENPCC_TRY(reader.end());
  if (!attributes.attests()) return fail(Code::verification_failed, "tpm.ak.attributes", "attributes " + hex_number(attributes.bits));
  OPENPCC_LET(AttestationKey out, from_spki(body.spki));
  out.attributes_ = attributes;
  out.bound_ = body.bound;
  out.area_.assign(area.begin(), area.end());
  return out;
}

}  // namespace openpcc::tpm
