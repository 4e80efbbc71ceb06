#include <algorithm>

#include "platform_kinds.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kExpected = "a report that the maker's roots vouch for";

// Files gathers what may vouch for a report.
struct Files {
  std::vector<Bytes> veks, issuers, roots, crls;

  void add(ByteSpan bytes, bool in_table = false) {
    switch (recognise(bytes)) {
      case PlatformItem::certificate: return keep(bytes);
      case PlatformItem::certificates: {
        const auto certificates = x509::Certificate::parse_pem(bytes, kPemCertificatesMax);
        for (const x509::Certificate& certificate : *certificates) keep(certificate.der());
        return;
      }
      case PlatformItem::revocation_list: crls.emplace_back(bytes.begin(), bytes.end()); return;
      case PlatformItem::snp_certificate_table: {
        const auto table = snp::parse_certificate_table(bytes);
        for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
          if (entry && !in_table) add(*entry, true);
        }
        return;
      }
      default: return;
    }
  }

  // fit names the certificates by the report: its kind of key, and the issuer of the certificate that was chosen before.
  snp::Collateral fit(ByteSpan report) const {
    const bool vlek = report.size() == snp::kReportBytes && (report[0x48] >> 2 & 7) == 1;
    snp::Collateral out;
    out.vek = fitting(veks, [&](const x509::Certificate& vek) { return (vek.common_name() == "SEV-VLEK") == vlek; });
    out.issuer = above(issuers, out.vek);
    out.root = above(roots, out.issuer);
    out.crl = fitting_list(out.root);
    return out;
  }

 private:
  void keep(ByteSpan der) {
    const auto certificate = x509::Certificate::parse(der);
    const std::string_view name = certificate ? certificate->common_name() : std::string_view();
    auto& list = name == "SEV-VCEK" || name == "SEV-VLEK" ? veks : name.starts_with("ARK-") ? roots : issuers;
    list.emplace_back(der.begin(), der.end());
  }
  template <class Fits>
  static ByteSpan fitting(const std::vector<Bytes>& list, Fits fits) {
    for (const Bytes& der : list) {
      const auto certificate = x509::Certificate::parse(der);
      if (certificate && fits(*certificate)) return der;
    }
    return list.empty() ? ByteSpan() : ByteSpan(list.front());
  }
  // fitting_list is the newest of the root's; where none is, any, so that the verifier says what is wrong with it.
  std::optional<ByteSpan> fitting_list(ByteSpan root_der) const {
    const auto root = x509::Certificate::parse(root_der);
    std::optional<ByteSpan> newest;
    UnixSeconds newest_time = 0;
    for (const Bytes& crl : crls) {
      const auto parsed = x509::Crl::parse(crl);
      if (!root || !parsed || !equal(parsed->issuer(), root->subject())) continue;
      if (!newest || parsed->window().from > newest_time) {
        newest = crl;
        newest_time = parsed->window().from;
      }
    }
    if (!newest && !crls.empty()) newest = crls.front();
    return newest;
  }
  // above finds the certificate whose subject issued `der`; where none did, any, so that the verifier says what is wrong.
  static ByteSpan above(const std::vector<Bytes>& list, ByteSpan der) {
    const auto below = x509::Certificate::parse(der);
    return fitting(list, [&](const x509::Certificate& c) { return below && equal(c.subject(), below->issuer()); });
  }
};

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "snp.chain.missing")
    return "add the certificates: VCEK or VLEK, ASK or ASVK, and ARK (AMD's key distribution service has them)";
  if (rule.starts_with("snp.crl.")) return "get the current list of the product line from AMD's key distribution service";
  if (rule.ends_with(".expired") || rule.ends_with(".early")) return "get the certificates again, or judge as of another time (--at)";
  if (rule == "snp.vek.kind" || rule == "snp.product.mismatch") return "give the certificates that belong to this report";
  if (rule == "snp.tcb.certificate" || rule == "snp.chip_id.mismatch") return "get the certificate of this chip at its reported TCB";
  return "get the evidence again from the machine itself; if it stays, it is not genuine";
}

// What cannot be read is malformed; what we do not speak is unsupported; anything else is refused.
Outcome outcome_of(const std::vector<Error>& failures) {
  const std::string_view first = failures.front().rule.id();
  const bool of_the_report = !first.starts_with("snp.vek.") && !first.starts_with("snp.chain.") && !first.starts_with("snp.crl.");
  if (failures.front().code == Code::malformed && of_the_report) return Outcome::malformed;
  const bool unknown = std::ranges::all_of(failures, [](const Error& error) { return error.code == Code::unsupported; });
  return unknown ? Outcome::unsupported : Outcome::reject;
}

}  // namespace

PlatformVerdict verify_snp(ByteSpan report, std::span<const Bytes> others, UnixSeconds now, const snp::Demands& demands) {
  Files files;
  for (const Bytes& item : others) files.add(item);
  PlatformVerdict out;
  out.kind = "AMD SEV-SNP report";
  const snp::Verification verification = snp::verify(report, files.fit(report), now);
  if (!verification.verified) {
    for (const Error& error : verification.failures) {
      out.findings.push_back(failed(Aspect::genuine, error, std::string(kExpected), remedy_of(error)));
    }
    out.outcome = outcome_of(verification.failures);
    return out;
  }
  const snp::VerifiedReport& verified = *verification.verified;
  const std::string product(to_string(verified.product()));
  out.kind += ", version " + std::to_string(verified.report().version) + ", " + product;
  out.genuine = true;
  out.window = verified.window();
  out.findings = snp::appraise(verified, demands);
  out.findings.insert(out.findings.begin(),
                      {Aspect::genuine,
                       State::passed,
                       "snp.signature",
                       std::string(kExpected),
                       "signed by a key of " + verified.vek().product_name + " that AMD's ARK-" + product + " vouches for",
                       {}});
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  return out;
}

}  // namespace openpcc::attest
