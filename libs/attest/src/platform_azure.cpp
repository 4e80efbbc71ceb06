#include <algorithm>

#include "judging.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kOneBoot = "give report, quote and runtime data of one VM and one boot";
constexpr std::string_view kThoseValues = "give the values of exactly the PCRs that were quoted, as they were then";
constexpr Remedy kRemedies[] = {
    {"azure.binding", kOneBoot},
    {"azure.td_quote", kOneBoot},
    {"azure.td_quote.missing", "add the TD's quote, which the host's quoting service makes of the TDREPORT"},
    {"azure.ak.certificate", "give the certificate of this VM's key, or none"},
    {"tpm.pcrs", kThoseValues},
    {"tpm.digest", kThoseValues},
};

// remedy_of: of the hardware's evidence it is the same as where that stands alone.
std::string_view remedy_of(std::string_view rule) {
  if (rule.starts_with("snp.")) return kSnpWords.remedy(rule);
  if (rule.starts_with("tdx.")) return kTdxWords.remedy(rule);
  return remedy_in(kRemedies, rule, "get the evidence again from the VM itself; if it stays, it is not genuine");
}

constexpr Words kWords{"a report that the maker's roots vouch for, and what it binds", remedy_of,
                       [](std::string_view rule) { return rule.starts_with("azure.hcl."); }};
constexpr const char* kVouched = "hardware vouches for the paravisor, and it for the vTPM's key";

// Parts are what the items are of a VM, beside what vouches for its hardware. find_evidence saw to it that there is one of each at most.
struct Parts {
  azure::Evidence evidence;
  std::optional<ByteSpan> quote;
  const tpm::Signature* signature = nullptr;
  const tpm::Banks* values = nullptr;

  explicit Parts(ByteSpan hcl, Items items) {
    evidence.hcl = hcl;
    for (const Recognised& item : items) {
      if (const auto* package = item.as<tpm::Package>()) open(*package);
    }
    for (const Recognised& item : items) add(item);
  }

  // join: the quote is whole, or there is none of it.
  Result<> join() {
    if (!quote && signature == nullptr && values == nullptr) return {};
    if (!quote || signature == nullptr || values == nullptr) {
      return fail(Code::rejected, "platform.tpm_parts", "a vTPM's quote, its signature and the PCR values go together");
    }
    evidence.quote = azure::TpmQuote{*quote, *signature, *values};
    return {};
  }

  // expect_no_stranger: a VM on SEV-SNP has no TD.
  Result<> expect_no_stranger() const {
    const auto read = azure::parse_hcl(evidence.hcl);
    if (!read || read->hardware != azure::Hardware::snp || evidence.td_quote.empty()) return {};
    return fail(Code::malformed, "platform.unknown_item", "a TD's quote vouches for nothing of a VM on SEV-SNP");
  }

 private:
  void open(const tpm::Package& package) {
    quote = package.quote;
    signature = &package.signature;
    values = &package.values;
  }
  // What stands apart counts before what is in a package.
  void add(const Recognised& item) {
    switch (item.kind) {
      case PlatformItem::intel_quote: evidence.td_quote = item.bytes; return;
      case PlatformItem::tpm_quote:
        if (!quote) quote = item.bytes;
        return;
      case PlatformItem::tpm_signature:
      case PlatformItem::bare_signature: signature = item.as<tpm::Signature>(); return;
      case PlatformItem::tpm_values: values = item.as<tpm::Banks>(); return;
      case PlatformItem::vtpm_certificate: evidence.ak_certificate = item.bytes; return;
      default: return;
    }
  }
};

// verify_with verifies with what the items vouch for the hardware with.
azure::Verification verify_with(azure::Evidence& evidence, Items items, UnixSeconds now, const azure::Trust& trust) {
  const auto hcl = azure::parse_hcl(evidence.hcl);
  if (hcl && hcl->hardware == azure::Hardware::snp) {
    evidence.snp = snp_collateral_in(hcl->report, items, now);
  } else if (hcl) {
    const auto quote = tdx::authenticate(evidence.td_quote, trust.tdx);
    if (quote) evidence.tdx = tdx_collateral_in(*quote, items, false);
    azure::Verification out = azure::verify(evidence, now, trust);
    if (!quote || out.failures.empty() || out.failures.front().rule != Rule("tdx.collateral.signature")) return out;
    evidence.tdx = tdx_collateral_in(*quote, items, true);
  }
  return azure::verify(evidence, now, trust);
}

// refuse: a VM whose hardware is found wanting is genuine all the same, as hardware alone would be.
void refuse(PlatformVerdict& out, std::span<const Error> failures) {
  if (!std::ranges::all_of(failures, judged_late)) return not_genuine(out, kWords, failures);
  appraisal::Findings wanting;
  for (const Error& error : failures) wanting.push_back(failed(Aspect::tcb, error, kTcbExpected, remedy_of(error.rule.id())));
  found_genuine(out, kWords, "azure.binding", kVouched, std::move(wanting));
}

// judge_key judges which VM it is, where somebody lists the keys of those that count.
void judge_key(const tpm::AttestationKey& ak, const std::set<crypto::Sha256Digest>& listed, appraisal::Findings& out) {
  if (listed.empty()) return;
  const bool counts = listed.contains(ak.fingerprint());
  out.push_back({Aspect::identity, counts ? State::passed : State::failed, "tpm.ak.unlisted", "a vTPM's key that is listed",
                 "key " + to_hex(ak.fingerprint()), counts ? "" : "list its fingerprint once you know whose VM it is"});
}

}  // namespace

Result<PlatformVerdict> judge_azure(ByteSpan hcl, Items items, UnixSeconds now, const PlatformDemands& demands, const azure::Trust& trust) {
  Parts parts(hcl, items);
  OPENPCC_TRY(parts.join());
  OPENPCC_TRY(parts.expect_no_stranger());
  PlatformVerdict out;
  out.kind = name_of(PlatformItem::azure_hcl);
  const azure::Verification verification = verify_with(parts.evidence, items, now, trust);
  if (!verification.verified) {
    refuse(out, verification.failures);
    return out;
  }
  const azure::VerifiedVm& verified = *verification.verified;
  out.kind += ", " + std::string(to_string(verified.hardware()));
  // What is demanded of a machine is demanded of the one below a VM too.
  azure::Demands wanted = demands.azure;
  wanted.snp = demands.snp;
  wanted.tdx = demands.tdx;
  wanted.quote = demands.tpm;
  out.window = azure::accepted_window(verified, wanted, now);
  appraisal::Findings found = azure::appraise(verified, wanted, now);
  judge_key(verified.runtime().ak, demands.attestation_keys, found);
  if (verified.quote()) {
    for (const auto& [bank, values] : verified.quote()->values()) append(found, judge_logs(items, tpm::LogForm::tpm, {bank, values}));
  }
  found_genuine(out, kWords, "azure.binding", kVouched, std::move(found));
  return out;
}

}  // namespace openpcc::attest
