#include <charconv>

#include "fields.h"
#include "openpcc/measure/explain.h"

namespace openpcc::measure {
namespace {

template <std::unsigned_integral T>
std::optional<T> number_of(std::string_view text) {
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  T out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// take cuts the text before the next separator off the front.
std::string_view take(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view out = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return out;
}

std::optional<std::vector<SevSection>> sections_of(std::string_view text) {
  std::vector<SevSection> out;
  while (!text.empty()) {
    std::string_view row = take(text, ' ');
    const auto gpa = number_of<uint32_t>(take(row, '+'));
    const auto size = number_of<uint32_t>(take(row, ':'));
    const auto type = number_of<uint32_t>(row);
    if (!gpa || !size || !type || out.size() == kSectionsMax || *size / kPageBytes > kSectionPagesMax || *size % kPageBytes != 0)
      return std::nullopt;
    out.push_back({*gpa, *size, static_cast<SevSectionType>(*type)});
  }
  return out;
}

std::optional<KernelHashes> kernel_of(const Measurement& measurement) {
  KernelHashes out;
  for (const auto& [name, digest] :
       {std::pair{"cmdline.sha256", &out.cmdline}, {"initrd.sha256", &out.initrd}, {"kernel.sha256", &out.kernel}}) {
    const auto bytes = from_hex(measurement.parameter(name));
    if (!bytes || bytes->size() != digest->size()) return std::nullopt;
    std::ranges::copy(*bytes, digest->begin());
  }
  return out;
}

// firmware_of takes the firmware's pages from the trace.
std::optional<SnpFirmware> firmware_of(const Measurement& measurement) {
  const auto sections = sections_of(measurement.parameter("firmware.sections"));
  const auto reset = number_of<uint32_t>(measurement.parameter("firmware.reset"));
  if (!sections || !reset) return std::nullopt;
  SnpFirmware out;
  out.metadata = {*sections, *reset, number_of<uint32_t>(measurement.parameter("firmware.hashes"))};
  for (const Extend& step : measurement.trace) {
    if (step.input != "firmware") continue;
    if (step.digest.size() != 48 || !step.gpa) return std::nullopt;
    if (out.pages.empty()) out.base = *step.gpa;
    std::ranges::copy(step.digest, out.pages.emplace_back().begin());
  }
  return out;
}

}  // namespace

void describe_launch(const SnpLaunch& launch, Measurement& out) {
  const SevMetadata& metadata = launch.firmware.metadata;
  std::string sections;
  for (const SevSection& s : metadata.sections) {
    sections += (sections.empty() ? "" : " ") + hex_text(s.gpa) + "+" + hex_text(s.size) + ":" + hex_text(static_cast<uint32_t>(s.type));
  }
  const auto add = [&](std::string name, std::string value) { out.parameters.emplace_back(std::move(name), std::move(value)); };
  add("vmm", std::string(to_string(launch.vmm)));
  add("vcpus", std::to_string(launch.vcpus));
  add("signature", hex_text(launch.signature));
  add("sev_features", hex_text(launch.sev_features));
  add("firmware.sections", sections);
  add("firmware.reset", hex_text(metadata.reset_eip));
  if (metadata.hashes_gpa) add("firmware.hashes", hex_text(*metadata.hashes_gpa));
  if (!launch.kernel) return;
  add("cmdline.sha256", to_hex(launch.kernel->cmdline));
  add("initrd.sha256", to_hex(launch.kernel->initrd));
  add("kernel.sha256", to_hex(launch.kernel->kernel));
}

std::optional<SnpLaunch> launch_of(const Measurement& measurement) {
  const auto vmm = vmm_of(measurement.parameter("vmm"));
  const auto vcpus = number_of<uint32_t>(measurement.parameter("vcpus"));
  const auto signature = number_of<uint32_t>(measurement.parameter("signature"));
  const auto features = number_of<uint64_t>(measurement.parameter("sev_features"));
  auto firmware = firmware_of(measurement);
  if (measurement.technology != "snp" || !vmm || !vcpus || !signature || !features || !firmware) return std::nullopt;
  return SnpLaunch{std::move(*firmware), kernel_of(measurement), *vmm, *vcpus, *signature, *features, std::nullopt};
}

}  // namespace openpcc::measure
