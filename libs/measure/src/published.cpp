#include "openpcc/measure/published.h"

#include <algorithm>
#include <array>

namespace openpcc::measure {
namespace {

// The vectors of sev-snp-measure, by what decides about the way through this library.
struct SnpPair {
  Vmm vmm;
  bool kernel;
  bool aps;  // more than one vCPU
  std::string_view pair;
};
constexpr std::array<SnpPair, 5> kSnpPairs{{{Vmm::qemu, true, false, "virtee/sev-snp-measure snp_default"},
                                            {Vmm::qemu, true, true, "virtee/sev-snp-measure snp_4vcpu"},
                                            {Vmm::qemu, false, false, "virtee/sev-snp-measure snp_without_kernel"},
                                            {Vmm::ec2, true, false, "virtee/sev-snp-measure snp_ec2"},
                                            {Vmm::gce, true, true, "virtee/sev-snp-measure snp_gce_4vcpu"}}};

std::string_view pair_for(auto&& matches) {
  const auto found = std::ranges::find_if(kSnpPairs, matches);
  return found == kSnpPairs.end() ? std::string_view() : found->pair;
}

}  // namespace

std::vector<Proof> snp_proofs(const SnpLaunch& launch) {
  const bool kernel = launch.kernel.has_value();
  const auto order = pair_for([&](const SnpPair& p) { return p.vmm == launch.vmm && p.kernel == kernel; });
  const auto first = pair_for([&](const SnpPair& p) { return p.vmm == launch.vmm; });
  const auto further = pair_for([&](const SnpPair& p) { return p.vmm == launch.vmm && p.aps; });
  std::vector<Proof> out{{kernel ? "order of pages, with a kernel" : "order of pages, without a kernel", std::string(order)}};
  out.push_back({"state of the first vCPU", std::string(first)});
  if (launch.vcpus > 1) out.push_back({"state of further vCPUs", std::string(further)});
  if (launch.vmm == Vmm::qemu && launch.signature != cpu_signature("EPYC-v4")) out.push_back({"vCPU types other than EPYC-v4", ""});
  if (launch.sev_features != 1 && launch.sev_features != 0x21) out.push_back({"SEV_FEATURES other than 0x1 and 0x21", ""});
  return out;
}

std::vector<Proof> tdx_proofs(const TdxWays& ways) {
  std::vector<Proof> out;
  if (ways.firmware) out.push_back({"MRTD of a firmware file", ""});
  if (ways.gcp) out.push_back({"MRTD of Google's description", "gcp-tdx-firmware.yaml, the quote v4-gcp-flashbots"});
  if (ways.rtmr0 && ways.gcp) {
    out.push_back({"hand-off block of Google's description", "event log google-cos113, 16 GiB"});
    out.push_back({"RTMR0 of Google's firmware", ""});
  } else if (ways.rtmr0) {
    out.push_back({"hand-off block of QEMU", "event logs dstack-lite, 2 GiB, and dstack-report, 64 GiB"});
    out.push_back({"RTMR0", "the quotes v4-dstack-lite and v4-dstack-report, with cfv and the ACPI digests of their logs"});
  }
  if (ways.direct) {
    out.push_back({"RTMR1 and RTMR2 from the parts' digests", "the quote v4-dstack-lite and its measurement document"});
    out.push_back({"digest of the kernel as QEMU patches it", ""});
    out.push_back({"digest of the command line", ""});
  }
  if (ways.disk) {
    out.push_back({"RTMR1 and RTMR2 of a boot from a disk: order, constants, names of sections", "event log trustee-gke"});
    out.push_back({"RTMR1 and RTMR2 of a boot from a disk: executables, contents of sections, partition table", ""});
  }
  if (ways.extends) out.push_back({"what --extend adds", ""});
  return out;
}

std::vector<Proof> tpm_proofs(const TpmWays& ways) {
  std::vector<Proof> out;
  if (ways.secure_boot) {
    out.push_back(
        {"PCR 7", "event log ubuntu-2404-amd-sevsnp, from Google's and Microsoft's certificates, with dbx and SbatLevel of the log"});
  }
  if (ways.authorities) out.push_back({"PCR 7: authorities", ""});
  if (ways.executables) out.push_back({"PCR 4: order and constants", "event log ubuntu-2404-amd-sevsnp"});
  if (ways.executables) out.push_back({"PCR 4: digests of executables", "the digests that Debian's signed boot loaders carry"});
  if (ways.disk) out.push_back({"PCR 5", "a virtual machine's own boot (tests/boot)"});
  if (ways.uki && ways.stub == 252u) out.push_back({"PCR 11", "systemd-measure 252"});
  if (ways.uki && ways.stub != 252u) out.push_back({"PCR 11: names and order of sections", "event log dstack-tpm"});
  if (ways.uki && ways.stub != 252u) out.push_back({"PCR 11 of a stub other than systemd 252", ""});
  if (ways.phases) out.push_back({"PCR 11: phases", ways.stub == 252u ? "systemd-measure 252" : ""});
  if (ways.kernel_stub) out.push_back({"PCR 9: command line and initrd", "a virtual machine's own boot (tests/boot)"});
  if (ways.extends) out.push_back({"what --extend adds", ""});
  return out;
}

}  // namespace openpcc::measure
