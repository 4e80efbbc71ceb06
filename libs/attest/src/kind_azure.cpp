// Spec: spec/evidence.md s7.1.
#include "kind_azure.h"

#include <algorithm>

#include "hardware_items.h"
#include "openpcc/attest/azure_binding.h"
#include "openpcc/attest/collateral_labels.h"
#include "openpcc/azure/appraise.h"
#include "openpcc/tpm/transport.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

Result<const Item*> must_have(const Device& device, const std::string& name, std::string_view media_type) {
  OPENPCC_LET(const Item* found, item(device, name, media_type));
  if (found == nullptr) return fail(Code::malformed, "attest.kind.collateral", "missing: " + name);
  return found;
}

// read_machine fills in what vouches for the hardware.
Result<> read_machine(const Device& device, bool snp, azure::Evidence& out) {
  if (snp) {
    OPENPCC_TRY(expect_collateral(device, {kCrlLabel, kTpmQuoteLabel, kTpmSignatureLabel, kPcrsLabel}));
    OPENPCC_LET(out.snp, snp_collateral(device));
    return {};
  }
  OPENPCC_TRY(expect_collateral(device, {kTdQuoteLabel, kTcbInfoLabel, kQeIdentityLabel, kTcbSigningChainLabel, kRootCaCrlLabel,
                                         kPckCrlLabel, kTpmQuoteLabel, kTpmSignatureLabel, kPcrsLabel}));
  OPENPCC_LET(const Item* quote, must_have(device, kTdQuoteLabel, kTdxQuoteType));
  out.td_quote = quote->bytes;
  OPENPCC_LET(out.tdx, tdx_collateral(device));
  return {};
}

Result<azure::Evidence> evidence_of(const Device& device, bool snp) {
  OPENPCC_LET(const azure::HclReport hcl, azure::parse_hcl(device.report.bytes));
  if ((hcl.hardware == azure::Hardware::snp) != snp)
    return fail(Code::malformed, "attest.azure.type", std::string(to_string(hcl.hardware)));
  azure::Evidence out;
  out.hcl = device.report.bytes;
  OPENPCC_TRY(read_machine(device, snp, out));
  OPENPCC_LET(const Item* quote, must_have(device, kTpmQuoteLabel, kTpmQuoteType));
  OPENPCC_LET(const Item* signed_by, must_have(device, kTpmSignatureLabel, kTpmSignatureType));
  OPENPCC_LET(const Item* pcrs, must_have(device, kPcrsLabel, kJsonType));
  OPENPCC_LET(tpm::Signature signature, tpm::parse_signature(signed_by->bytes));
  OPENPCC_LET(tpm::Banks values, tpm::parse_values(pcrs->bytes));
  out.quote = azure::TpmQuote{quote->bytes, std::move(signature), std::move(values)};
  return out;
}

Result<> check_quote(const azure::VerifiedVm& vm, const policy::AzureRequirements& required) {
  const tpm::Quote& quote = vm.quote()->quote();
  const tpm::Selections wanted{{tpm::Hash::sha256, required.pcrs}};
  if (quote.selections != wanted) {
    return fail(Code::rejected, "attest.azure.selection", text_of(quote.selections) + " instead of " + text_of(wanted));
  }
  if (!equal(quote.extra_data, azure_nonce(vm.runtime().user_data))) {
    return fail(Code::verification_failed, "attest.azure.nonce", "the quote was made for something else than the report");
  }
  return {};
}

azure::Demands demands_of(const policy::Requirements& requirements) {
  azure::Demands out;
  if (requirements.snp) out.snp = *requirements.snp;
  if (requirements.tdx) out.tdx = requirements.tdx->demands;
  out.snp.measurements = out.tdx.measurements = requirements.azure->paravisors;
  out.snp.vmpl = 0;        // the paravisor's own level: what asks at another one is the guest
  out.tdx.rtmr.emplace();  // zero: a paravisor measures nothing there, and other values are another configuration of it
  out.require_secure_boot = requirements.azure->secure_boot;
  out.require_no_console = requirements.azure->no_console;
  return out;
}

// row_of is the row of what is not judged by attest's own rows: the paravisor and the VM's settings are the platform below the node. What no hardware
// says of the guest is a limit of how it was launched.
Aspect row_of(const appraisal::Finding& finding) {
  if (finding.aspect != Aspect::software) return finding.aspect;
  return finding.state == State::not_provable ? Aspect::launch : Aspect::platform;
}

// weight orders what may stand in one row.
int weight(State state) { return state == State::failed ? 2 : state == State::not_provable ? 1 : 0; }

// rows leaves one finding to each aspect: the first that refuses, or that cannot be proven, or the first.
appraisal::Findings rows(appraisal::Findings findings) {
  appraisal::Findings out;
  for (appraisal::Finding& finding : findings) {
    const bool of_every_kind =
        finding.aspect == Aspect::genuine || finding.aspect == Aspect::signatures || finding.aspect == Aspect::bound_data;
    if (of_every_kind) continue;
    finding.aspect = row_of(finding);
    const auto same = std::ranges::find(out, finding.aspect, &appraisal::Finding::aspect);
    if (same == out.end()) {
      out.push_back(std::move(finding));
    } else if (weight(finding.state) > weight(same->state)) {
      *same = std::move(finding);
    }
  }
  return out;
}

struct Machine {
  Bytes chip, paravisor;
  bool debug;
  std::string_view owner;
};

Machine machine_of(const azure::VerifiedVm& vm) {
  if (const auto* report = std::get_if<snp::VerifiedReport>(&vm.report())) {
    const snp::Report& r = report->report();
    return {snp_chip(report->vek()), {r.measurement.begin(), r.measurement.end()}, r.policy.debug(), "AMD"};
  }
  const auto& claims = std::get<tdx::VerifiedQuote>(vm.report()).claims();
  const auto& td = std::get<tdx::TdReport>(claims.body);
  return {{claims.pck.ppid.begin(), claims.pck.ppid.end()}, {td.mrtd.begin(), td.mrtd.end()}, td.debug(), "Intel"};
}

}  // namespace

crypto::Sha256Digest azure_nonce(const Binding& binding) {
  return crypto::sha256(ByteWriter().text("openpcc azure quote v1").u8(0).bytes(binding).view());
}

Bytes azure_release(ByteSpan paravisor, const std::map<uint8_t, Bytes>& pcrs) {
  ByteWriter out;
  out.text("openpcc azure release v1").u8(0).lp(paravisor);
  for (const auto& [pcr, value] : pcrs) out.u8(pcr).lp(value);
  const auto digest = crypto::sha384(out.view());
  return {digest.begin(), digest.end()};
}

Result<Findings> verify_azure_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now) {
  azure::Trust trust;
  if (const auto& tdx = policy.requirements().tdx) trust.tdx = terms_of(*tdx);
  return verify_azure_machine_by(device, policy, now, trust);
}

Result<Findings> verify_azure_machine_by(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now,
                                         const azure::Trust& trust) {
  const policy::Requirements& requirements = policy.requirements();
  const bool snp = device.report.media_type == kAzureSnpType;
  if (!requirements.azure || (snp ? !requirements.snp : !requirements.tdx)) {
    return fail(Code::rejected, "attest.kind.not_taken", std::string("the policy needs [azure] and ") + (snp ? "[snp]" : "[tdx]"));
  }
  OPENPCC_LET(const azure::Evidence evidence, evidence_of(device, snp));
  azure::Verification verification = azure::verify(evidence, now, trust);
  if (!verification.verified) return std::unexpected(std::move(verification.failures.front()));
  const azure::VerifiedVm& vm = *verification.verified;
  OPENPCC_TRY(check_quote(vm, *requirements.azure));
  const azure::Demands demands = demands_of(requirements);
  Machine machine = machine_of(vm);
  Bytes release = azure_release(machine.paravisor, vm.quote()->values().at(tpm::Hash::sha256));
  const auto& user_data = vm.runtime().user_data;
  return Findings{std::move(machine.chip),
                  std::move(release),
                  0,
                  machine.debug,
                  {user_data.begin(), user_data.end()},
                  machine.owner,
                  rows(azure::appraise(vm, demands, now)),
                  azure::accepted_window(vm, demands, now)};
}

}  // namespace openpcc::attest
