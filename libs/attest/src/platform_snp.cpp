#include <algorithm>

#include "kind_hardware.h"
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

  // fit names the certificates by the report: its key's at its TCB, and the issuers of those that were chosen before.
  snp::Collateral fit(ByteSpan report, UnixSeconds now) const {
    snp::Collateral out;
    out.vek = key_of(report, now);
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
  // best is the first of those that fit best; where nothing fits, any, so that the verifier says what is wrong with it.
  template <class Fit>
  static ByteSpan best(const std::vector<Bytes>& list, Fit fit) {
    ByteSpan out = list.empty() ? ByteSpan() : ByteSpan(list.front());
    int highest = 0;
    for (const Bytes& der : list) {
      const auto certificate = x509::Certificate::parse(der);
      const int fits = certificate ? fit(*certificate) : 0;
      if (fits <= highest) continue;
      highest = fits;
      out = der;
    }
    return out;
  }
  // key_of finds the certificate of the key that signed: first its kind counts, then the chip, then the TCB, then its time. Each TCB of a chip has a
  // certificate of its own, and a VLEK's is renewed.
  ByteSpan key_of(ByteSpan bytes, UnixSeconds now) const {
    const auto report = snp::parse_report(bytes);
    return best(veks, [&](const x509::Certificate& certificate) {
      const auto vek = snp::read_vek(certificate);
      if (!report || !vek || vek->kind != report->signing_key) return 0;
      const bool chip = vek->hwid.empty() || equal(ByteSpan(report->chip_id).first(vek->hwid.size()), vek->hwid);
      const bool tcb = snp::read_tcb(report->reported_tcb, vek->product) == vek->tcb;
      const bool time = certificate.window().contains(now);
      return 8 + (chip ? 4 : 0) + (tcb ? 2 : 0) + (time ? 1 : 0);
    });
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
  // above finds the certificate whose subject issued `der`, of several with that name the one whose key signed: AMD has replaced an ASK.
  static ByteSpan above(const std::vector<Bytes>& list, ByteSpan der) {
    const auto below = x509::Certificate::parse(der);
    return best(list, [&](const x509::Certificate& certificate) {
      if (!below || !equal(certificate.subject(), below->issuer())) return 0;
      const auto key = certificate.key();
      return key && below->signature().check(*key) ? 2 : 1;
    });
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

void with_snp_collateral(ByteSpan report, std::span<const Bytes> items, UnixSeconds now,
                         const std::function<void(const snp::Collateral&)>& use) {
  Files files;
  for (const Bytes& item : items) files.add(item);
  use(files.fit(report, now));
}

JudgedPlatform verify_snp(ByteSpan report, std::span<const Bytes> others, UnixSeconds now, const snp::Demands& demands) {
  Files files;
  for (const Bytes& item : others) files.add(item);
  JudgedPlatform judged;
  PlatformVerdict& out = judged.verdict;
  out.kind = "AMD SEV-SNP report";
  const snp::Verification verification = snp::verify(report, files.fit(report, now), now);
  if (!verification.verified) {
    for (const Error& error : verification.failures) {
      out.findings.push_back(failed(Aspect::genuine, error, std::string(kExpected), remedy_of(error)));
    }
    out.outcome = outcome_of(verification.failures);
    return judged;
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
  judged.chip_id = snp_chip(verified.vek());
  judged.release.assign(verified.report().measurement.begin(), verified.report().measurement.end());
  return judged;
}

}  // namespace openpcc::attest
