#include <algorithm>

#include "openpcc/tpm/transport.h"
#include "platform_kinds.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kExpected = "a report that the maker's roots vouch for, and what it binds";

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "snp.chain.missing" || rule == "tdx.collateral.missing" || rule == "tdx.crl.missing")
    return "add what vouches for the machine: as of a bare report or quote";
  if (rule == "azure.binding" || rule == "azure.td_quote") return "give report, quote and runtime data of one VM and one boot";
  if (rule == "azure.td_quote.missing") return "add the TD's quote, which the host's quoting service makes of the TDREPORT";
  if (rule == "azure.ak.certificate") return "give the certificate of this VM's key, or none";
  if (rule == "tpm.pcrs" || rule == "tpm.digest") return "give the values of exactly the PCRs that were quoted, as they were then";
  if (rule.ends_with(".expired") || rule.ends_with(".early")) return "get the certificates again, or judge as of another time (--at)";
  return "get the evidence again from the VM itself; if it stays, it is not genuine";
}

// What cannot be read is malformed; what we do not speak is unsupported; anything else is refused.
Outcome outcome_of(const std::vector<Error>& failures) {
  const Error& first = failures.front();
  const bool unknown = std::ranges::all_of(failures, [](const Error& error) { return error.code == Code::unsupported; });
  if (unknown) return Outcome::unsupported;
  return first.rule.id().starts_with("azure.hcl.") && first.code == Code::malformed ? Outcome::malformed : Outcome::reject;
}

// Parts are what the items are of a VM, beside what vouches for its hardware.
struct Parts {
  azure::Evidence evidence;
  std::optional<ByteSpan> quote;
  std::optional<tpm::Signature> signature;
  std::optional<tpm::Banks> values;
  std::optional<tpm::Package> package;  // keeps the quote that was in one

  explicit Parts(ByteSpan hcl, std::span<const Bytes> items) {
    evidence.hcl = hcl;
    for (const Bytes& item : items) add(item);
  }

  // join: the quote is whole, or there is none of it.
  Result<> join() {
    if (!quote && !signature && !values) return {};
    if (!quote || !signature || !values) {
      return fail(Code::rejected, "platform.tpm_parts", "a vTPM's quote, its signature and the PCR values go together");
    }
    evidence.quote = azure::TpmQuote{*quote, *signature, *values};
    return {};
  }

 private:
  void add(const Bytes& item) {
    switch (recognise(item)) {
      case PlatformItem::intel_quote: evidence.td_quote = item; return;
      case PlatformItem::tpm_quote: return add_quote(item);
      case PlatformItem::tpm_signature: signature = *tpm::parse_signature(item); return;
      case PlatformItem::bare_signature: signature = tpm::rsassa_sha256(item); return;
      case PlatformItem::tpm_values: values = *tpm::parse_values(item); return;
      case PlatformItem::vtpm_certificate: evidence.ak_certificate = item; return;
      default: return;
    }
  }
  void add_quote(const Bytes& item) {
    quote = item;
    auto parsed = tpm::parse_package(item);
    if (!parsed) return;
    package = std::move(*parsed);
    quote = package->quote;
    if (!signature) signature = package->signature;
    if (!values) values = package->values;
  }
};

// judge verifies with what the items vouch for the hardware with.
azure::Verification judge(azure::Evidence& evidence, std::span<const Bytes> items, UnixSeconds now) {
  azure::Verification out;
  const auto hcl = azure::parse_hcl(evidence.hcl);
  if (!hcl) {
    out = azure::verify(evidence, now);
  } else if (hcl->hardware == azure::Hardware::snp) {
    with_snp_collateral(hcl->report, items, now, [&](const snp::Collateral& collateral) {
      evidence.snp = collateral;
      out = azure::verify(evidence, now);
    });
  } else {
    with_tdx_collateral(evidence.td_quote, items, [&](const tdx::Collateral& collateral) {
      evidence.tdx = collateral;
      out = azure::verify(evidence, now);
      return out.failures.empty() || out.failures.front().rule != Rule("tdx.collateral.signature");
    });
  }
  return out;
}

}  // namespace

Result<PlatformVerdict> verify_azure(ByteSpan hcl, std::span<const Bytes> items, UnixSeconds now, const PlatformDemands& demands) {
  Parts parts(hcl, items);
  OPENPCC_TRY(parts.join());
  PlatformVerdict out;
  out.kind = "Azure confidential VM";
  const azure::Verification verification = judge(parts.evidence, items, now);
  if (!verification.verified) {
    for (const Error& error : verification.failures) {
      out.findings.push_back(failed(Aspect::genuine, error, std::string(kExpected), remedy_of(error)));
    }
    out.outcome = outcome_of(verification.failures);
    return out;
  }
  const azure::VerifiedVm& verified = *verification.verified;
  out.kind += ", " + std::string(to_string(verified.hardware()));
  out.genuine = true;
  out.window = verified.window();
  // What is demanded of a machine is demanded of the one below a VM too.
  azure::Demands wanted = demands.azure;
  wanted.snp = demands.snp;
  wanted.tdx = demands.tdx;
  wanted.quote = demands.tpm;
  out.findings = azure::appraise(verified, wanted, now);
  if (verified.quote()) {
    for (const auto& [bank, values] : verified.quote()->values()) {
      const appraisal::Findings logged = judge_logs(items, tpm::LogForm::tpm, {bank, values});
      out.findings.insert(out.findings.end(), logged.begin(), logged.end());
    }
  }
  out.findings.insert(out.findings.begin(), {Aspect::genuine,
                                             State::passed,
                                             "azure.binding",
                                             std::string(kExpected),
                                             "hardware vouches for the paravisor, and it for the vTPM's key",
                                             {}});
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  return out;
}

}  // namespace openpcc::attest
