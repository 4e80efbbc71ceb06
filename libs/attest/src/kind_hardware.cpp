// Spec: spec/evidence.md s7.
#include "kind_hardware.h"

#include <algorithm>

#include "hardware_items.h"
#include "openpcc/attest/collateral_labels.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;

template <size_t N>
Bytes copy(const std::array<uint8_t, N>& a) {
  return Bytes(a.begin(), a.end());
}

// judged_here leaves what attest's own rows say of every kind: genuineness, release and binding.
appraisal::Findings judged_here(appraisal::Findings findings) {
  std::erase_if(findings, [](const appraisal::Finding& f) {
    return f.aspect == Aspect::genuine || f.aspect == Aspect::software || f.aspect == Aspect::bound_data;
  });
  return findings;
}

std::optional<ByteSpan> bytes_of(const Item* item) { return item == nullptr ? std::nullopt : std::optional<ByteSpan>(item->bytes); }

}  // namespace

Result<const Item*> item(const Device& device, const std::string& name, std::string_view media_type) {
  const auto found = device.collateral.find(name);
  if (found == device.collateral.end()) return nullptr;
  if (found->second.media_type != media_type) return fail(Code::malformed, "attest.kind.collateral", name + " has another media type");
  return &found->second;
}

Result<> expect_collateral(const Device& device, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : device.collateral) {
    if (std::ranges::find(known, name) == known.end()) return fail(Code::malformed, "attest.kind.collateral", "unknown: " + name);
  }
  return {};
}

Result<snp::Collateral> snp_collateral(const Device& device) {
  const bool certificates = std::ranges::all_of(device.chain, [](const Item& i) { return i.media_type == kCertificateType; });
  if (device.chain.size() != 3 || !certificates) {
    return fail(Code::malformed, "attest.kind.chain", "three certificates: the chip's, its issuer's, the root's");
  }
  OPENPCC_LET(const Item* crl, item(device, kCrlLabel, kCrlType));
  return snp::Collateral{device.chain[0].bytes, device.chain[1].bytes, device.chain[2].bytes, bytes_of(crl)};
}

Result<tdx::Collateral> tdx_collateral(const Device& device) {
  if (!device.chain.empty()) return fail(Code::malformed, "attest.kind.chain", "a quote brings its own");
  OPENPCC_LET(const Item* tcb_info, item(device, kTcbInfoLabel, kJsonType));
  OPENPCC_LET(const Item* identity, item(device, kQeIdentityLabel, kJsonType));
  OPENPCC_LET(const Item* chain, item(device, kTcbSigningChainLabel, kPemType));
  OPENPCC_LET(const Item* root_crl, item(device, kRootCaCrlLabel, kCrlType));
  OPENPCC_LET(const Item* pck_crl, item(device, kPckCrlLabel, kCrlType));
  const auto or_nothing = [](const Item* i) { return i == nullptr ? ByteSpan() : ByteSpan(i->bytes); };
  return tdx::Collateral{{or_nothing(tcb_info), {}}, {or_nothing(identity), {}}, or_nothing(chain),
                         bytes_of(root_crl),         bytes_of(pck_crl),          {}};
}

Result<Findings> verify_snp_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now) {
  const auto& demands = policy.requirements().snp;
  if (!demands) return fail(Code::rejected, "attest.kind.not_taken", "the policy has no table [snp]");
  OPENPCC_TRY(expect_collateral(device, {kCrlLabel}));
  OPENPCC_LET(const snp::Collateral collateral, snp_collateral(device));
  snp::Verification verification = snp::verify(device.report.bytes, collateral, now);
  if (!verification.verified) return std::unexpected(std::move(verification.failures.front()));
  const snp::VerifiedReport& verified = *verification.verified;
  return Findings{snp_chip(verified.vek()),
                  copy(verified.report().measurement),
                  0,
                  verified.report().policy.debug(),
                  copy(verified.report().report_data),
                  "AMD",
                  judged_here(snp::appraise(verified, *demands)),
                  verified.window()};
}

Bytes snp_chip(const snp::VekFields& vek) {
  return vek.kind == snp::SigningKey::vcek ? vek.hwid : Bytes(vek.csp_id.begin(), vek.csp_id.end());
}

Bytes tdx_release(const tdx::TdReport& td) {
  ByteWriter registers;
  registers.text("openpcc tdx release v1").u8(0).bytes(td.mrtd);
  for (const tdx::Measurement& rtmr : td.rtmr) registers.bytes(rtmr);
  return copy(crypto::sha384(registers.view()));
}

tdx::Terms terms_of(const policy::TdxRequirements& required) {
  tdx::Terms out;
  out.revocation_lists_required = required.require_revocation;
  out.tcb_evaluation_data_number_min = required.min_evaluation;
  return out;
}

Result<Findings> verify_tdx_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now) {
  const auto& required = policy.requirements().tdx;
  if (!required) return fail(Code::rejected, "attest.kind.not_taken", "the policy has no table [tdx]");
  OPENPCC_TRY(expect_collateral(device, {kTcbInfoLabel, kQeIdentityLabel, kTcbSigningChainLabel, kRootCaCrlLabel, kPckCrlLabel}));
  OPENPCC_LET(const tdx::Collateral collateral, tdx_collateral(device));
  OPENPCC_LET(const tdx::VerifiedQuote verified, tdx::verify(device.report.bytes, collateral, now, terms_of(*required)));
  const auto& td = std::get<tdx::TdReport>(verified.claims().body);
  appraisal::Findings findings = tdx::appraise_tcb(verified, required->demands, now);
  const appraisal::Findings said = tdx::appraise(verified.claims(), required->demands);
  findings.insert(findings.end(), said.begin(), said.end());
  return Findings{copy(verified.claims().pck.ppid),
                  tdx_release(td),
                  0,
                  td.debug(),
                  copy(td.reportdata),
                  "Intel",
                  judged_here(std::move(findings)),
                  tdx::accepted_window(verified, required->demands, now)};
}

}  // namespace openpcc::attest
