// Spec: RFC 6960 s4.2.
#include "openpcc/x509/ocsp.h"

#include <algorithm>
#include <array>

#include "fields.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/x509/usage.h"

namespace openpcc::x509 {
namespace {

constexpr std::array<uint8_t, 9> kBasicResponse{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
constexpr std::array<uint8_t, 9> kSha256{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
constexpr std::array<uint8_t, 9> kSha384{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02};
constexpr std::array<uint8_t, 2> kNull{0x05, 0x00};
constexpr std::array<uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f}, kExtendedKeyUsage{0x55, 0x1d, 0x25};
constexpr std::array<uint8_t, 9> kNoCheck{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05};
constexpr std::array<uint8_t, 8> kOcspSigning{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09};
constexpr uint8_t kContext0 = 0x80, kContext2 = 0x82;  // primitive
constexpr uint64_t kCertificateHold = 6;

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "x509.ocsp.syntax", std::string(what)); }

Result<> refuse_critical(ByteSpan explicit_content) {
  OPENPCC_LET(const std::vector<Extension> extensions, read_extensions(explicit_content, "x509.ocsp.syntax"));
  if (std::ranges::any_of(extensions, &Extension::critical)) return bad("a critical extension");
  return {};
}

// revocation_of reads RevokedInfo: when, and why.
Result<OcspResponse::Status> revocation_of(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const UnixSeconds date, read_time(reader));
  static_cast<void>(date);  // whatever the date, the certificate does not count
  if (reader.empty()) return OcspResponse::Status::revoked;
  OPENPCC_LET(const ByteSpan inner, reader.content(der::context(0)));
  OPENPCC_LET(const ByteSpan reason, der::only(inner, der::kEnumerated));
  OPENPCC_TRY(reader.end());
  OPENPCC_LET(const uint64_t number, der::unsigned_integer(reason));
  return number == kCertificateHold ? OcspResponse::Status::held : OcspResponse::Status::revoked;
}

Result<OcspResponse::Status> read_status(const der::Element& element) {
  if (element.tag == kContext0 && element.content.empty()) return OcspResponse::Status::good;
  if (element.tag == kContext2 && element.content.empty()) return OcspResponse::Status::unknown;
  if (element.tag == der::context(1)) return revocation_of(element.content);
  return bad("a status that is none");
}

// key_bits are those of the subjectPublicKey, which identify an issuer by their digest.
Result<ByteSpan> key_bits(const Certificate& certificate) {
  OPENPCC_LET(const ByteSpan content, der::only(certificate.spki(), der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const der::Element algorithm, reader.next());
  static_cast<void>(algorithm);
  OPENPCC_LET(const ByteSpan bits, reader.content(der::kBitString));
  return der::bit_string(bits);
}

bool is_digest(ByteSpan digest, ByteSpan of, bool sha384) {
  return sha384 ? equal(digest, crypto::sha384(of)) : equal(digest, crypto::sha256(of));
}

bool may_sign_responses(const Certificate& certificate) {
  const Extension* usage = certificate.extension(kExtendedKeyUsage);
  if (usage == nullptr) return false;
  const auto purposes = der::only(usage->value, der::kSequence);
  if (!purposes) return false;
  der::Reader reader(*purposes);
  while (!reader.empty()) {
    const auto purpose = reader.content(der::kOid);
    if (!purpose) return false;
    if (equal(*purpose, kOcspSigning)) return true;
  }
  return false;
}

std::unexpected<Error> bad_responder(std::string_view why) {
  return fail(Code::verification_failed, "x509.ocsp.responder", std::string(why));
}

// check_appointed takes a responder of its own, which the issuer of the certificate in question must have appointed itself. Key usage binds it where
// there is one: its purpose is said already (RFC 6960 s4.2.2.2).
Result<PublicKey> check_appointed(const Certificate& responder, const Certificate& issuer, const PublicKey& issuer_key,
                                  UnixSeconds produced, UnixSeconds now) {
  if (!may_sign_responses(responder)) return bad_responder("its certificate is not for signing responses");
  if (responder.extension(kKeyUsage) != nullptr) {
    if (const auto usage = check_signs_data(responder); !usage) return bad_responder(describe(usage.error()));
  }
  const ByteSpan understood[] = {kExtendedKeyUsage, kNoCheck};
  const auto issued = check_issued(responder, issuer, issuer_key, 0, {}, understood);
  if (!issued) return bad_responder(describe(issued.error()));
  for (const UnixSeconds time : {produced, now}) {
    if (const auto timely = check_time(responder, time); !timely) return bad_responder(describe(timely.error()));
  }
  auto key = responder.key();
  if (!key) return bad_responder(describe(key.error()));
  return std::move(*key);
}

}  // namespace

std::string_view to_string(OcspResponse::Status status) {
  switch (status) {
    case OcspResponse::Status::good: return "good";
    case OcspResponse::Status::revoked: return "revoked";
    case OcspResponse::Status::held: return "held";
    case OcspResponse::Status::unknown: return "unknown to the responder";
  }
  return "unknown";
}

Result<OcspResponse> OcspResponse::parse(ByteSpan der) {
  if (der.size() > kOcspBytesMax) return fail(Code::limit, "x509.ocsp.too_large", std::to_string(der.size()) + " bytes");
  OcspResponse out;
  out.der_.assign(der.begin(), der.end());
  OPENPCC_TRY(out.read(out.der_));
  return out;
}

Result<> OcspResponse::read(ByteSpan der) {
  OPENPCC_LET(const ByteSpan response, der::only(der, der::kSequence));
  der::Reader outer(response);
  OPENPCC_LET(const ByteSpan response_status, outer.content(der::kEnumerated));
  OPENPCC_LET(const uint64_t number, der::unsigned_integer(response_status));
  if (number != 0) return bad("the responder refused to answer");
  OPENPCC_LET(const ByteSpan explicit_bytes, outer.content(der::context(0)));
  OPENPCC_TRY(outer.end());
  OPENPCC_LET(const ByteSpan response_bytes, der::only(explicit_bytes, der::kSequence));
  der::Reader typed(response_bytes);
  OPENPCC_LET(const ByteSpan type, typed.content(der::kOid));
  if (!equal(type, kBasicResponse)) return bad("not a basic response");
  OPENPCC_LET(const ByteSpan octets, typed.content(der::kOctetString));
  OPENPCC_TRY(typed.end());

  // BasicOCSPResponse is the envelope of certificates with one part more: the certificates that came along.
  OPENPCC_LET(const ByteSpan basic, der::only(octets, der::kSequence));
  der::Reader parts(basic);
  OPENPCC_LET(Envelope envelope, read_envelope(parts));
  signed_ = std::move(envelope.signature);
  if (!parts.empty()) {
    OPENPCC_LET(const ByteSpan explicit_list, parts.content(der::context(0)));
    OPENPCC_TRY(read_responders(explicit_list));
  }
  OPENPCC_TRY(parts.end());
  return read_data(envelope.to_be_signed);
}

Result<> OcspResponse::read_responders(ByteSpan explicit_list) {
  OPENPCC_LET(const ByteSpan list, der::only(explicit_list, der::kSequence));
  der::Reader reader(list);
  while (!reader.empty()) {
    if (responders_.size() == kOcspCertificatesMax) return bad("too many certificates");
    OPENPCC_LET(const der::Element certificate, reader.next());
    OPENPCC_LET(Certificate parsed, Certificate::parse(certificate.whole));
    responders_.push_back(std::move(parsed));
  }
  return {};
}

Result<> OcspResponse::read_data(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const der::Element responder, reader.next());  // a hint: who answered is decided by the signature
  if (responder.tag != der::context(1) && responder.tag != der::context(2)) return bad("another version, or no responder");
  OPENPCC_LET(produced_, read_time(reader));
  OPENPCC_LET(const ByteSpan answers, reader.content(der::kSequence));
  OPENPCC_LET(const ByteSpan answer, der::only(answers, der::kSequence));
  if (!reader.empty()) {
    OPENPCC_LET(const ByteSpan extensions, reader.content(der::context(1)));
    OPENPCC_TRY(refuse_critical(extensions));
  }
  OPENPCC_TRY(reader.end());
  return read_answer(answer);
}

Result<> OcspResponse::read_answer(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan id, reader.content(der::kSequence));
  OPENPCC_TRY(read_certificate_id(id));
  OPENPCC_LET(const der::Element status, reader.next());
  OPENPCC_LET(status_, read_status(status));
  OPENPCC_LET(window_.from, read_time(reader));
  if (!reader.next_is(der::context(0))) return bad("no nextUpdate");
  OPENPCC_LET(const ByteSpan next, reader.content(der::context(0)));
  der::Reader next_reader(next);
  OPENPCC_LET(const UnixSeconds next_update, read_time(next_reader));
  OPENPCC_TRY(next_reader.end());
  window_.to = next_update - 1;
  if (!reader.empty()) {
    OPENPCC_LET(const ByteSpan extensions, reader.content(der::context(1)));
    OPENPCC_TRY(refuse_critical(extensions));
  }
  return reader.end();
}

Result<> OcspResponse::read_certificate_id(ByteSpan content) {
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan algorithm, reader.content(der::kSequence));
  der::Reader identifier(algorithm);
  OPENPCC_LET(const ByteSpan oid, identifier.content(der::kOid));
  sha384_ = equal(oid, kSha384);
  if (!sha384_ && !equal(oid, kSha256)) return bad("a certificate identified by another digest than SHA-256 or SHA-384");
  if (!identifier.empty()) {
    OPENPCC_LET(const der::Element parameters, identifier.next());
    if (!equal(parameters.whole, kNull)) return bad("parameters of a digest");
    OPENPCC_TRY(identifier.end());
  }
  OPENPCC_LET(issuer_name_digest_, reader.content(der::kOctetString));
  OPENPCC_LET(issuer_key_digest_, reader.content(der::kOctetString));
  OPENPCC_LET(const ByteSpan serial, reader.content(der::kInteger));
  OPENPCC_LET(serial_, der::magnitude(serial));
  return reader.end();
}

bool OcspResponse::is_about(const Certificate& subject, const Certificate& issuer) const {
  const auto key = key_bits(issuer);
  return key && equal(serial_, subject.serial()) && is_digest(issuer_name_digest_, issuer.subject(), sha384_) &&
         is_digest(issuer_key_digest_, *key, sha384_);
}

Result<Window> check_ocsp(const OcspResponse& response, const Certificate& issuer, const PublicKey& issuer_key, UnixSeconds now) {
  Window window = response.window();
  const auto& responders = response.responders();
  const bool appointed = !responders.empty() && !equal(responders.front().spki(), issuer.spki());
  if (appointed) {
    OPENPCC_LET(const PublicKey key, check_appointed(responders.front(), issuer, issuer_key, response.produced(), now));
    OPENPCC_TRY(response.signature().check(key));
    window = window.intersect(responders.front().window());
  } else {
    OPENPCC_TRY(response.signature().check(issuer_key));
  }
  window.from = std::max(window.from, response.produced());
  if (now < std::max(response.window().from, response.produced())) {
    return fail(Code::verification_failed, "x509.ocsp.early", "the response is of a later time");
  }
  if (now > response.window().to) return fail(Code::verification_failed, "x509.ocsp.stale", "the response's next update has passed");
  return window;
}

}  // namespace openpcc::x509
