// Spec: RFC 5280 s6.1, s6.3, for chains whose members have names of their own.
#include <algorithm>
#include <array>

#include "fields.h"
#include "openpcc/x509/usage.h"

namespace openpcc::x509 {
namespace {

constexpr std::array<uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f};
constexpr std::array<uint8_t, 3> kBasicConstraints{0x55, 0x1d, 0x13};
// Bits 0, 5 and 6 of the first byte, counted from its high end.
constexpr uint8_t kDigitalSignature = 0x80, kKeyCertSign = 0x04, kCrlSign = 0x02;

std::unexpected<Error> not_ca(std::string_view why) { return fail(Code::verification_failed, "x509.issuer.not_ca", std::string(why)); }

Result<> check_is_ca(const Certificate& issuer, size_t below) {
  const Extension* constraints = issuer.extension(kBasicConstraints);
  if (constraints == nullptr) return not_ca("no basic constraints");
  OPENPCC_LET(const ByteSpan content, der::only(constraints->value, der::kSequence));
  der::Reader reader(content);
  if (!reader.next_is(der::kBoolean)) return not_ca("its basic constraints say so");
  OPENPCC_LET(const ByteSpan flag, reader.content(der::kBoolean));
  OPENPCC_LET(const bool is_ca, der::boolean(flag));
  if (!is_ca) return not_ca("its basic constraints say so");
  if (reader.empty()) return {};
  OPENPCC_LET(const ByteSpan length, reader.content(der::kInteger));
  OPENPCC_LET(const uint64_t longest, der::unsigned_integer(length));
  OPENPCC_TRY(reader.end());
  if (below > longest) return not_ca("the chain below it is too long");
  return {};
}

Result<> check_usage(const Certificate& certificate, uint8_t bit, Rule rule, std::string_view otherwise) {
  const Extension* usage = certificate.extension(kKeyUsage);
  if (usage == nullptr) return fail(Code::verification_failed, rule, "no key usage");
  OPENPCC_LET(const ByteSpan bits, der::only(usage->value, der::kBitString));
  if (bits.size() < 2 || (bits[1] & bit) == 0) return fail(Code::verification_failed, rule, std::string(otherwise));
  return {};
}

Result<> check_may_sign(const Certificate& issuer) {
  return check_usage(issuer, kKeyCertSign, "x509.issuer.key_usage", "not for certificates");
}

Result<> check_rsa(const crypto::RsaPublic& key, const Signed& what) {
  if (what.algorithm == Algorithm::rsa_pss_sha384) return key.verify_pss_sha384(what.message, what.signature);
  const auto digest = what.algorithm == Algorithm::rsa_pkcs1_sha256 ? crypto::RsaDigest::sha256 : crypto::RsaDigest::sha384;
  return key.verify_pkcs1(digest, what.message, what.signature);
}

}  // namespace

Result<> Signed::check(const PublicKey& key) const {
  const bool rsa = algorithm != Algorithm::ecdsa_sha256 && algorithm != Algorithm::ecdsa_sha384;
  const crypto::Curve curve = algorithm == Algorithm::ecdsa_sha256 ? crypto::Curve::p256 : crypto::Curve::p384;
  const auto* rsa_key = std::get_if<crypto::RsaPublic>(&key);
  const auto* ec_key = std::get_if<crypto::EcdsaPublic>(&key);
  if (rsa ? rsa_key == nullptr : ec_key == nullptr || ec_key->curve() != curve) {
    return fail(Code::verification_failed, "x509.signature.algorithm", "the issuer's key is of another kind");
  }
  const Result<> verified = rsa ? check_rsa(*rsa_key, *this) : ec_key->verify(message, signature);
  if (!verified) return fail(Code::verification_failed, "x509.signature.wrong", "not signed by the issuer's key");
  return {};
}

Result<> check_time(const Certificate& certificate, UnixSeconds now) {
  const Window& window = certificate.window();
  const std::string who(certificate.common_name());
  if (now < window.from) return fail(Code::verification_failed, "x509.time.early", who + ": not yet valid");
  if (now > window.to) return fail(Code::verification_failed, "x509.time.expired", who + ": expired");
  return {};
}

Result<> check_extensions(const Certificate& certificate, std::span<const ByteSpan> understood) {
  for (const Extension& extension : certificate.extensions()) {
    const bool known = equal(extension.oid, kKeyUsage) || equal(extension.oid, kBasicConstraints) ||
                       std::ranges::any_of(understood, [&](ByteSpan oid) { return equal(oid, extension.oid); });
    if (extension.critical && !known) {
      return fail(Code::unsupported, "x509.extension.critical", std::string(certificate.common_name()) + ": " + to_hex(extension.oid));
    }
  }
  return {};
}

Result<> check_signs_data(const Certificate& certificate) {
  constexpr Rule kRule = "x509.leaf.ca";
  if (const Extension* constraints = certificate.extension(kBasicConstraints)) {
    OPENPCC_LET(const ByteSpan content, der::only(constraints->value, der::kSequence));
    der::Reader reader(content);
    if (reader.next_is(der::kBoolean)) {
      OPENPCC_LET(const ByteSpan flag, reader.content(der::kBoolean));
      OPENPCC_LET(const bool is_ca, der::boolean(flag));
      if (is_ca) return fail(Code::verification_failed, kRule, std::string(certificate.common_name()) + " is a CA");
    }
  }
  return check_usage(certificate, kDigitalSignature, "x509.leaf.key_usage", "not for digital signatures");
}

Result<> check_signs_lists(const Certificate& issuer) {
  return check_usage(issuer, kCrlSign, "x509.crl.key_usage", "not for revocation lists");
}

bool is_known(const Certificate& certificate, Known known) {
  return !known.empty() && std::ranges::find(known, crypto::sha256(certificate.der())) != known.end();
}

Result<> check_issued(const Certificate& subject, const Certificate& issuer, const PublicKey& issuer_key, size_t below, Known known,
                      std::span<const ByteSpan> understood) {
  if (!equal(subject.issuer(), issuer.subject())) {
    return fail(Code::verification_failed, "x509.issuer.name", std::string(subject.common_name()) + " names another issuer");
  }
  // The signature first: what an extension of an unsigned certificate says is nobody's word.
  if (!is_known(subject, known)) {
    OPENPCC_TRY(subject.signature().check(issuer_key));
  }
  OPENPCC_TRY(check_extensions(subject, understood));
  OPENPCC_TRY(check_extensions(issuer));
  OPENPCC_TRY(check_is_ca(issuer, below));
  return check_may_sign(issuer);
}

Result<> check_crl(const Crl& crl, const Certificate& issuer, const PublicKey& issuer_key, UnixSeconds now) {
  if (!equal(crl.issuer(), issuer.subject())) return fail(Code::verification_failed, "x509.crl.issuer", "the list is another issuer's");
  OPENPCC_TRY(crl.signature().check(issuer_key));
  if (now < crl.window().from) return fail(Code::verification_failed, "x509.crl.early", "the list is of a later time");
  if (now > crl.window().to) return fail(Code::verification_failed, "x509.crl.stale", "the list's next update has passed");
  return {};
}

Result<> check_not_revoked(const Certificate& certificate, const Crl& crl) {
  if (!crl.revokes(certificate.serial())) return {};
  return fail(Code::verification_failed, "x509.crl.revoked",
              std::string(certificate.common_name()) + ", serial " + to_hex(certificate.serial()));
}

}  // namespace openpcc::x509
