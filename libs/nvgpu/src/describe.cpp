#include "openpcc/nvgpu/describe.h"

#include "openpcc/core/describe.h"

namespace openpcc::nvgpu {
namespace {

constexpr size_t kResponseAt = kRequestBytes;
constexpr size_t kBlocksAt = kResponseAt + 8;
constexpr size_t kBlockBytes = 7 + kDigestBytes;

std::string pdi_list(const std::vector<Pdi>& list) {
  std::string out;
  for (const Pdi& pdi : list) {
    const std::string text = to_hex(pdi);
    if (out.find(text) == std::string::npos) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

std::string yes_no(const std::optional<bool>& value, std::string_view yes, std::string_view no) {
  return value ? std::string(*value ? yes : no) : std::string();
}

std::string meaning_of(const Report& r, Field field) {
  switch (field) {
    case Field::driver_version: return r.driver_version.value_or("");
    case Field::vbios_version: return r.vbios_version;
    case Field::nvdec0_status: return yes_no(r.nvdec0_enabled, "decoder 0 is on", "decoder 0 is off: measurement 36 is not compared");
    case Field::chip_sku:
    case Field::chip_sku_mod:
    case Field::project:
    case Field::project_sku:
    case Field::project_sku_mod: return r.text(field);
    case Field::fwid: return "the firmware that the leaf must be of";
    case Field::protected_pcie_status: return yes_no(r.protected_pcie, "protected PCIe is on", "protected PCIe is off");
    case Field::switch_pdi: return (r.driver_version ? "connected to switches " : "this switch: ") + pdi_list(r.switch_pdis);
    case Field::switch_gpu_pdis: return "connected to GPUs " + pdi_list(r.switch_gpu_pdis);
    case Field::feature_flag: return r.mode ? std::string(to_string(*r.mode)) : "";
    default: return {};
  }
}

}  // namespace

appraisal::Fields describe(const Report& r) {
  appraisal::Fields out;
  out.push_back({"request NONCE", 4, kNonceBytes, to_hex(r.nonce), "what the verifier asked with"});
  out.push_back({"request SLOT", 36, 1, std::to_string(r.slot), ""});
  for (size_t i = 0; i < r.measurements.size(); ++i) {
    const Digest& value = r.measurements[i].value;
    out.push_back({"measurement " + std::to_string(i + 1), kBlocksAt + i * kBlockBytes + 7, kDigestBytes, to_hex(value),
                   is_zero(value) ? "nothing measured" : "index " + std::to_string(i) + " of manifests"});
  }
  const size_t nonce_at = kBlocksAt + r.measurements.size() * kBlockBytes;
  out.push_back({"response NONCE", nonce_at, kNonceBytes, to_hex(r.responder_nonce), "the device's own"});
  for (const auto& [type, field] : r.opaque) {
    out.push_back({name_of(type), field.offset, field.value.size(), to_hex(field.value), meaning_of(r, static_cast<Field>(type))});
  }
  out.push_back({"SIGNATURE", r.signed_bytes, kSignatureBytes, to_hex(r.signature), "ECDSA P-384 with SHA-384, of the leaf"});
  return out;
}

}  // namespace openpcc::nvgpu
