#include "links.h"

#include <algorithm>

#include "openpcc/x509/usage.h"

namespace openpcc::nvgpu {
namespace {

using x509::Certificate;
using x509::PublicKey;

constexpr std::array<uint8_t, 8> kAuthorityInfoAccess{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};

Rule rule_of_ocsp(const Error& error) {
  if (error.rule == Rule("x509.ocsp.responder")) return "nvgpu.ocsp.responder";
  if (error.rule == Rule("x509.ocsp.early")) return "nvgpu.ocsp.early";
  if (error.rule == Rule("x509.ocsp.stale")) return "nvgpu.ocsp.expired";
  return "nvgpu.ocsp.signature";
}

Rule rule_of_crl(const Error& error) {
  if (error.rule == Rule("x509.crl.early")) return "nvgpu.crl.early";
  if (error.rule == Rule("x509.crl.stale")) return "nvgpu.crl.expired";
  return "nvgpu.crl.signature";
}

// RevocationCheck takes each statement to the certificate that it is about.
class RevocationCheck {
 public:
  RevocationCheck(std::span<const Certificate> chain, UnixSeconds age_max_s, UnixSeconds now, std::vector<Error>& failures)
      : chain_(chain), age_max_s_(age_max_s), now_(now), failures_(failures), good_(chain.size()), window_(ChainCheck::window(chain)) {}

  void take_answer(ByteSpan der) {
    const auto response = x509::OcspResponse::parse(der);
    if (!response) return failures_.push_back(renamed(response.error(), "nvgpu.ocsp.syntax"));
    for (size_t i = 0; i + 1 < chain_.size(); ++i) {
      if (response->is_about(chain_[i], chain_[i + 1])) return judge(*response, i);
    }
    add(fail(Code::verification_failed, "nvgpu.ocsp.certificate", "the answer is about no certificate of this chain"));
  }

  void take_list(ByteSpan der) {
    const auto crl = x509::Crl::parse(der);
    if (!crl) return failures_.push_back(renamed(crl.error(), "nvgpu.crl.syntax"));
    bool used = false;
    for (size_t i = 0; i + 1 < chain_.size(); ++i) {
      if (!equal(crl->issuer(), chain_[i + 1].subject())) continue;
      judge(*crl, i);
      used = true;
    }
    if (!used) add(fail(Code::verification_failed, "nvgpu.crl.issuer", "the list is of no issuer of this chain"));
  }

  Revocation take() const {
    // NVIDIA answers for every certificate between leaf and root, whether or not it names a responder: Hopper's boot ROM does not.
    bool checked = true, any = false;
    for (size_t i = 0; i + 1 < chain_.size(); ++i) {
      any = any || good_[i];
      const bool answered_for = i > 0 || chain_[i].extension(kAuthorityInfoAccess) != nullptr;
      checked = checked && (good_[i] || !answered_for);
    }
    return {checked && any, window_};
  }

 private:
  void add(std::unexpected<Error> failure) { failures_.push_back(std::move(failure).error()); }

  // is_recent takes a statement of this time, and only for as long as one counts.
  bool is_recent(UnixSeconds said, Rule rule) {
    const x509::Window counts{said, said + age_max_s_};
    if (!counts.contains(now_)) {
      add(fail(Code::verification_failed, rule,
               "said " + std::to_string(now_ - said) + " s ago, which counts for " + std::to_string(age_max_s_) + " s"));
      return false;
    }
    window_ = window_.intersect(counts);
    return true;
  }

  void judge(const x509::OcspResponse& response, size_t i) {
    const auto key = chain_[i + 1].key();
    if (!key) return;  // said where the chain is checked
    const auto window = x509::check_ocsp(response, chain_[i + 1], *key, now_);
    if (!window) return failures_.push_back(renamed(window.error(), rule_of_ocsp(window.error())));
    if (!is_recent(response.window().from, "nvgpu.ocsp.age")) return;
    window_ = window_.intersect(*window);
    good_[i] = response.status() == x509::OcspResponse::Status::good;
    if (good_[i]) return;
    add(fail(Code::verification_failed, "nvgpu.ocsp.revoked",
             std::string(chain_[i].common_name()) + " is " + std::string(to_string(response.status()))));
  }

  void judge(const x509::Crl& crl, size_t i) {
    const auto key = chain_[i + 1].key();
    if (!key) return;
    const auto checked = x509::check_crl(crl, chain_[i + 1], *key, now_);
    if (!checked) return failures_.push_back(renamed(checked.error(), rule_of_crl(checked.error())));
    const auto may = x509::check_signs_lists(chain_[i + 1]);
    if (!may) return failures_.push_back(renamed(may.error(), "nvgpu.crl.signature"));
    if (!is_recent(crl.window().from, "nvgpu.crl.age")) return;
    window_ = window_.intersect(crl.window());
    const auto absent = x509::check_not_revoked(chain_[i], crl);
    if (!absent) return failures_.push_back(renamed(absent.error(), "nvgpu.crl.revoked"));
    good_[i] = true;
  }

  std::span<const Certificate> chain_;
  UnixSeconds age_max_s_, now_;
  std::vector<Error>& failures_;
  std::vector<bool> good_;
  x509::Window window_;
};

}  // namespace

Error renamed(const Error& error, Rule rule) {
  return {error.code, rule, error.detail.empty() ? std::string(error.rule.id()) : error.detail};
}

std::optional<crypto::EcdsaPublic> p384_key(const Certificate& certificate) {
  const auto key = certificate.key();
  const auto* ecdsa = key ? std::get_if<crypto::EcdsaPublic>(&*key) : nullptr;
  return ecdsa != nullptr && ecdsa->curve() == crypto::Curve::p384 ? std::optional(*ecdsa) : std::nullopt;
}

void ChainCheck::run(std::span<const Certificate> chain) {
  for (const Certificate& certificate : chain) {
    if (certificate.signature().algorithm == x509::Algorithm::ecdsa_sha384) continue;
    failures_.push_back(fail(Code::unsupported, rules_.syntax, "not signed by ECDSA with SHA-384").error());
  }
  const Certificate& root = chain.back();
  const auto key = crypto::sha256(root.spki());
  if (std::ranges::none_of(roots_, [&](const PinnedKey& pinned) { return equal(pinned, key); })) {
    failures_.push_back(
        fail(Code::verification_failed, rules_.root, "the key of " + std::string(root.common_name()) + " is not NVIDIA's").error());
  }
  for (size_t i = chain.size() - 1; i > 0; --i) check_name(chain[i - 1], chain[i]);
  check_name(root, root);
  check_link(root, root, chain.size() - 2);
  for (size_t i = chain.size() - 1; i > 0; --i) check_link(chain[i - 1], chain[i], i - 1);
  if (const auto leaf = x509::check_signs_data(chain.front()); !leaf) failures_.push_back(renamed(leaf.error(), rules_.ca));
  for (const Certificate& certificate : chain) check_time(certificate);
}

// Names come before signatures: they say what belongs together, whoever signed it.
void ChainCheck::check_name(const Certificate& subject, const Certificate& issuer) {
  if (equal(subject.issuer(), issuer.subject())) return;
  failures_.push_back(fail(Code::verification_failed, rules_.issuer, std::string(subject.common_name()) + " names another issuer").error());
}

void ChainCheck::check_link(const Certificate& subject, const Certificate& issuer, size_t below) {
  if (!equal(subject.issuer(), issuer.subject())) return;  // said before
  const std::array<uint8_t, 1> place{static_cast<uint8_t>(below)};
  const auto link = crypto::sha256({crypto::sha256(subject.der()), crypto::sha256(issuer.der()), place});
  if (links_ != nullptr && links_->contains(link)) return;
  const auto key = p384_key(issuer);
  if (!key) {
    failures_.push_back(
        fail(Code::verification_failed, rules_.signature, std::string(issuer.common_name()) + " has no key on P-384").error());
    return;
  }
  const auto issued = x509::check_issued(subject, issuer, PublicKey(*key), below);
  if (!issued) {
    const Rule met = issued.error().rule;
    const bool signature = met == Rule("x509.signature.wrong") || met == Rule("x509.signature.algorithm");
    failures_.push_back(renamed(issued.error(), signature ? rules_.signature : rules_.ca));
    return;
  }
  if (links_ != nullptr) links_->add(link);
}

void ChainCheck::check_time(const Certificate& certificate) {
  const auto timely = x509::check_time(certificate, now_);
  if (timely) return;
  failures_.push_back(renamed(timely.error(), timely.error().rule == Rule("x509.time.early") ? rules_.early : rules_.expired));
}

x509::Window ChainCheck::window(std::span<const Certificate> chain) {
  x509::Window out = chain.front().window();
  for (const Certificate& certificate : chain) out = out.intersect(certificate.window());
  return out;
}

Revocation check_revocation(std::span<const Certificate> chain, const Statements& statements, UnixSeconds now,
                            std::vector<Error>& failures) {
  RevocationCheck check(chain, statements.age_max_s, now, failures);
  for (const ByteSpan answer : statements.ocsp) check.take_answer(answer);
  for (const ByteSpan list : statements.crls) check.take_list(list);
  return check.take();
}

}  // namespace openpcc::nvgpu
