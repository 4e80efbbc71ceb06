// SEV-SNP reports: VEK, chain and list, judged by snp::verify.
#include <algorithm>

#include "gathering.h"
#include "openpcc/attest/collateral_labels.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/attest/platform.h"
#include "openpcc/snp/verify.h"

namespace openpcc::collateral {
namespace {

constexpr size_t kPemCertificatesMax = 8;

// Host is what the host gave, by place.
struct Host {
  Bytes vek, issuer, root, crl;

  Host(const snp::Report& report, std::span<const Bytes> given)
      : vek_name_(report.signing_key == snp::SigningKey::vlek ? "SEV-VLEK" : "SEV-VCEK") {
    for (const Bytes& item : given) add(item);
  }

 private:
  void add(ByteSpan item) {
    switch (attest::recognise(item)) {
      case attest::PlatformItem::snp_certificate_table: {
        const auto table = snp::parse_certificate_table(item);
        for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
          if (entry) add_certificates(*entry);
        }
        return;
      }
      case attest::PlatformItem::revocation_list: crl.assign(item.begin(), item.end()); return;
      default: return add_certificates(item);
    }
  }
  // A table's entries are DER; certificates in a file of their own may be PEM.
  void add_certificates(ByteSpan bytes) {
    if (const auto one = x509::Certificate::parse(bytes)) return add_certificate(*one);
    const auto several = x509::Certificate::parse_pem(bytes, kPemCertificatesMax);
    if (!several) return;
    for (const x509::Certificate& certificate : *several) add_certificate(certificate);
  }
  void add_certificate(const x509::Certificate& certificate) {
    const std::string_view name = certificate.common_name();
    if ((name == "SEV-VCEK" || name == "SEV-VLEK") && name != vek_name_) return;
    Bytes& place = name == vek_name_ ? vek : name.starts_with("ARK-") ? root : issuer;
    place.assign(certificate.der().begin(), certificate.der().end());
  }

  std::string_view vek_name_;
};

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
  SnpCase(ByteSpan report, const snp::Report& parsed, snp::Product product, std::span<const Bytes> given, const Source& source,
          UnixSeconds now)
      : report_(report.begin(), report.end()), plan_(plan_snp(parsed, product)), given_(plan_.size()), roots_(source.amd_roots), now_(now) {
    Host host(parsed, given);
    if (!host.vek.empty()) given_[kSnpVek] = {std::move(host.vek)};
    if (!host.issuer.empty() && !host.root.empty()) given_[kSnpChain] = {std::move(host.issuer), std::move(host.root)};
    if (!host.crl.empty()) given_[kSnpCrl] = {std::move(host.crl)};
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

std::unique_ptr<Case> snp_case(ByteSpan report, const snp::Report& parsed, snp::Product product, std::span<const Bytes> given,
                               const Source& source, UnixSeconds now) {
  return std::make_unique<SnpCase>(report, parsed, product, given, source, now);
}

std::optional<snp::Product> product_given(const snp::Report& report, std::span<const Bytes> given) {
  const Host host(report, given);
  const auto vek = x509::Certificate::parse(host.vek);
  if (!vek) return std::nullopt;
  const auto fields = snp::read_vek(*vek);
  return fields ? std::optional(fields->product) : std::nullopt;
}

}  // namespace openpcc::collateral
