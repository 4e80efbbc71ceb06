// Spec: RFC 5280 s4.
#include <algorithm>
#include <array>

#include "fields.h"

namespace openpcc::x509 {
namespace {

constexpr std::array<uint8_t, 9> kRsaEncryption{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
constexpr std::array<uint8_t, 7> kEcPublicKey{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
constexpr std::array<uint8_t, 8> kP256{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<uint8_t, 5> kP384{0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<uint8_t, 2> kNull{0x05, 0x00};
constexpr std::array<uint8_t, 3> kCommonName{0x55, 0x04, 0x03};
constexpr uint64_t kVersion3 = 2;
constexpr uint8_t kUncompressed = 4;

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";

std::unexpected<Error> bad_certificate(std::string_view what) {
  return fail(Code::malformed, "x509.certificate.syntax", std::string(what));
}

// common_name_of finds the only CN of a Name's content, in whichever string type; empty where there is none.
Result<std::string_view> common_name_of(ByteSpan name) {
  std::string_view found;
  der::Reader names(name);
  while (!names.empty()) {
    OPENPCC_LET(const ByteSpan set, names.content(der::kSet));
    der::Reader attributes(set);
    while (!attributes.empty()) {
      OPENPCC_LET(const ByteSpan attribute, attributes.content(der::kSequence));
      der::Reader fields(attribute);
      OPENPCC_LET(const ByteSpan oid, fields.content(der::kOid));
      OPENPCC_LET(const der::Element value, fields.next());
      OPENPCC_TRY(fields.end());
      if (!equal(oid, kCommonName)) continue;
      if (!found.empty()) return bad_certificate("two common names");
      found = as_text(value.content);
    }
  }
  return found;
}

Result<PublicKey> read_ec_key(der::Reader& identifier, ByteSpan bits) {
  OPENPCC_LET(const ByteSpan named, identifier.content(der::kOid));
  OPENPCC_TRY(identifier.end());
  const bool p256 = equal(named, kP256);
  if (!p256 && !equal(named, kP384)) return fail(Code::unsupported, "x509.key.algorithm", "another curve");
  if (bits.empty() || bits[0] != kUncompressed) return fail(Code::unsupported, "x509.key.algorithm", "a compressed point");
  OPENPCC_LET(crypto::EcdsaPublic key, crypto::EcdsaPublic::from_point(p256 ? crypto::Curve::p256 : crypto::Curve::p384, bits.subspan(1)));
  return PublicKey(std::move(key));
}

Result<PublicKey> read_rsa_key(der::Reader& identifier, ByteSpan bits) {
  OPENPCC_LET(const der::Element parameters, identifier.next());
  if (!equal(parameters.whole, kNull)) return fail(Code::unsupported, "x509.key.algorithm", "parameters of an RSA key");
  OPENPCC_TRY(identifier.end());
  OPENPCC_LET(const ByteSpan content, der::only(bits, der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan n, reader.content(der::kInteger));
  OPENPCC_LET(const ByteSpan e, reader.content(der::kInteger));
  OPENPCC_TRY(reader.end());
  OPENPCC_LET(const ByteSpan modulus, der::magnitude(n));
  OPENPCC_LET(const ByteSpan exponent, der::magnitude(e));
  OPENPCC_LET(crypto::RsaPublic key, crypto::RsaPublic::from_numbers(modulus, exponent));
  return PublicKey(std::move(key));
}

std::string_view skip_line_ends(std::string_view text) {
  const size_t at = text.find_first_not_of("\r\n");
  return at == std::string_view::npos ? std::string_view() : text.substr(at);
}

std::string without_line_ends(std::string_view text) {
  std::string out(text.size(), '\0');
  out.erase(std::ranges::copy_if(text, out.begin(), [](char c) { return c != '\r' && c != '\n'; }).out, out.end());
  return out;
}

}  // namespace

Result<Certificate> Certificate::parse(ByteSpan der) {
  if (der.size() > kCertificateBytesMax) return fail(Code::limit, "x509.certificate.too_large", std::to_string(der.size()) + " bytes");
  Certificate out;
  out.der_.assign(der.begin(), der.end());
  OPENPCC_TRY(out.read(out.der_));
  return out;
}

Result<> Certificate::read(ByteSpan der) {
  OPENPCC_LET(Envelope envelope, open_envelope(der));
  signed_ = std::move(envelope.signature);
  der::Reader reader(envelope.to_be_signed);
  OPENPCC_LET(const ByteSpan version, reader.content(der::context(0)));
  OPENPCC_LET(const ByteSpan version_number, der::only(version, der::kInteger));
  OPENPCC_LET(const uint64_t number, der::unsigned_integer(version_number));
  if (number != kVersion3) return bad_certificate("not of version 3");
  OPENPCC_LET(const ByteSpan serial, reader.content(der::kInteger));
  OPENPCC_LET(serial_, der::magnitude(serial));
  if (serial_.size() > kSerialBytesMax) return bad_certificate("a serial number too long");
  OPENPCC_LET(const der::Element algorithm, reader.next());
  if (!equal(algorithm.whole, envelope.algorithm_identifier)) {
    return fail(Code::malformed, "x509.certificate.algorithm", "inside another one than outside");
  }
  OPENPCC_LET(const der::Element issuer, reader.next());
  OPENPCC_LET(const ByteSpan validity, reader.content(der::kSequence));
  OPENPCC_LET(const der::Element subject, reader.next());
  OPENPCC_LET(const der::Element spki, reader.next());
  if (issuer.tag != der::kSequence || subject.tag != der::kSequence || spki.tag != der::kSequence) return bad_certificate("names or key");
  issuer_ = issuer.whole;
  subject_ = subject.whole;
  spki_ = spki.whole;
  der::Reader times(validity);
  OPENPCC_LET(window_.from, read_time(times));
  OPENPCC_LET(window_.to, read_time(times));
  OPENPCC_TRY(times.end());
  if (window_.to < window_.from) return bad_certificate("it ends before it begins");
  OPENPCC_LET(common_name_, common_name_of(subject.content));
  if (!reader.empty()) {
    OPENPCC_LET(const ByteSpan extensions, reader.content(der::context(3)));
    OPENPCC_LET(extensions_, read_extensions(extensions, "x509.certificate.syntax"));
  }
  return reader.end();
}

const Extension* Certificate::extension(ByteSpan oid) const {
  const auto found = std::ranges::find_if(extensions_, [&](const Extension& extension) { return equal(extension.oid, oid); });
  return found == extensions_.end() ? nullptr : &*found;
}

Result<PublicKey> read_key(ByteSpan spki) {
  OPENPCC_LET(const ByteSpan content, der::only(spki, der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan algorithm, reader.content(der::kSequence));
  OPENPCC_LET(const ByteSpan bit_string, reader.content(der::kBitString));
  OPENPCC_TRY(reader.end());
  OPENPCC_LET(const ByteSpan bits, der::bit_string(bit_string));
  der::Reader identifier(algorithm);
  OPENPCC_LET(const ByteSpan oid, identifier.content(der::kOid));
  if (equal(oid, kEcPublicKey)) return read_ec_key(identifier, bits);
  if (equal(oid, kRsaEncryption)) return read_rsa_key(identifier, bits);
  return fail(Code::unsupported, "x509.key.algorithm", "neither RSA nor a curve");
}

Result<std::vector<Certificate>> Certificate::parse_pem(ByteSpan text, size_t max) {
  constexpr Rule kRule = "x509.pem.syntax";
  if (text.size() > max * 2 * kCertificateBytesMax) return fail(Code::limit, kRule, "too large");
  std::string_view rest = as_text(text);
  if (rest.ends_with('\0')) rest.remove_suffix(1);
  std::vector<Certificate> out;
  while (!(rest = skip_line_ends(rest)).empty()) {
    const size_t end = rest.find(kPemEnd);
    if (!rest.starts_with(kPemBegin) || end == std::string_view::npos) return fail(Code::malformed, kRule, "not a certificate's block");
    if (out.size() == max) return fail(Code::malformed, kRule, "more than " + std::to_string(max) + " certificates");
    const auto der = from_base64(without_line_ends(rest.substr(kPemBegin.size(), end - kPemBegin.size())));
    if (!der) return fail(Code::malformed, kRule, "not base64");
    OPENPCC_LET(Certificate certificate, parse(*der));
    out.push_back(std::move(certificate));
    rest.remove_prefix(end + kPemEnd.size());
  }
  if (out.empty()) return fail(Code::malformed, kRule, "no certificate");
  return out;
}

}  // namespace openpcc::x509
