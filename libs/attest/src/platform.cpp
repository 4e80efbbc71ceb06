#include "openpcc/attest/platform.h"

#include <algorithm>

#include "openpcc/attest/hardware_types.h"
#include "openpcc/azure/certificate.h"
#include "openpcc/nvgpu/token.h"
#include "openpcc/x509/ocsp.h"
#include "platform_kinds.h"
#include "verdict_builder.h"

namespace openpcc::attest {
namespace {

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr size_t kSignatureDigits = 128;
constexpr std::array<uint8_t, 16> kIntelQeVendor{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                                 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

// The versions are bounded loosely, so that a report of a version to come is still a report, and unsupported.
bool is_snp_report(ByteSpan bytes) {
  const auto report = snp::strip_response(bytes);
  return report && (*report)[0] >= 1 && (*report)[0] < 32 && (*report)[1] == 0 && (*report)[2] == 0 && (*report)[3] == 0;
}

bool is_intel_quote(ByteSpan bytes) {
  return bytes.size() > tdx::kHeaderBytes && bytes.size() <= tdx::kQuoteBytesMax && bytes[0] < 32 && bytes[1] == 0 &&
         equal(bytes.subspan(12, kIntelQeVendor.size()), kIntelQeVendor);
}

// The beginnings of request and response (SPDM); the version is bounded loosely, as above.
bool is_nvidia_report(ByteSpan bytes) {
  return bytes.size() > nvgpu::kRequestBytes + 2 && bytes.size() <= nvgpu::kReportBytesMax && bytes[0] >= 0x10 && bytes[0] < 0x20 &&
         bytes[1] == 0xe0 && bytes[nvgpu::kRequestBytes + 1] == 0x60;
}

bool is_manifest(std::string_view text) {
  return text.size() <= nvgpu::kManifestBytesMax && text.substr(0, 256).find("<SoftwareIdentity") != std::string_view::npos;
}

// The tag or array of COSE_Sign1, and the first member's name that an attestation document cannot lack.
bool is_nitro_document(ByteSpan bytes) {
  constexpr std::string_view kMember = "imodule_id";  // with the head of a text of nine bytes
  if (bytes.size() < kMember.size() || bytes.size() > nitro::kDocumentBytesMax) return false;
  const bool is_sign1 = bytes[0] == 0x84 || (bytes[0] == 0xd2 && bytes[1] == 0x84);
  return is_sign1 && as_text(bytes).find(kMember) != std::string_view::npos;
}

// A number of RSA has no form but its size.
bool is_bare_signature(ByteSpan bytes) {
  constexpr size_t kRsaBytes[] = {256, 384, 512};
  return std::ranges::find(kRsaBytes, bytes.size()) != std::end(kRsaBytes);
}

// Tag 399, a collection of CMWs, with Arm's two tokens in it.
bool is_cca_token(ByteSpan bytes) { return bytes.size() > 4 && equal(bytes.first(3), std::array<uint8_t, 3>{0xd9, 0x01, 0x8f}); }

bool is_sigstore_bundle(std::string_view text) {
  return text.find_first_of('{') <= 2 && text.find("application/vnd.dev.sigstore.bundle") != std::string_view::npos;
}

bool is_signature(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text.size() == kSignatureDigits && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// A collection that has keys is a node's evidence, whatever it is otherwise.
bool is_bundle(std::string_view text) {
  return text.size() <= kEvidenceBytesMax && text.find_first_of('{') <= 2 && text.find("\"cpu\"") != std::string_view::npos &&
         text.find("\"keys\"") == std::string_view::npos;
}

PlatformItem recognise_text(std::string_view text) {
  if (text.starts_with(kPemBegin)) {
    if (x509::Certificate::parse_pem(as_bytes(text), kPemCertificatesMax)) return PlatformItem::certificates;
    return azure::read_ak_certificate(as_bytes(text)) ? PlatformItem::vtpm_certificate : PlatformItem::other;
  }
  if (is_signature(text)) return PlatformItem::signature_hex;
  if (is_manifest(text)) return PlatformItem::nvidia_manifest;
  if (nvgpu::looks_like_token(as_bytes(text))) return PlatformItem::nvidia_token;
  if (is_sigstore_bundle(text)) return PlatformItem::sigstore_bundle;
  if (is_bundle(text)) return PlatformItem::bundle;
  // What the documents hold is for their verifier; here they are told apart by members that the other one does not have.
  if (text.size() > tdx::kDocumentBytesMax || text.find_first_of('{') > 2) return PlatformItem::other;
  if (text.find("\"fmspc\"") != std::string_view::npos) return PlatformItem::tcb_info;
  if (text.find("\"miscselect\"") != std::string_view::npos) return PlatformItem::qe_identity;
  return PlatformItem::other;
}

std::string_view type_of_report(ByteSpan report) {
  if (is_snp_report(report)) return kSnpReportType;
  if (!is_intel_quote(report)) return {};
  return report[0] == 3 ? kSgxQuoteType : kTdxQuoteType;
}

// unpack puts what is in bundles in their place, one level deep.
Result<std::vector<Bytes>> unpack(std::span<const Bytes> items) {
  std::vector<Bytes> out;
  for (const Bytes& item : items) {
    if (recognise(item) != PlatformItem::bundle) {
      out.push_back(item);
      continue;
    }
    OPENPCC_LET(Device device, parse_platform(item));
    if (device.report.media_type != type_of_report(device.report.bytes)) {
      return fail(Code::malformed, "platform.bundle_type", "the report is not of its media type");
    }
    out.push_back(std::move(device.report.bytes));
    for (Item& certificate : device.chain) out.push_back(std::move(certificate.bytes));
    for (auto& [label, piece] : device.collateral) out.push_back(std::move(piece.bytes));
  }
  return out;
}

}  // namespace

PlatformItem recognise(ByteSpan bytes) {
  if (is_snp_report(bytes)) return PlatformItem::snp_report;
  if (is_intel_quote(bytes)) return PlatformItem::intel_quote;
  if (is_nvidia_report(bytes)) return PlatformItem::nvidia_report;
  if (is_nitro_document(bytes)) return PlatformItem::nitro_document;
  if (is_cca_token(bytes)) return PlatformItem::cca_token;
  if (azure::looks_like_hcl(bytes)) return PlatformItem::azure_hcl;
  if (const PlatformItem text = recognise_text(as_text(bytes)); text != PlatformItem::other) return text;
  if (x509::Certificate::parse(bytes)) return PlatformItem::certificate;
  if (x509::Crl::parse(bytes)) return PlatformItem::revocation_list;
  if (x509::OcspResponse::parse(bytes)) return PlatformItem::ocsp_response;
  const auto table = snp::parse_certificate_table(bytes);
  const bool filled = table && (table->vcek || table->vlek || table->ask || table->ark);
  if (filled) return PlatformItem::snp_certificate_table;
  if (const PlatformItem item = recognise_tpm(bytes); item != PlatformItem::other) return item;
  if (azure::read_ak_certificate(bytes)) return PlatformItem::vtpm_certificate;
  return is_bare_signature(bytes) ? PlatformItem::bare_signature : PlatformItem::other;
}

bool is_evidence(PlatformItem item) {
  switch (item) {
    case PlatformItem::snp_report:
    case PlatformItem::intel_quote:
    case PlatformItem::nvidia_report:
    case PlatformItem::nvidia_token:
    case PlatformItem::tpm_quote:
    case PlatformItem::nitro_document:
    case PlatformItem::azure_hcl:
    case PlatformItem::bundle:
    case PlatformItem::cca_token:
    case PlatformItem::sigstore_bundle: return true;
    default: return false;
  }
}

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

appraisal::Finding failed(appraisal::Aspect aspect, const Error& error, std::string expected, std::string_view remedy) {
  const std::string seen = error.detail.empty() ? std::string(to_string(error.code)) : printable(error.detail);
  return {aspect, appraisal::State::failed, error.rule, std::move(expected), seen, std::string(remedy)};
}

std::string_view name_of(PlatformItem evidence) {
  switch (evidence) {
    case PlatformItem::snp_report: return "AMD SEV-SNP report";
    case PlatformItem::intel_quote: return "Intel quote";
    case PlatformItem::nvidia_report:
    case PlatformItem::nvidia_token: return "NVIDIA report";
    case PlatformItem::tpm_quote: return "TPM 2.0 quote";
    case PlatformItem::nitro_document: return "AWS Nitro document";
    case PlatformItem::azure_hcl: return "Azure confidential VM";
    case PlatformItem::cca_token: return "Arm CCA token";
    case PlatformItem::sigstore_bundle: return "Sigstore bundle";
    default: return "";
  }
}

PlatformVerdict unsupported(std::string_view kind) {
  PlatformVerdict out;
  out.outcome = Outcome::unsupported;
  out.findings.push_back({appraisal::Aspect::genuine, appraisal::State::failed, Rule("platform.unsupported"),
                          "evidence that is verified here", std::string(kind) + ", which is not", "give it to a verifier of its kind"});
  out.kind = kind;
  return out;
}

namespace {

Result<PlatformVerdict> judge(const PlatformEvidence& evidence, UnixSeconds now, const PlatformDemands& demands) {
  switch (evidence.kind) {
    case PlatformItem::snp_report: return verify_snp(*snp::strip_response(evidence.report), evidence.items, now, demands.snp).verdict;
    case PlatformItem::nvidia_report: return verify_nvidia(evidence.items, now, demands.nvidia);
    case PlatformItem::nvidia_token: return refuse_nvidia_token(evidence.report);
    case PlatformItem::nitro_document: return verify_nitro(evidence.report, now, demands.nitro);
    case PlatformItem::tpm_quote: return verify_tpm(evidence.report, evidence.items, now, demands);
    case PlatformItem::azure_hcl: return verify_azure(evidence.report, evidence.items, now, demands);
    case PlatformItem::cca_token:
    case PlatformItem::sigstore_bundle: return unsupported(name_of(evidence.kind));
    default: break;
  }
  tdx::Terms terms;
  if (evidence.report[0] == 3) terms.tee = tdx::Tee::sgx;  // version 3 is of enclaves alone, and they have no other one here
  return verify_tdx(evidence.report, evidence.items, now, demands.tdx, terms).verdict;
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
  refuse(appraisal::Aspect::bound_data, item != PlatformItem::nitro_document && demands.nitro.nonce, "a nonce of a Nitro document");
  refuse(appraisal::Aspect::software, !tpm && item != PlatformItem::azure_hcl && demands.tpm.has_value(), "PCRs of a TPM");
}

// belongs: evidence of this kind has a use for the item. Certificates and lists are told apart by who looks for them. A TD's quote and a TPM's are part
// of a VM's evidence.
bool belongs(PlatformItem item, PlatformItem evidence) {
  using enum PlatformItem;
  const bool vm = evidence == azure_hcl;
  switch (item) {
    case tpm_signature:
    case tpm_key:
    case tpm_values: return evidence == tpm_quote || (vm && item != tpm_key);
    case event_log: return evidence == tpm_quote || evidence == intel_quote || vm;
    case runtime_log: return evidence == intel_quote;
    case bare_signature:
    case vtpm_certificate: return vm;
    default: return item != other;
  }
}

// once: what a VM has one of.
bool once(std::span<const Bytes> items) {
  using enum PlatformItem;
  const auto count = [&](PlatformItem kind) { return std::ranges::count(items, kind, [](const Bytes& item) { return recognise(item); }); };
  return std::ranges::all_of(std::array{intel_quote, tpm_quote, tpm_values, vtpm_certificate},
                             [&](PlatformItem kind) { return count(kind) <= 1; }) &&
         count(tpm_signature) + count(bare_signature) <= 1;
}

}  // namespace

Result<PlatformEvidence> find_evidence(std::span<const Bytes> given) {
  OPENPCC_LET(std::vector<Bytes> items, unpack(given.first(std::min(given.size(), kPlatformItemsMax))));
  if (std::max(given.size(), items.size()) > kPlatformItemsMax) return fail(Code::limit, "platform.too_many", "too many items");
  const auto kind_of = [](const Bytes& item) { return recognise(item); };
  const auto vm = std::ranges::find(items, PlatformItem::azure_hcl, kind_of);
  const auto is_report = [&](const Bytes& item) {
    const PlatformItem kind = kind_of(item);
    return is_evidence(kind) && (vm == items.end() || (kind != PlatformItem::intel_quote && kind != PlatformItem::tpm_quote));
  };
  const auto evidence = std::ranges::find_if(items, is_report);
  if (evidence == items.end()) return fail(Code::unsupported, "platform.none", "no file is a report of a platform that is verified here");
  const bool nvidia =
      std::ranges::all_of(items, [&](const Bytes& item) { return !is_report(item) || kind_of(item) == PlatformItem::nvidia_report; });
  if ((!nvidia && std::ranges::count_if(items, is_report) > 1) || (vm != items.end() && !once(items))) {
    return fail(Code::rejected, "platform.several", "give the evidence of one machine at a time");
  }
  const PlatformItem kind = kind_of(*evidence);
  const auto unknown = std::ranges::find_if(items, [&](const Bytes& item) { return !belongs(kind_of(item), kind); });
  if (unknown != items.end()) {
    return fail(Code::malformed, "platform.unknown_item",
                "item " + std::to_string(unknown - items.begin() + 1) + " is nothing that vouches for this evidence");
  }
  const ByteSpan report = *evidence;
  return PlatformEvidence{std::move(items), report, kind};
}

Result<PlatformVerdict> verify_platform(std::span<const Bytes> given, UnixSeconds now, const PlatformDemands& demands) {
  OPENPCC_LET(const PlatformEvidence evidence, find_evidence(given));
  OPENPCC_LET(PlatformVerdict out, judge(evidence, now, demands));
  refuse_unmet(out, evidence.kind, demands);
  Bytes judged;  // of several, one after the other
  for (const Bytes& item : evidence.items) {
    if (is_evidence(recognise(item))) judged.insert(judged.end(), item.begin(), item.end());
  }
  out.evidence_digest = crypto::sha256(judged);
  return out;
}

}  // namespace openpcc::attest
