#include "judging.h"
#include "kind_hardware.h"
#include "openpcc/snp/choose.h"

namespace openpcc::attest {
namespace {

constexpr Remedy kRemedies[] = {
    {"snp.chain.missing", "add the certificates: VCEK or VLEK, ASK or ASVK, and ARK (AMD's key distribution service has them)"},
    {"snp.crl.*", "get the current list of the product line from AMD's key distribution service"},
    {"*.expired", "get the certificates again, or judge as of another time (--at)"},
    {"*.early", "get the certificates again, or judge as of another time (--at)"},
    {"snp.vek.kind", "give the certificates that belong to this report"},
    {"snp.product.mismatch", "give the certificates that belong to this report"},
    {"snp.tcb.certificate", "get the certificate of this chip at its reported TCB"},
    {"snp.chip_id.mismatch", "get the certificate of this chip at its reported TCB"},
};

}  // namespace

const Words kSnpWords{"a report that the maker's roots vouch for", [](std::string_view rule) { return remedy_in(kRemedies, rule); },
                      [](std::string_view rule) {
                        return !rule.starts_with("snp.vek.") && !rule.starts_with("snp.chain.") && !rule.starts_with("snp.crl.");
                      }};

snp::Collateral snp_collateral_in(ByteSpan bytes, Items items, UnixSeconds now) {
  const auto report = snp::parse_report(bytes);
  const auto certificates = certificates_in(items);
  const auto lists = lists_in(items);
  const snp::Chosen chosen = snp::choose(report ? &*report : nullptr, certificates, lists, now);
  const auto der = [](const x509::Certificate* one) { return one == nullptr ? ByteSpan() : one->der(); };
  return {der(chosen.vek), der(chosen.issuer), der(chosen.root), chosen.crl == nullptr ? std::nullopt : std::optional(chosen.crl->der)};
}

JudgedPlatform judge_snp(ByteSpan report, Items items, UnixSeconds now, const snp::Demands& demands) {
  JudgedPlatform judged;
  PlatformVerdict& out = judged.verdict;
  out.kind = name_of(PlatformItem::snp_report);
  const snp::Verification verification = snp::verify(report, snp_collateral_in(report, items, now), now);
  if (!verification.verified) {
    not_genuine(out, kSnpWords, verification.failures);
    return judged;
  }
  const snp::VerifiedReport& verified = *verification.verified;
  const std::string product(to_string(verified.product()));
  out.kind += ", version " + std::to_string(verified.report().version) + ", " + product;
  out.window = verified.window();
  found_genuine(out, kSnpWords, "snp.signature",
                "signed by a key of " + verified.vek().product_name + " that AMD's ARK-" + product + " vouches for",
                snp::appraise(verified, demands));
  judged.chip_id = snp_chip(verified.vek());
  judged.release.assign(verified.report().measurement.begin(), verified.report().measurement.end());
  return judged;
}

}  // namespace openpcc::attest
