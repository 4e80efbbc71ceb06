// The attestation report of an NVIDIA GPU or NVSwitch, as its bytes: an SPDM 1.1 request for measurements (DSP0274 s10.11) and the response to it,
// with NVIDIA's fields in the opaque data. Parsing says nothing about who made it; verify.h does.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::nvgpu {

inline constexpr size_t kReportBytesMax = 16u << 10;
inline constexpr size_t kRequestBytes = 37;
inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kDigestBytes = 48;     // of SHA-384: measurements and firmware ids
inline constexpr size_t kSignatureBytes = 96;  // r ‖ s of P-384, big-endian

using Nonce = std::array<uint8_t, kNonceBytes>;
using Digest = std::array<uint8_t, kDigestBytes>;
// Pdi is the "per-device identifier" by which GPUs and switches name each other.
using Pdi = std::array<uint8_t, 8>;

// The types of opaque fields, by NVIDIA's names. There are more, and there will be others.
enum class Field : uint16_t {
  certificate_issuer_name = 1,
  authority_key_identifier = 2,
  driver_version = 3,
  gpu_info = 4,
  sku = 5,
  vbios_version = 6,
  manufacturer_id = 7,
  tamper_detection = 8,
  smc = 9,
  vpr = 10,
  nvdec0_status = 11,
  msrscnt = 12,
  cprinfo = 13,
  board_id = 14,
  chip_sku = 15,
  chip_sku_mod = 16,
  project = 17,
  project_sku = 18,
  project_sku_mod = 19,
  fwid = 20,
  protected_pcie_status = 21,
  switch_pdi = 22,
  floorswept_ports = 23,
  position_id = 24,
  lock_switch_status = 25,
  switch_gpu_pdis = 26,
  gpu_link_conn = 32,
  sys_enable_status = 33,
  opaque_data_version = 34,
  chip_info = 35,
  feature_flag = 36,
};
// name_of is NVIDIA's name, "DRIVER_VERSION"; "type 99" of another.
std::string name_of(uint16_t type);

// Mode is what FEATURE_FLAG says of the use of GPUs.
enum class Mode : uint16_t { single = 0, multiple = 1, protected_pcie = 2 };
std::string_view to_string(Mode mode);  // "protected PCIe"

struct Measurement {
  uint8_t type;  // DMTFSpecMeasurementValueType
  Digest value;
};

struct OpaqueField {
  size_t offset;  // of its value, from the report's start
  Bytes value;
};

struct Report {
  Nonce nonce{};  // the request's: what a verifier asked with
  uint8_t slot = 0;
  Nonce responder_nonce{};
  std::vector<Measurement> measurements;  // SPDM's index is one more
  std::map<uint16_t, OpaqueField> opaque;

  std::string vbios_version;                  // "96.00.5E.00.01"
  std::optional<std::string> driver_version;  // "550.90.07"; GPUs alone
  std::optional<bool> nvdec0_enabled;
  std::optional<Digest> fwid;
  std::optional<Mode> mode;
  std::optional<bool> protected_pcie;
  std::vector<Pdi> switch_pdis;      // a GPU's: of the switch at each link; a switch's: its own
  std::vector<Pdi> switch_gpu_pdis;  // a switch's: of its GPUs, those of zeros and ones left out

  size_t signed_bytes = 0;  // what the signature covers, from the report's start
  std::array<uint8_t, kSignatureBytes> signature{};

  // text is an opaque field of characters, without the NULs after it; empty where the field is absent.
  std::string text(Field field) const;
  // board is PROJECT and PROJECT_SKU, "G520-0200"; empty where the report does not say, as a switch's.
  std::string board() const;
};

// parse_report reads exactly one report, front to back.
//   nvgpu.size      over kReportBytesMax (limit), cut short, or a length beyond its end
//   nvgpu.request   not GET_MEASUREMENTS of SPDM 1.1 for all measurements, signed        nvgpu.response   not the response to it
//   nvgpu.block     measurements not 1 to n in order, not digests of 48 bytes, or not as long as the record says
//   nvgpu.opaque    fields that do not fill their length, come twice, are missing, or have another size or spelling than their type
//   nvgpu.trailing  bytes after the signature
Result<Report> parse_report(ByteSpan bytes);

}  // namespace openpcc::nvgpu
