// What vouches for a device or for a manifest: chains of certificates up to a pinned key, and statements that nothing in them was revoked.
#pragma once

#include <set>
#include <span>

#include "openpcc/crypto/hash.h"
#include "openpcc/nvgpu/report.h"
#include "openpcc/x509/ocsp.h"

namespace openpcc::nvgpu {

inline constexpr size_t kDeviceCertificates = 5;  // leaf, boot ROM, provisioner, identity, root
inline constexpr size_t kChainBytesMax = 32u << 10;

// PinnedKey is the SHA-256 of a root's SubjectPublicKeyInfo.
using PinnedKey = std::array<uint8_t, 32>;
std::span<const PinnedKey> device_roots();    // "NVIDIA Device Identity CA"
std::span<const PinnedKey> manifest_roots();  // "NVIDIA CoRIM signing Root CA"

// A statement of revocation that its maker lets hold for long could be shown for as long; who shows it chooses which. So one counts for a week, however
// far away its nextUpdate, unless a policy says otherwise.
inline constexpr UnixSeconds kRevocationAge_s = 7 * 86'400;

// Statements are stapled answers about a chain's certificates and lists of its issuers, each DER. Views: what they show outlives the call.
struct Statements {
  std::vector<ByteSpan> ocsp;
  std::vector<ByteSpan> crls;
  UnixSeconds age_max_s = kRevocationAge_s;  // since thisUpdate
};

// CheckedLinks remembers which certificates were found to be signed by which, so that a set of devices and manifests, whose chains are mostly the
// same, pays for each signature once. Give one object to all verifications of a set.
class CheckedLinks {
 public:
  bool contains(const crypto::Sha256Digest& link) const { return links_.contains(link); }
  void add(const crypto::Sha256Digest& link) { links_.insert(link); }

 private:
  std::set<crypto::Sha256Digest> links_;
};

enum class Architecture : uint8_t { hopper, blackwell, ls10 };
std::string_view to_string(Architecture architecture);  // "Hopper"

// Device is what the certificates say of the device.
struct Device {
  Architecture architecture = Architecture::hopper;
  std::string chip;   // "GH100", "LS10"
  std::string model;  // the leaf's name: "GH100 A01 GSP FMC LF"
  Bytes ueid;         // NVIDIA's name for the leaf, its serial number: it changes with the firmware
  Pdi id{};           // of the chip, from its boot ROM's certificate: devices name each other by it
  Digest fwid{};      // of the firmware for which the leaf was made
  bool is_switch() const { return architecture == Architecture::ls10; }
};
// read_device reads a chain of kDeviceCertificates.
//   nvgpu.chip.unknown    the leaf's name begins with no known chip (unsupported)
//   nvgpu.chip.mismatch   leaf, boot ROM and provisioner are not of one chip, or the boot ROM's serial number holds no id
//   nvgpu.fwid.syntax     the leaf has not one of the two DICE extensions, or no SHA-384 digest in it
Result<Device> read_device(std::span<const x509::Certificate> chain);

}  // namespace openpcc::nvgpu
