// Spec: spec/evidence.md s4, s5, s7.
#include <algorithm>

#include "judging.h"
#include "kind_hardware.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::Finding;
using appraisal::State;

// What a policy demands of a node that no report alone shows.
constexpr Property kOfNodes[] = {Property::key_binding, Property::deployment, Property::freshness, Property::validity,
                                 Property::models,      Property::config,     Property::gpu,       Property::gpu_firmware,
                                 Property::gpu_binding, Property::root_owners};

// finding_of is the aspect's finding, or one that says nothing yet.
Finding& finding_of(appraisal::Findings& findings, Aspect aspect) {
  const auto found = std::ranges::find(findings, aspect, &Finding::aspect);
  if (found != findings.end()) return *found;
  return findings.emplace_back(Finding{aspect, State::not_checked, Rule("attest.release.unknown"), {}, {}, {}});
}

bool contains(const std::vector<Bytes>& list, const Bytes& value) { return std::ranges::find(list, value) != list.end(); }

// judge_release puts the policy's releases in the place of what a technology calls its measurement.
void judge_release(JudgedPlatform& judged, const policy::Requirements& requirements) {
  Finding& software = finding_of(judged.verdict.findings, Aspect::software);
  const bool known = contains(requirements.releases, judged.release);
  software = {Aspect::software,         known ? State::passed : State::failed,
              "attest.release.unknown", "a release that the policy allows",
              to_hex(judged.release),   known ? "" : "run an allowed release, or allow this measurement once its source is known"};
}

// judge_ledger looks the chip up. What is said of its identity otherwise stands where it refuses, or where there is no ledger.
void judge_ledger(JudgedPlatform& judged, const policy::Requirements& requirements) {
  if (requirements.chips.empty()) return;
  Finding& identity = finding_of(judged.verdict.findings, Aspect::identity);
  if (identity.state == State::failed) return;
  const bool listed = contains(requirements.chips, judged.chip_id);
  identity = {Aspect::identity,        listed ? State::passed : State::failed,
              "attest.ledger.unknown", "a chip in the ledger",
              to_hex(judged.chip_id),  listed ? "" : "enter the chip, or choose another machine"};
}

// judge applies the policy's table for the kind of report.
JudgedPlatform judge(const PlatformEvidence& evidence, UnixSeconds now, const policy::Requirements& requirements,
                     const std::optional<std::array<uint8_t, 64>>& report_data) {
  const bool amd = evidence.kind() == PlatformItem::snp_report;
  const bool intel = evidence.kind() == PlatformItem::intel_quote;
  if (!(amd && requirements.snp) && !(intel && requirements.tdx)) {
    const std::string table = amd ? "[snp]" : "[tdx]";
    const Error error{Code::rejected, "attest.kind.not_taken", "the policy has no table " + table};
    JudgedPlatform out;
    out.verdict.kind = name_of(evidence.kind());
    out.verdict.outcome = Outcome::reject;
    out.verdict.findings.push_back(
        failed(Aspect::genuine, error, "a kind that the policy takes", "choose a machine of a kind that the policy takes"));
    return out;
  }
  if (amd) {
    snp::Demands demands = *requirements.snp;
    demands.report_data = report_data;
    return judge_snp(*snp::strip_response(evidence.report->bytes), evidence.items, now, demands);
  }
  tdx::Demands demands = requirements.tdx->demands;
  demands.report_data = report_data;
  return judge_tdx(evidence.report->bytes, evidence.items, now, demands, terms_of(*requirements.tdx));
}

}  // namespace

Result<PlatformVerdict> verify_platform_by(std::span<const Bytes> given, UnixSeconds now, const policy::ProductionPolicy& policy,
                                           const std::optional<std::array<uint8_t, 64>>& report_data) {
  OPENPCC_LET(std::vector<Recognised> items, read_bounded(given));
  return verify_platform_by(std::move(items), now, policy, report_data);
}

Result<PlatformVerdict> verify_platform_by(std::vector<Recognised> given, UnixSeconds now, const policy::ProductionPolicy& policy,
                                           const std::optional<std::array<uint8_t, 64>>& report_data) {
  OPENPCC_LET(const PlatformEvidence evidence, find_evidence(std::move(given)));
  if (evidence.kind() != PlatformItem::snp_report && evidence.kind() != PlatformItem::intel_quote) {
    return fail(Code::unsupported, "platform.policy",
                "a policy judges SEV-SNP reports and TDX quotes alone, and other evidence in that of a node: give it without the policy");
  }
  const policy::Requirements& requirements = policy.requirements();
  JudgedPlatform judged = judge(evidence, now, requirements, report_data);
  PlatformVerdict& out = judged.verdict;
  if (out.genuine) {
    judge_release(judged, requirements);
    judge_ledger(judged, requirements);
    out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept_platform : Outcome::reject;
  }
  out.evidence_digest = crypto::sha256(evidence.report->bytes);
  out.policy_digest = requirements.digest;
  out.exceptions = requirements.exceptions.names();
  out.of_nodes.assign(std::begin(kOfNodes), std::end(kOfNodes));
  return std::move(out);
}

}  // namespace openpcc::attest
