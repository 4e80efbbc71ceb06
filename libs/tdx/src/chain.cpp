// Spec: Intel SGX PCK Certificate and CRL Profile Specification; RFC 5280.
#include "openpcc/tdx/chain.h"

#include <array>

#include "openpcc/x509/der.h"

namespace openpcc::tdx {
namespace {

namespace der = x509::der;

constexpr size_t kCertificatesMax = 8;  // more than any chain: a surplus is counted rather than called bad PEM

constexpr std::array<uint8_t, 3> kKeyUsage{0x55, 0x1d, 0x0f};
constexpr std::array<uint8_t, 3> kBasicConstraints{0x55, 0x1d, 0x13};
constexpr uint8_t kDigitalSignature = 0x80;
constexpr uint8_t kCrlSign = 0x02;

std::unexpected<Error> under(Rule rule, const Error& error) { return fail(error.code, rule, describe(error)); }

// has_usage says that the key usage extension names the bit.
bool has_usage(const x509::Certificate& certificate, uint8_t bit) {
  const x509::Extension* usage = certificate.extension(kKeyUsage);
  if (usage == nullptr) return false;
  const auto bits = der::only(usage->value, der::kBitString);
  return bits && bits->size() >= 2 && ((*bits)[1] & bit) != 0;
}

// is_end says that the certificate may issue none.
bool is_end(const x509::Certificate& certificate) {
  const x509::Extension* constraints = certificate.extension(kBasicConstraints);
  if (constraints == nullptr) return true;
  const auto content = der::only(constraints->value, der::kSequence);
  return content && content->empty();
}

// check_link is x509::check_issued under the chain's rules.
Result<> check_link(const x509::Certificate& subject, const x509::Certificate& issuer, const x509::PublicKey& key, size_t below,
                    const ChainRules& rules, x509::Known genuine) {
  const Result<> issued = x509::check_issued(subject, issuer, key, below, genuine);
  if (issued) return {};
  const std::string_view id = issued.error().rule.id();
  if (id == "x509.issuer.name") return under(rules.issuer, issued.error());
  return under(id.starts_with("x509.signature.") ? rules.signature : rules.ca, issued.error());
}

// check_root says that the certificate has the pinned key and signed itself.
Result<x509::PublicKey> check_root(const x509::Certificate& root, ByteSpan root_spki, const ChainRules& rules, const Chain* known,
                                   x509::Known genuine) {
  if (!equal(root.spki(), root_spki)) return fail(Code::verification_failed, rules.root, to_hex(root.spki()));
  if (known != nullptr && equal(known->root().der(), root.der())) return known->root_key();
  Result<x509::PublicKey> key = root.key();
  if (!key) return under(rules.syntax, key.error());
  if (!equal(root.issuer(), root.subject())) return fail(Code::verification_failed, rules.issuer, "the root names another issuer");
  if (!x509::is_known(root, genuine)) {
    const Result<> self_signed = root.signature().check(*key);
    if (!self_signed) return under(rules.signature, self_signed.error());
  }
  return key;
}

}  // namespace

const ChainRules kPckRules{"tdx.pck.pem",       "tdx.pck.count", "tdx.pck.syntax", "tdx.pck.name",    "tdx.pck.root",   "tdx.pck.issuer",
                           "tdx.pck.signature", "tdx.pck.ca",    "tdx.pck.early",  "tdx.pck.expired", "tdx.pck.revoked"};
const ChainRules kSignerRules{"tdx.signer.pem",   "tdx.signer.count",   "tdx.signer.syntax",    "tdx.signer.name",
                              "tdx.signer.root",  "tdx.signer.issuer",  "tdx.signer.signature", "tdx.signer.ca",
                              "tdx.signer.early", "tdx.signer.expired", "tdx.signer.revoked"};

Result<> check_time(const std::vector<Period>& periods, UnixSeconds now) {
  for (const Period& period : periods) {
    if (now < period.window.from) return fail(Code::verification_failed, period.early, period.what + ": not yet valid");
    if (now > period.window.to) return fail(Code::verification_failed, period.expired, period.what + ": not valid any more");
  }
  return {};
}

x509::Window common_window(const std::vector<Period>& periods) {
  x509::Window out{INT64_MIN, INT64_MAX};
  for (const Period& period : periods) out = out.intersect(period.window);
  return out;
}

std::vector<Period> Chain::periods(const ChainRules& rules) const {
  std::vector<Period> out;
  out.reserve(certificates_.size());
  for (const x509::Certificate& one : certificates_) {
    out.push_back({one.window(), rules.early, rules.expired, std::string(one.common_name())});
  }
  return out;
}

Result<std::vector<x509::Certificate>> read_chain(ByteSpan pem, size_t count, const ChainRules& rules) {
  Result<std::vector<x509::Certificate>> found = x509::Certificate::parse_pem(pem, kCertificatesMax);
  if (!found) return under(found.error().rule == Rule("x509.pem.syntax") ? rules.pem : rules.syntax, found.error());
  if (found->size() != count) return fail(Code::malformed, rules.count, std::to_string(found->size()));
  for (const x509::Certificate& one : *found) {
    if (one.signature().algorithm != x509::Algorithm::ecdsa_sha256) {
      return fail(Code::unsupported, rules.syntax, "not signed by ECDSA with SHA-256");
    }
  }
  return found;
}

Result<Chain> check_chain(std::vector<x509::Certificate> certificates, ByteSpan root_spki, const ChainRules& rules, LeafUse leaf,
                          const Chain* known) {
  OPENPCC_CHECK(certificates.size() >= 2);
  const size_t last = certificates.size() - 1;
  const x509::Known genuine = equal(root_spki, intel_root_spki()) ? intel_certificates() : x509::Known();
  std::vector<x509::PublicKey> keys;
  OPENPCC_LET(x509::PublicKey root_key, check_root(certificates[last], root_spki, rules, known, genuine));
  keys.push_back(std::move(root_key));
  for (size_t i = last; i-- > 0;) {
    const size_t authorities_below = leaf == LeafUse::signs_data ? i : i + 1;
    OPENPCC_TRY(check_link(certificates[i], certificates[i + 1], keys.front(), authorities_below, rules, genuine));
    if (!has_usage(certificates[i + 1], kCrlSign)) {
      return fail(Code::verification_failed, rules.ca, std::string(certificates[i + 1].common_name()) + " may not sign revocation lists");
    }
    if (i == 0) break;
    Result<x509::PublicKey> key = certificates[i].key();
    if (!key) return under(rules.syntax, key.error());
    keys.insert(keys.begin(), std::move(*key));
  }
  if (leaf == LeafUse::signs_data && (!is_end(certificates[0]) || !has_usage(certificates[0], kDigitalSignature))) {
    return fail(Code::verification_failed, rules.ca, std::string(certificates[0].common_name()) + " is not for signing data alone");
  }
  return Chain(std::move(certificates), std::move(keys));
}

Result<x509::Crl> read_crl(ByteSpan der, const x509::Certificate& issuer, const x509::PublicKey& issuer_key) {
  Result<x509::Crl> crl = x509::Crl::parse(der);
  if (!crl) return under("tdx.crl.syntax", crl.error());
  if (crl->signature().algorithm != x509::Algorithm::ecdsa_sha256) return fail(Code::unsupported, "tdx.crl.syntax", "another algorithm");
  if (!equal(crl->issuer(), issuer.subject())) return fail(Code::verification_failed, "tdx.crl.issuer", std::string(issuer.common_name()));
  const Result<> genuine = crl->signature().check(issuer_key);
  if (!genuine) return under("tdx.crl.signature", genuine.error());
  return crl;
}

Period crl_period(const x509::Crl& crl, std::string_view issuer) {
  return {crl.window(), "tdx.crl.early", "tdx.crl.expired", "the revocation list of " + std::string(issuer)};
}

}  // namespace openpcc::tdx
