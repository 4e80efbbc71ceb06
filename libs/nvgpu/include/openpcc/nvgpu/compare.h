// Whether what a device measured is what NVIDIA's manifests say. A manifest's index is one below SPDM's.
#pragma once

#include "openpcc/nvgpu/manifest.h"
#include "openpcc/nvgpu/verify.h"

namespace openpcc::nvgpu {

// Part is what a manifest describes.
enum class Part : uint8_t { driver, vbios };
std::string_view to_string(Part part);

// Comparison is a report against one manifest. Every active entry was compared.
struct Comparison {
  Part part;
  size_t compared = 0;
  std::vector<uint8_t> missing, different;  // the manifest's indices
  bool matches() const { return compared > 0 && missing.empty() && different.empty(); }
};
// compare leaves out what the manifest marks inactive, and the entry of decoder 0 where that is switched off.
//   rim.product   the manifest is for another chip or kind        rim.version   neither for the report's driver nor for its VBIOS
Result<Comparison> compare(const VerifiedReport& verified, const VerifiedManifest& manifest);

// Software is a report against all manifests of its device.
struct Software {
  std::optional<Comparison> driver, vbios;  // of the manifests chosen
  const VerifiedManifest* driver_manifest = nullptr;
  const VerifiedManifest* vbios_manifest = nullptr;
  std::vector<Error> failures;
  // complete: whatever such a device must have a manifest for, has one.
  bool complete(const Device& device) const { return vbios && (driver || device.is_switch()); }
};
// measure takes the manifests that are of this device and its versions; of several for one part, one that matches whole. The others are left out.
// The manifests outlive the result.
//   rim.overlap               driver's and VBIOS's are both active at an index
//   rim.measurement.missing   the report has no measurement at an active index        rim.measurement.mismatch   it has another
Software measure(const VerifiedReport& verified, std::span<const VerifiedManifest> manifests);

}  // namespace openpcc::nvgpu
