#include "openpcc/nvgpu/compare.h"

#include <algorithm>

namespace openpcc::nvgpu {
namespace {

constexpr uint8_t kDecoder0 = 35;  // of the driver's manifest

std::string listed(const std::vector<uint8_t>& indices) {
  std::string out;
  for (const uint8_t index : indices) out += (out.empty() ? "" : ", ") + std::to_string(index);
  return out;
}

Result<Part> part_of(const Manifest& manifest, const VerifiedReport& verified) {
  const Device& device = verified.device();
  const std::string kind = device.is_switch() ? "SWITCH" : "GPU";
  if (manifest.product != device.chip || manifest.edition != kind) {
    return fail(Code::verification_failed, "rim.product", manifest.edition + " " + manifest.product + ", not " + kind + " " + device.chip);
  }
  const Report& report = verified.report();
  if (manifest.version == report.driver_version) return Part::driver;
  if (manifest.version == report.vbios_version) return Part::vbios;
  return fail(
      Code::verification_failed, "rim.version",
      manifest.version + " is neither the driver, " + report.driver_version.value_or("none") + ", nor the VBIOS, " + report.vbios_version);
}

bool overlap(const Manifest& a, const Manifest& b) {
  return std::ranges::any_of(a.references, [&](const Reference& of_a) {
    return of_a.active && std::ranges::any_of(b.references, [&](const Reference& of_b) { return of_b.active && of_b.index == of_a.index; });
  });
}

}  // namespace

std::string_view to_string(Part part) { return part == Part::driver ? "driver" : "VBIOS"; }

Result<Comparison> compare(const VerifiedReport& verified, const VerifiedManifest& manifest) {
  OPENPCC_LET(const Part part, part_of(manifest.manifest(), verified));
  Comparison out{part, 0, {}, {}};
  const std::vector<Measurement>& measurements = verified.report().measurements;
  const bool decoder0 = verified.report().nvdec0_enabled.value_or(true);
  for (const Reference& reference : manifest.manifest().references) {
    if (!reference.active || (reference.index == kDecoder0 && !decoder0)) continue;
    ++out.compared;
    if (reference.index >= measurements.size()) {
      out.missing.push_back(reference.index);
    } else if (std::ranges::find(reference.alternatives, measurements[reference.index].value) == reference.alternatives.end()) {
      out.different.push_back(reference.index);
    }
  }
  return out;
}

Software measure(const VerifiedReport& verified, std::span<const VerifiedManifest> manifests) {
  Software out;
  for (const VerifiedManifest& manifest : manifests) {
    auto comparison = compare(verified, manifest);
    if (!comparison) continue;
    const bool of_driver = comparison->part == Part::driver;
    auto& chosen = of_driver ? out.driver : out.vbios;
    if (chosen && (chosen->matches() || !comparison->matches())) continue;
    chosen = std::move(*comparison);
    (of_driver ? out.driver_manifest : out.vbios_manifest) = &manifest;
  }
  if (out.driver && out.vbios && overlap(out.driver_manifest->manifest(), out.vbios_manifest->manifest())) {
    out.failures.push_back(fail(Code::verification_failed, "rim.overlap", "two manifests are active at one index").error());
  }
  for (const auto& comparison : {out.driver, out.vbios}) {
    if (!comparison) continue;
    const std::string part(to_string(comparison->part));
    if (!comparison->missing.empty()) {
      out.failures.push_back(
          fail(Code::verification_failed, "rim.measurement.missing", part + ", index " + listed(comparison->missing)).error());
    }
    if (!comparison->different.empty()) {
      out.failures.push_back(
          fail(Code::verification_failed, "rim.measurement.mismatch", part + ", index " + listed(comparison->different)).error());
    }
  }
  return out;
}

}  // namespace openpcc::nvgpu
