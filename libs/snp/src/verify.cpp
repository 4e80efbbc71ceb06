#include "openpcc/snp/verify.h"

#include <algorithm>

#include "openpcc/core/describe.h"
#include "openpcc/crypto/hash.h"

namespace openpcc::snp {
namespace {

using x509::Certificate;
using x509::PublicKey;

// renamed gives an error of x509 the rule of the place where it was met.
Error renamed(const Error& error, Rule rule) {
  return {error.code, rule, error.detail.empty() ? std::string(error.rule.id()) : error.detail};
}

// LinkRules are the rules of one link of the chain.
struct LinkRules {
  Rule issuer;
  Rule extension;
  Rule ca;
  Rule signature;
};
constexpr LinkRules kChainRules{"snp.chain.issuer", "snp.chain.ca", "snp.chain.ca", "snp.chain.signature"};
constexpr LinkRules kVekRules{"snp.chain.issuer", "snp.vek.extension", "snp.chain.ca", "snp.vek.signature"};

Rule rule_of(const Error& error, const LinkRules& rules) {
  if (error.rule == Rule("x509.issuer.name")) return rules.issuer;
  if (error.rule == Rule("x509.extension.critical")) return rules.extension;
  if (error.rule == Rule("x509.signature.wrong") || error.rule == Rule("x509.signature.algorithm")) return rules.signature;
  return rules.ca;
}

Rule rule_of_crl(const Error& error) {
  if (error.rule == Rule("x509.crl.issuer")) return "snp.crl.issuer";
  if (error.rule == Rule("x509.crl.early")) return "snp.crl.early";
  if (error.rule == Rule("x509.crl.stale")) return "snp.crl.expired";
  return "snp.crl.signature";
}

}  // namespace

// Verifier collects what fails. Each step looks only at what the steps before it could read.
class Verifier {
 public:
  Verifier(const Collateral& collateral, UnixSeconds now, std::span<const PinnedRoot> roots)
      : collateral_(collateral), now_(now), roots_(roots) {}

  Verification run(ByteSpan bytes) {
    report_ = keep(parse_report(bytes));
    read_certificates();
    if (root_ && issuer_ && vek_) {
      check_kind();
      check_product();
      check_root();
      check_chain();
      check_times();
    }
    if (root_) check_revocation();
    if (report_ && vek_) {
      check_signature(bytes);
      if (fields_) check_tcbs();
    }
    if (!failures_.empty()) return {std::move(failures_), std::nullopt};
    x509::Window window = root_->window().intersect(issuer_->window()).intersect(vek_->window());
    if (crl_) window = window.intersect(crl_->window());
    return {{}, VerifiedReport(*report_, std::move(*fields_), window, crl_.has_value())};
  }

 private:
  void add(std::unexpected<Error> failure) { failures_.push_back(std::move(failure).error()); }
  template <class T>
  std::optional<T> keep(Result<T> result) {
    if (result) return std::move(*result);
    failures_.push_back(std::move(result).error());
    return std::nullopt;
  }
  void keep(const Result<>& result, Rule rule) {
    if (!result) failures_.push_back(renamed(result.error(), rule));
  }

  std::optional<Certificate> read_certificate(ByteSpan der, Rule syntax) {
    if (der.empty()) {
      add(fail(Code::verification_failed, "snp.chain.missing", "a certificate of the chain is not there"));
      return std::nullopt;
    }
    auto parsed = Certificate::parse(der);
    if (!parsed || parsed->signature().algorithm != x509::Algorithm::rsa_pss_sha384) {
      failures_.push_back(parsed ? fail(Code::unsupported, syntax, "another signature algorithm than AMD's").error()
                                 : renamed(parsed.error(), syntax));
      return std::nullopt;
    }
    return std::move(*parsed);
  }

  void read_certificates() {
    root_ = read_certificate(collateral_.root, "snp.chain.syntax");
    issuer_ = read_certificate(collateral_.issuer, "snp.chain.syntax");
    vek_ = read_certificate(collateral_.vek, "snp.vek.syntax");
    if (vek_) fields_ = keep(read_vek(*vek_));
    if (root_) root_key_ = read_key(*root_);
    if (issuer_) issuer_key_ = read_key(*issuer_);
  }

  std::optional<PublicKey> read_key(const Certificate& certificate) {
    auto key = certificate.key();
    if (key) return std::move(*key);
    failures_.push_back(renamed(key.error(), "snp.chain.syntax"));
    return std::nullopt;
  }

  void check_kind() {
    if (!fields_) return;
    const bool vlek = fields_->kind == SigningKey::vlek;
    if (report_ && report_->signing_key != fields_->kind) {
      add(fail(Code::verification_failed, "snp.vek.kind", std::string("the report names a ") + (vlek ? "VCEK" : "VLEK")));
    }
    const std::string issuer = (vlek ? "SEV-VLEK-" : "SEV-") + std::string(to_string(fields_->product));
    // A chain of another product has its own rule; here counts that a VLEK stands below an ASVK and a VCEK below an ASK.
    const bool below_vlek_issuer = vek_->issuer().size() != 0 && issuer_->common_name().starts_with("SEV-VLEK-");
    if (below_vlek_issuer != vlek) {
      add(fail(Code::verification_failed, "snp.vek.kind", issuer + " must issue it, not " + std::string(issuer_->common_name())));
    }
  }

  void check_product() {
    std::optional<Product> cpu;
    if (report_ && report_->has_cpuid()) {
      cpu = product_of_cpu(report_->cpuid_family, report_->cpuid_model);
      if (!cpu) {
        add(fail(Code::unsupported, "snp.product.unknown",
                 "CPU family " + std::to_string(report_->cpuid_family) + ", model " + std::to_string(report_->cpuid_model)));
      }
    }
    const auto pinned = pinned_root();
    if (!fields_) return;
    const std::string vek = "certificate " + std::string(to_string(fields_->product));
    if (cpu && *cpu != fields_->product) {
      add(fail(Code::verification_failed, "snp.product.mismatch", "CPU " + std::string(to_string(*cpu)) + ", " + vek));
    } else if (pinned && pinned->product != fields_->product) {
      add(fail(Code::verification_failed, "snp.product.mismatch", "root " + std::string(to_string(pinned->product)) + ", " + vek));
    }
  }

  const PinnedRoot* pinned_root() const {
    const auto digest = crypto::sha256(root_->spki());
    const auto found = std::ranges::find_if(roots_, [&](const PinnedRoot& root) { return equal(root.spki_sha256, digest); });
    return found == roots_.end() ? nullptr : &*found;
  }

  void check_root() {
    if (pinned_root() == nullptr) {
      add(fail(Code::verification_failed, "snp.chain.root", "the key of " + std::string(root_->common_name()) + " is not AMD's"));
    }
  }

  void check_link(const Certificate& subject, const Certificate& issuer, const std::optional<PublicKey>& key, size_t below,
                  const LinkRules& rules) {
    if (!key) return;
    const PinnedRoot* pinned = pinned_root();
    const auto issued = x509::check_issued(subject, issuer, *key, below, pinned == nullptr ? x509::Known() : pinned->certificates);
    if (!issued) failures_.push_back(renamed(issued.error(), rule_of(issued.error(), rules)));
  }

  void check_chain() {
    check_link(*root_, *root_, root_key_, 1, kChainRules);
    check_link(*issuer_, *root_, root_key_, 1, kChainRules);
    check_link(*vek_, *issuer_, issuer_key_, 0, kVekRules);
  }

  void check_time(const Certificate& certificate, Rule early, Rule expired) {
    const auto result = x509::check_time(certificate, now_);
    if (!result) failures_.push_back(renamed(result.error(), result.error().rule == Rule("x509.time.early") ? early : expired));
  }

  void check_times() {
    check_time(*root_, "snp.chain.early", "snp.chain.expired");
    check_time(*issuer_, "snp.chain.early", "snp.chain.expired");
    check_time(*vek_, "snp.vek.early", "snp.vek.expired");
  }

  // The list can name ASK and ASVK alone: every VEK has the serial number 0.
  void check_revocation() {
    if (!collateral_.crl || !root_key_) return;
    auto crl = x509::Crl::parse(*collateral_.crl);
    if (!crl) return failures_.push_back(renamed(crl.error(), "snp.crl.syntax"));
    const auto checked = x509::check_crl(*crl, *root_, *root_key_, now_);
    if (!checked) return failures_.push_back(renamed(checked.error(), rule_of_crl(checked.error())));
    if (issuer_) keep(x509::check_not_revoked(*issuer_, *crl), "snp.crl.revoked");
    crl_ = std::move(*crl);
  }

  void check_signature(ByteSpan bytes) {
    const auto key = vek_->key();
    const auto* p384 = key ? std::get_if<crypto::EcdsaPublic>(&*key) : nullptr;
    if (p384 == nullptr || p384->curve() != crypto::Curve::p384) {
      return add(fail(Code::verification_failed, "snp.vek.key", "no key on P-384"));
    }
    if (!p384->verify(bytes.first(kSignedBytes), report_->signature)) {
      add(fail(Code::verification_failed, "snp.signature", "the certified key did not sign this report"));
    }
  }

  void check_tcbs() {
    const Product product = fields_->product;
    const Tcb reported = read_tcb(report_->reported_tcb, product);
    if (reported != fields_->tcb) {
      add(fail(Code::verification_failed, "snp.tcb.certificate",
               "reported " + reported.text(product) + "; certified " + fields_->tcb.text(product)));
    }
    check_chip();
    const RawTcb* all[] = {&report_->reported_tcb, &report_->committed_tcb, &report_->current_tcb, &report_->launch_tcb};
    if (std::ranges::any_of(all, [&](const RawTcb* raw) { return uses_reserved(*raw, product); })) {
      add(fail(Code::verification_failed, "snp.tcb.reserved", "a byte that the product does not use is set"));
    }
    const Tcb committed = read_tcb(report_->committed_tcb, product);
    const bool ordered = read_tcb(report_->current_tcb, product).at_least(committed) && committed.at_least(reported) &&
                         report_->committed_version <= report_->current_version;
    if (!ordered) add(fail(Code::verification_failed, "snp.tcb.order", "not reported <= committed <= current"));
  }

  void check_chip() {
    const ByteSpan chip = report_->chip_id;
    const size_t n = fields_->hwid.size();
    const bool hidden = fields_->kind == SigningKey::vlek || report_->mask_chip_key;
    const bool right = hidden ? is_zero(chip) : equal(chip.first(n), fields_->hwid) && is_zero(chip.subspan(n));
    if (right) return;
    add(fail(Code::verification_failed, "snp.chip_id.mismatch",
             hidden ? "a chip id where there must be none"
                    : "the report is of chip " + to_hex(chip.first(8)) + "..., the certificate of " +
                          to_hex(ByteSpan(fields_->hwid).first(8)) + "..."));
  }

  const Collateral& collateral_;
  UnixSeconds now_;
  std::span<const PinnedRoot> roots_;
  std::vector<Error> failures_;
  std::optional<Report> report_;
  std::optional<Certificate> root_, issuer_, vek_;
  std::optional<PublicKey> root_key_, issuer_key_;
  std::optional<VekFields> fields_;
  std::optional<x509::Crl> crl_;
};

Verification verify(ByteSpan report, const Collateral& collateral, UnixSeconds now, std::span<const PinnedRoot> roots) {
  return Verifier(collateral, now, roots).run(report);
}

}  // namespace openpcc::snp
