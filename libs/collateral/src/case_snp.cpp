// SEV-SNP reports: VEK, chain and list, judged by snp::verify.
#include <algorithm>

#include "gathering.h"
#include "openpcc/attest/collateral_labels.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/snp/choose.h"
#include "openpcc/snp/verify.h"

namespace openpcc::collateral {
namespace {

// Host is what the host gave, by place. A certificate of another kind of key than the report's is none of it.
struct Host {
  ByteSpan vek, issuer, root, crl;  // empty: not given

  Host(const snp::Report& report, std::span<const attest::Recognised> given, UnixSeconds now) {
    const auto certificates = attest::certificates_in(given);
    const auto lists = attest::lists_in(given);
    const snp::Chosen chosen = snp::choose(&report, certificates, lists, now);
    if (chosen.vek != nullptr && snp::fit_of(report, *chosen.vek).kind) vek = chosen.vek->der();
    if (chosen.issuer != nullptr) issuer = chosen.issuer->der();
    if (chosen.root != nullptr) root = chosen.root->der();
    if (chosen.crl != nullptr) crl = chosen.crl->der;
  }
};

Bytes copy(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

std::vector<size_t> suspects_of(std::string_view rule) {
  if (rule == "snp.crl.revoked") return {kSnpChain};  // there may be a new issuer
  if (rule.starts_with("snp.crl.")) return {kSnpCrl};
  if (rule == "snp.chain.issuer" || rule == "snp.product.mismatch" || rule == "snp.vek.signature" || rule == "snp.vek.kind") {
    return {kSnpChain, kSnpVek};
  }
  if (rule.starts_with("snp.chain.")) return {kSnpChain};
  const bool of_vek = rule.starts_with("snp.vek.") || rule == "snp.signature" || rule == "snp.tcb.certificate" ||
                      rule == "snp.chip_id.mismatch" || rule == "snp.product.unknown";
  return of_vek ? std::vector<size_t>{kSnpVek} : std::vector<size_t>{};
}

class SnpCase final : public Case {
 public:
  SnpCase(ByteSpan report, const snp::Report& parsed, snp::Product product, std::span<const attest::Recognised> given, const Source& source,
          UnixSeconds now)
      : report_(report.begin(), report.end()), plan_(plan_snp(parsed, product)), given_(plan_.size()), roots_(source.amd_roots), now_(now) {
    const Host host(parsed, given, now);
    if (!host.vek.empty()) given_[kSnpVek] = {copy(host.vek)};
    if (!host.issuer.empty() && !host.root.empty()) given_[kSnpChain] = {copy(host.issuer), copy(host.root)};
    if (!host.crl.empty()) given_[kSnpCrl] = {copy(host.crl)};
  }

  const Plan& plan() const override { return plan_; }
  const Parts& given(size_t unit) const override { return given_[unit]; }
  void remember(size_t, const Parts&) override {}

  Judgement judge(std::span<const Parts> parts) const override {
    const auto part = [&](size_t unit, size_t n) { return n < parts[unit].size() ? ByteSpan(parts[unit][n]) : ByteSpan(); };
    const snp::Collateral collateral{part(kSnpVek, 0), part(kSnpChain, 0), part(kSnpChain, 1), part(kSnpCrl, 0)};
    const snp::Verification verification = snp::verify(report_, collateral, now_, roots_);
    if (verification.verified) return {};
    const Error& first = verification.failures.front();
    Judgement out{first, suspects_of(first.rule.id()), {}};
    const bool only_list = std::ranges::all_of(verification.failures, [](const Error& e) { return e.rule.id().starts_with("snp.crl."); });
    if (only_list) out.proven = {kSnpVek, kSnpChain};
    return out;
  }

  attest::Device device(std::vector<Parts> parts) const override {
    attest::Device out;
    out.report = {std::string(attest::kSnpReportType), report_};
    for (Bytes* der : {&parts[kSnpVek][0], &parts[kSnpChain][0], &parts[kSnpChain][1]}) {
      out.chain.push_back({std::string(attest::kCertificateType), std::move(*der)});
    }
    out.collateral[attest::kCrlLabel] = {std::string(attest::kCrlType), std::move(parts[kSnpCrl][0])};
    return out;
  }

 private:
  Bytes report_;
  Plan plan_;
  std::vector<Parts> given_;
  std::span<const snp::PinnedRoot> roots_;
  UnixSeconds now_;
};

}  // namespace

std::unique_ptr<Case> snp_case(ByteSpan report, const snp::Report& parsed, snp::Product product, std::span<const attest::Recognised> given,
                               const Source& source, UnixSeconds now) {
  return std::make_unique<SnpCase>(report, parsed, product, given, source, now);
}

std::optional<snp::Product> product_given(const snp::Report& report, std::span<const attest::Recognised> given, UnixSeconds now) {
  const auto vek = x509::Certificate::parse(Host(report, given, now).vek);
  if (!vek) return std::nullopt;
  const auto fields = snp::read_vek(*vek);
  return fields ? std::optional(fields->product) : std::nullopt;
}

}  // namespace openpcc::collateral
