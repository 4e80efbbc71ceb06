#include "openpcc/attest/items.h"

#include <algorithm>

#include "openpcc/attest/evidence.h"
#include "openpcc/azure/certificate.h"
#include "openpcc/azure/hcl.h"
#include "openpcc/nitro/document.h"
#include "openpcc/nvgpu/manifest.h"
#include "openpcc/nvgpu/token.h"
#include "openpcc/snp/collateral.h"
#include "openpcc/tdx/collateral.h"
#include "openpcc/tpm/eventlog.h"
#include "openpcc/tpm/runtime_log.h"

namespace openpcc::attest {
namespace {

constexpr size_t kPemCertificatesMax = 8;
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

// What the documents hold is for their verifier; here they are told apart by members that the other one does not have.
PlatformItem document_of_intel(std::string_view text) {
  if (text.size() > tdx::kDocumentBytesMax || text.find_first_of('{') > 2) return PlatformItem::other;
  if (text.find("\"fmspc\"") != std::string_view::npos) return PlatformItem::tcb_info;
  return text.find("\"miscselect\"") != std::string_view::npos ? PlatformItem::qe_identity : PlatformItem::other;
}

// These two know an item by how it begins, or by words in it; nothing of it is read.
PlatformItem kind_of_report(ByteSpan bytes) {
  if (is_snp_report(bytes)) return PlatformItem::snp_report;
  if (is_intel_quote(bytes)) return PlatformItem::intel_quote;
  if (is_nvidia_report(bytes)) return PlatformItem::nvidia_report;
  if (is_nitro_document(bytes)) return PlatformItem::nitro_document;
  if (is_cca_token(bytes)) return PlatformItem::cca_token;
  return azure::looks_like_hcl(bytes) ? PlatformItem::azure_hcl : PlatformItem::other;
}
PlatformItem kind_of_text(std::string_view text) {
  if (is_signature(text)) return PlatformItem::signature_hex;
  if (is_manifest(text)) return PlatformItem::nvidia_manifest;
  if (nvgpu::looks_like_token(as_bytes(text))) return PlatformItem::nvidia_token;
  if (is_sigstore_bundle(text)) return PlatformItem::sigstore_bundle;
  if (is_bundle(text)) return PlatformItem::bundle;
  return document_of_intel(text);
}

std::vector<x509::Certificate> read_certificates(ByteSpan bytes) {
  std::vector<x509::Certificate> out;
  if (auto one = x509::Certificate::parse(bytes)) {
    out.push_back(std::move(*one));
  } else if (auto several = x509::Certificate::parse_pem(bytes, kPemCertificatesMax)) {
    out = std::move(*several);
  }
  return out;
}

bool begins_as_quote(ByteSpan bytes) {
  constexpr std::array<uint8_t, 4> kGenerated{0xff, 0x54, 0x43, 0x47};
  return bytes.size() > 6 && equal(bytes.first(kGenerated.size()), kGenerated);
}

// Reader tries the forms that only reading tells.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : bytes_(bytes) {}

  Recognised read() {
    if (as_text(bytes_).starts_with(kPemBegin)) {
      pem();
    } else if (!(of_x509() || table() || of_tpm())) {
      rest();
    }
    return std::move(out_);
  }

 private:
  template <class T>
  bool take(PlatformItem kind, T value) {
    out_ = {kind, bytes_, std::move(value)};
    return true;
  }
  bool take(PlatformItem kind) { return take(kind, std::monostate()); }
  template <class T>
  bool take_if(PlatformItem kind, Result<T> value) {
    return value && take(kind, std::move(*value));
  }

  void pem() {
    if (take_if(PlatformItem::certificates, x509::Certificate::parse_pem(bytes_, kPemCertificatesMax))) return;
    if (azure::read_ak_certificate(bytes_)) take(PlatformItem::vtpm_certificate);
  }
  bool of_x509() {
    if (auto one = x509::Certificate::parse(bytes_)) {
      std::vector<x509::Certificate> alone;
      alone.push_back(std::move(*one));
      return take(PlatformItem::certificate, std::move(alone));
    }
    return take_if(PlatformItem::revocation_list, x509::Crl::parse(bytes_)) ||
           take_if(PlatformItem::ocsp_response, x509::OcspResponse::parse(bytes_));
  }
  bool table() {
    const auto table = snp::parse_certificate_table(bytes_);
    if (!table || !(table->vcek || table->vlek || table->ask || table->ark)) return false;
    std::vector<x509::Certificate> all;
    for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
      if (entry) std::ranges::move(read_certificates(*entry), std::back_inserter(all));
    }
    return take(PlatformItem::snp_certificate_table, std::move(all));
  }
  bool of_tpm() {
    if (begins_as_quote(bytes_)) return take(PlatformItem::tpm_quote);
    if (auto package = tpm::parse_package(bytes_); package && begins_as_quote(package->quote))
      return take(PlatformItem::tpm_quote, std::move(*package));
    if (take_if(PlatformItem::tpm_values, tpm::parse_values(bytes_))) return true;
    if (tpm::looks_like_runtime_log(bytes_)) return take(PlatformItem::runtime_log);
    auto key = tpm::AttestationKey::read(bytes_);
    if (key || key.error().rule == Rule("tpm.ak.attributes") || key.error().rule == Rule("tpm.ak.key"))
      return take(PlatformItem::tpm_key, std::move(key));
    return take_if(PlatformItem::tpm_signature, tpm::parse_signature(bytes_)) ||
           (tpm::looks_like_log(bytes_) && take(PlatformItem::event_log));
  }
  void rest() {
    if (azure::read_ak_certificate(bytes_)) {
      take(PlatformItem::vtpm_certificate);
    } else if (is_bare_signature(bytes_)) {
      take(PlatformItem::bare_signature, tpm::rsassa_sha256(bytes_));
    }
  }

  ByteSpan bytes_;
  Recognised out_{PlatformItem::other, bytes_};
};

}  // namespace

Recognised read_item(ByteSpan bytes) {
  if (const PlatformItem report = kind_of_report(bytes); report != PlatformItem::other) return {report, bytes};
  if (const PlatformItem text = kind_of_text(as_text(bytes)); text != PlatformItem::other) return {text, bytes};
  return Reader(bytes).read();
}

std::vector<Recognised> read_items(std::span<const Bytes> items) {
  std::vector<Recognised> out;
  out.reserve(items.size());
  for (const Bytes& item : items) out.push_back(read_item(item));
  return out;
}

PlatformItem recognise(ByteSpan bytes) { return read_item(bytes).kind; }

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

std::vector<const x509::Certificate*> certificates_in(std::span<const Recognised> items) {
  std::vector<const x509::Certificate*> out;
  for (const Recognised& item : items) {
    const auto* read = item.as<std::vector<x509::Certificate>>();
    if (read == nullptr) continue;
    for (const x509::Certificate& certificate : *read) out.push_back(&certificate);
  }
  return out;
}

std::vector<x509::CrlView> lists_in(std::span<const Recognised> items) {
  std::vector<x509::CrlView> out;
  for (const Recognised& item : items) {
    if (const auto* list = item.as<x509::Crl>()) out.push_back({list, item.bytes});
  }
  return out;
}

std::vector<ByteSpan> all_of(std::span<const Recognised> items, PlatformItem kind) {
  std::vector<ByteSpan> out;
  for (const Recognised& item : items) {
    if (item.kind == kind) out.push_back(item.bytes);
  }
  return out;
}

}  // namespace openpcc::attest
