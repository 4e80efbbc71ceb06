#include "snp_causes.h"

#include <functional>
#include <set>

#include "fields.h"

namespace openpcc::measure {
namespace {

constexpr uint32_t kTriedVcpus = 512;
constexpr size_t kCausesMax = 3;

// Change is something done otherwise; applying it gives another launch. No text: nothing is changed.
struct Change {
  std::string text;
  std::function<void(SnpLaunch&)> apply = [](SnpLaunch&) {};
};

std::vector<Change> vmm_changes(const SnpLaunch& launch) {
  std::vector<Change> out(1);
  for (const Vmm vmm : {Vmm::qemu, Vmm::ec2, Vmm::gce}) {
    if (vmm != launch.vmm) out.push_back({"launched by " + std::string(to_string(vmm)), [vmm](SnpLaunch& l) { l.vmm = vmm; }});
  }
  return out;
}

// kernel_changes: no kernel; the command line without its terminator, or empty; no initrd.
std::vector<Change> kernel_changes(const Measurement& expected, const SnpLaunch& launch) {
  std::vector<Change> out(1);
  if (!launch.kernel) return out;
  out.push_back({"no kernel", [](SnpLaunch& l) { l.kernel.reset(); }});
  const auto cmdline = [&](std::string text, const crypto::Sha256Digest& hash) {
    out.push_back({std::move(text), [hash](SnpLaunch& l) { l.kernel->cmdline = hash; }});
  };
  const std::string append(expected.parameter("append"));
  cmdline("the command line hashed without its NUL", crypto::sha256(as_bytes(append)));
  cmdline("an empty command line", crypto::sha256(Bytes{0}));
  cmdline("the command line with a line feed", crypto::sha256({as_bytes(append), Bytes{'\n', 0}}));
  out.push_back({"no initrd", [](SnpLaunch& l) { l.kernel->initrd = crypto::sha256(ByteSpan()); }});
  return out;
}

std::vector<Change> cpu_changes(const SnpLaunch& launch) {
  std::vector<Change> out(1);
  std::set<uint32_t> seen{launch.signature};
  for (const CpuType& type : cpu_types()) {
    if (!seen.insert(type.signature).second) continue;
    out.push_back({"vCPU type " + std::string(type.name), [s = type.signature](SnpLaunch& l) { l.signature = s; }});
  }
  for (const uint64_t rdx : {uint64_t{0}, uint64_t{0x600}}) {
    out.push_back({"RDX " + hex_text(rdx) + " at reset", [rdx](SnpLaunch& l) { l.rdx = rdx; }});
  }
  return out;
}

std::vector<Change> feature_changes(const SnpLaunch& launch) {
  std::vector<Change> out(1);
  for (const uint64_t features : {0x1u, 0x21u, 0x5u, 0x9u, 0x29u}) {
    if (features != launch.sev_features)
      out.push_back({"SEV_FEATURES " + hex_text(features), [features](SnpLaunch& l) { l.sev_features = features; }});
  }
  return out;
}

// vcpus_for finds how many virtual CPUs lead from `value` to what was seen.
std::optional<uint32_t> vcpus_for(const SnpLaunch& launch, crypto::Sha384Digest value, ByteSpan seen) {
  const Page first = vcpu_page(launch, 0), further = vcpu_page(launch, 1);
  for (uint32_t n = 0; n < kTriedVcpus; ++n) {
    value = extend_digest(value, n == 0 ? first : further);
    if (equal(value, seen)) return n + 1;
  }
  return std::nullopt;
}

struct Cause {
  size_t changes;
  std::string text;
};

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

// try_processors looks through types, features and numbers of vCPUs after the pages of one launch.
void try_processors(const SnpLaunch& base, const std::vector<std::string>& before, const SnpLaunch& original, ByteSpan seen,
                    std::vector<Cause>& out) {
  const auto pages = pages_before_vcpus(base);
  if (!pages) return;
  crypto::Sha384Digest value{};
  for (const Page& page : *pages) value = extend_digest(value, page);
  for (const Change& cpu : cpu_changes(original)) {
    for (const Change& features : feature_changes(original)) {
      SnpLaunch launch = base;
      cpu.apply(launch);
      features.apply(launch);
      const auto vcpus = vcpus_for(launch, value, seen);
      if (!vcpus) continue;
      std::vector<std::string> texts = before;
      texts.insert(texts.end(), {cpu.text, features.text});
      if (*vcpus != original.vcpus) texts.push_back(std::to_string(*vcpus) + (*vcpus == 1 ? " vCPU" : " vCPUs"));
      out.push_back({texts.size() - static_cast<size_t>(std::ranges::count(texts, std::string())), joined(texts)});
    }
  }
}

}  // namespace

std::vector<std::string> snp_causes(const Measurement& expected, const SnpLaunch& launch, ByteSpan seen) {
  std::vector<Cause> found;
  for (const Change& vmm : vmm_changes(launch)) {
    for (const Change& kernel : kernel_changes(expected, launch)) {
      SnpLaunch changed = launch;
      vmm.apply(changed);
      kernel.apply(changed);
      try_processors(changed, {vmm.text, kernel.text}, launch, seen, found);
    }
  }
  std::vector<std::string> out;
  const auto fewest = std::ranges::min_element(found, {}, &Cause::changes);
  for (const Cause& cause : found) {
    if (cause.changes == fewest->changes && out.size() < kCausesMax && !cause.text.empty()) out.push_back(cause.text);
  }
  return out;
}

}  // namespace openpcc::measure
