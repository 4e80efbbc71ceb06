#include "openpcc/attest/platform.h"

#include <algorithm>
#include <map>

#include "judging.h"
#include "openpcc/attest/hardware_types.h"

namespace openpcc::attest {
namespace {

std::unexpected<Error> too_many() { return fail(Code::limit, "platform.too_many", "too many items"); }

std::string_view type_of(const Recognised& report) {
  if (report.kind == PlatformItem::snp_report) return kSnpReportType;
  if (report.kind != PlatformItem::intel_quote) return {};
  return report.bytes[0] == 3 ? kSgxQuoteType : kTdxQuoteType;
}

// open puts what is in a bundle in its place, one level deep.
//   platform.bundle_type, platform.too_many
Result<> open(const Recognised& bundle, PlatformEvidence& out) {
  OPENPCC_LET(Device opened, parse_platform(bundle.bytes));
  const Device& device = out.unpacked.emplace_back(std::move(opened));
  Recognised report = read_item(device.report.bytes);
  if (device.report.media_type != type_of(report)) {
    return fail(Code::malformed, "platform.bundle_type", "the report is not of its media type");
  }
  if (out.items.size() + 1 + device.chain.size() + device.collateral.size() > kPlatformItemsMax) return too_many();
  out.items.push_back(std::move(report));
  for (const Item& certificate : device.chain) out.items.push_back(read_item(certificate.bytes));
  for (const auto& [label, piece] : device.collateral) out.items.push_back(read_item(piece.bytes));
  return {};
}

// belongs: evidence of this kind has a use for the item. Which certificates and lists are of use is told by who looks for them. A TD's quote and a TPM's
// are part of a VM's evidence.
bool belongs(PlatformItem item, PlatformItem evidence) {
  using enum PlatformItem;
  const bool vm = evidence == azure_hcl;
  switch (item) {
    case tpm_signature:
    case tpm_key:
    case tpm_values: return evidence == tpm_quote || (vm && item != tpm_key);
    case event_log: return evidence == tpm_quote || evidence == intel_quote || vm;
    case runtime_log: return evidence == intel_quote;
    case tcb_info:
    case qe_identity:
    case signature_hex: return evidence == intel_quote || vm;
    case snp_certificate_table: return evidence == snp_report || vm;
    case revocation_list: return evidence == snp_report || evidence == intel_quote || evidence == nvidia_report || vm;
    case nvidia_manifest:
    case ocsp_response: return evidence == nvidia_report;
    case bare_signature:
    case vtpm_certificate: return vm;
    default: return item != other;
  }
}

// once: what a VM has one of.
bool once(const std::map<PlatformItem, size_t>& counts) {
  using enum PlatformItem;
  const auto count = [&](PlatformItem kind) {
    const auto found = counts.find(kind);
    return found == counts.end() ? 0 : found->second;
  };
  return std::ranges::all_of(std::array{intel_quote, tpm_quote, tpm_values, vtpm_certificate},
                             [&](PlatformItem kind) { return count(kind) <= 1; }) &&
         count(tpm_signature) + count(bare_signature) <= 1;
}

// refuse_unmet refuses what was demanded of another technology: whoever says which software must run in a machine does not take a GPU in its place.
void refuse_unmet(PlatformVerdict& verdict, PlatformItem item, const PlatformDemands& demands) {
  const auto refuse = [&](appraisal::Aspect aspect, bool demanded, std::string_view what) {
    if (!demanded) return;
    verdict.findings.push_back({aspect, appraisal::State::failed, Rule("platform.demand"), std::string(what),
                                verdict.kind + ", which has none", "give the evidence of which this is demanded"});
    if (verdict.outcome == Outcome::accept) verdict.outcome = Outcome::reject;
  };
  const bool nvidia = item == PlatformItem::nvidia_report || item == PlatformItem::nvidia_token;
  const bool tpm = item == PlatformItem::tpm_quote;
  const bool measured = !demands.snp.measurements.empty() || !demands.tdx.measurements.empty();
  refuse(appraisal::Aspect::software, (nvidia || tpm) && measured, "a measurement of a machine");
  refuse(appraisal::Aspect::bound_data, (nvidia || tpm) && (demands.snp.report_data || demands.tdx.report_data), "report data");
  refuse(appraisal::Aspect::bound_data, !nvidia && demands.nvidia.device.nonce, "a nonce of a GPU");
  refuse(appraisal::Aspect::platform, !nvidia && (demands.nvidia.set.gpus || demands.nvidia.set.switches), "a number of GPUs and switches");
  const bool nitro = item == PlatformItem::nitro_document;
  refuse(appraisal::Aspect::bound_data, !nitro && demands.nitro.nonce, "a nonce of a Nitro document");
  refuse(appraisal::Aspect::bound_data, !nitro && demands.nitro.public_key, "a public key of a Nitro document");
  const bool vtpm = tpm || item == PlatformItem::azure_hcl;
  refuse(appraisal::Aspect::software, !vtpm && demands.tpm.has_value(), "PCRs of a TPM");
  refuse(appraisal::Aspect::identity, !vtpm && !demands.attestation_keys.empty(), "a key of a TPM");
}

// judge_one lets the technology's judge judge. Of SNP and TDX verify_platform_by does it too, under a policy's demands.
Result<PlatformVerdict> judge_one(const PlatformEvidence& evidence, UnixSeconds now, const PlatformDemands& demands) {
  const ByteSpan bytes = evidence.report->bytes;
  switch (evidence.kind()) {
    case PlatformItem::snp_report: return judge_snp(*snp::strip_response(bytes), evidence.items, now, demands.snp).verdict;
    case PlatformItem::nvidia_report: return judge_nvidia(evidence.items, now, demands.nvidia);
    case PlatformItem::nvidia_token: return refuse_nvidia_token(bytes);
    case PlatformItem::nitro_document: return judge_nitro(bytes, now, demands.nitro);
    case PlatformItem::tpm_quote: return judge_tpm(*evidence.report, evidence.items, now, demands);
    case PlatformItem::azure_hcl: return judge_azure(bytes, evidence.items, now, demands);
    case PlatformItem::cca_token:
    case PlatformItem::sigstore_bundle: return judge_unknown(name_of(evidence.kind()));
    default: break;
  }
  tdx::Terms terms;
  if (bytes[0] == 3) terms.tee = tdx::Tee::sgx;  // version 3 is of enclaves alone, and they have no other one here
  return judge_tdx(bytes, evidence.items, now, demands.tdx, terms).verdict;
}

}  // namespace

void PlatformDemands::expect_measurement(const Bytes& measurement) {
  snp.measurements.push_back(measurement);
  tdx.measurements.push_back(measurement);
  auto pcrs = nitro.pcrs ? nitro.pcrs->allowed() : std::map<uint8_t, std::vector<Bytes>>();
  pcrs[0].push_back(measurement);
  nitro.pcrs = *nitro::ExpectedPcrs::create(std::move(pcrs));
}

void PlatformDemands::expect_report_data(const std::array<uint8_t, 64>& data) {
  snp.report_data = data;
  tdx.report_data = data;
  nitro.user_data = Bytes(data.begin(), data.end());
  azure.user_data = data;
}

Result<std::vector<Recognised>> read_bounded(std::span<const Bytes> given) {
  if (given.size() > kPlatformItemsMax) return too_many();
  return read_items(given);
}

Result<PlatformEvidence> find_evidence(std::vector<Recognised> given) {
  if (given.size() > kPlatformItemsMax) return too_many();
  PlatformEvidence out;
  for (Recognised& item : given) {
    if (item.kind != PlatformItem::bundle) {
      if (out.items.size() == kPlatformItemsMax) return too_many();
      out.items.push_back(std::move(item));
      continue;
    }
    OPENPCC_TRY(open(item, out));
  }
  std::map<PlatformItem, size_t> counts;
  for (const Recognised& item : out.items) counts[item.kind] += 1;
  const bool vm = counts.contains(PlatformItem::azure_hcl);
  const auto is_report = [&](const Recognised& item) {
    return is_evidence(item.kind) && (!vm || (item.kind != PlatformItem::intel_quote && item.kind != PlatformItem::tpm_quote));
  };
  const auto reports = std::ranges::count_if(out.items, is_report);
  if (reports == 0) return fail(Code::unsupported, "platform.none", "no file is a report of a platform that is verified here");
  out.report = &*std::ranges::find_if(out.items, is_report);
  const bool nvidia = counts[PlatformItem::nvidia_report] == static_cast<size_t>(reports);
  if ((!nvidia && reports > 1) || (vm && !once(counts))) {
    return fail(Code::rejected, "platform.several", "give the evidence of one machine at a time");
  }
  const auto unknown = std::ranges::find_if(out.items, [&](const Recognised& item) { return !belongs(item.kind, out.kind()); });
  if (unknown != out.items.end()) {
    return fail(Code::malformed, "platform.unknown_item",
                "item " + std::to_string(unknown - out.items.begin() + 1) + " is nothing that vouches for this evidence");
  }
  return out;
}

Result<PlatformVerdict> verify_platform(std::span<const Bytes> given, UnixSeconds now, const PlatformDemands& demands) {
  OPENPCC_LET(std::vector<Recognised> items, read_bounded(given));
  return verify_platform(std::move(items), now, demands);
}

Result<PlatformVerdict> verify_platform(std::vector<Recognised> given, UnixSeconds now, const PlatformDemands& demands) {
  OPENPCC_LET(const PlatformEvidence evidence, find_evidence(std::move(given)));
  OPENPCC_LET(PlatformVerdict out, judge_one(evidence, now, demands));
  refuse_unmet(out, evidence.kind(), demands);
  Bytes judged;  // of several, one after the other
  for (const Recognised& item : evidence.items) {
    if (is_evidence(item.kind)) judged.insert(judged.end(), item.bytes.begin(), item.bytes.end());
  }
  out.evidence_digest = crypto::sha256(judged);
  return out;
}

}  // namespace openpcc::attest
