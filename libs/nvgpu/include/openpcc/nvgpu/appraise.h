// Whether what genuine reports say is acceptable: of one device, and of all devices of a machine. Demands are data; every check gives a finding, so
// that nothing is left out unseen.
#pragma once

#include <map>
#include <set>

#include "openpcc/appraisal/finding.h"
#include "openpcc/nvgpu/compare.h"

namespace openpcc::nvgpu {

// MinimumVbios is of one architecture. Each board has versions of its own, so that one number says little of another board's.
struct MinimumVbios {
  std::string any;                                         // "96.00.9F.00.00", of boards that are not named; empty: they are refused
  std::map<std::string, std::string, std::less<>> boards;  // by Report::board()
};

struct Demands {
  std::set<Architecture> architectures{Architecture::hopper, Architecture::blackwell, Architecture::ls10};  // that are taken
  std::string min_driver;                               // "550.90.07"; empty: not checked
  std::map<Architecture, MinimumVbios> min_vbios;       // none: not checked
  std::set<Mode> modes;                                 // of FEATURE_FLAG; none: not checked
  std::set<Digest> fwids;                               // firmware for which leaves were made; none: not checked
  std::optional<Nonce> nonce;                           // none: not checked
  UnixSeconds max_revocation_age_s = kRevocationAge_s;  // of Statements, which whoever verifies fills in
  bool require_manifests = false;                       // of driver and VBIOS
  bool require_revocation = false;                      // every certificate between leaf and root found good, those of the manifests too
  bool require_fwid = false;                            // a driver that reports which firmware the leaf is of
};

// appraise judges each of, in this order. CC mode and ready state stand in no report: they are not provable.
//   nvgpu.ocsp.missing  nvgpu.chip.excluded  nvgpu.driver.minimum  nvgpu.vbios.minimum  nvgpu.fwid.missing, .value  nvgpu.feature_flag
//   rim.overlap, rim.measurement.missing, rim.measurement.mismatch, rim.missing  nvgpu.nonce
appraisal::Findings appraise(const VerifiedReport& verified, const Software& software, const Demands& demands);

struct SetDemands {
  std::optional<size_t> gpus, switches;  // how many there must be; none: not checked
};
// appraise_set judges the devices of one machine together, under Aspect::platform.
//   nvgpu.set.count      not as many GPUs or switches as demanded
//   nvgpu.set.kind       GPUs of different chips, or switches without a GPU
//   nvgpu.set.duplicate  a device twice, by its leaf or by its id        nvgpu.set.nonce   answers to different nonces
//   nvgpu.set.topology   a GPU's switches are not the attested ones, or a switch's GPUs are not the attested ones: where there are switches, or
//                        where GPUs say that they use protected PCIe
appraisal::Findings appraise_set(std::span<const VerifiedReport> devices, const SetDemands& demands);

// at_least compares versions part by part, driver versions decimally and VBIOS versions hexadecimally. nullopt: one of them is no version.
std::optional<bool> at_least(std::string_view version, std::string_view minimum, int base);

}  // namespace openpcc::nvgpu
