#include "kinds.h"

#include <algorithm>

#include "kind_azure.h"
#include "openpcc/attest/azure_binding.h"
#include "openpcc/attest/verify.h"
#include "seen.h"

namespace openpcc::attest {
namespace {

using policy::DevelopmentPolicy;
using policy::ProductionPolicy;

// certificate_of takes the one certificate that a simulated device has.
Result<ByteSpan> certificate_of(const Device& device) {
  if (device.chain.size() != 1 || device.chain[0].media_type != sim::kCertificateType) {
    return fail(Code::malformed, "attest.kind.chain", "a simulated device has one certificate");
  }
  if (!device.collateral.empty()) return fail(Code::malformed, "attest.kind.collateral", "a simulated device has none");
  return ByteSpan(device.chain[0].bytes);
}

template <size_t N>
Bytes copy(const std::array<uint8_t, N>& a) {
  return Bytes(a.begin(), a.end());
}

Result<Findings> verify_sim_cpu(const Device& device, const DevelopmentPolicy& policy, UnixSeconds /*now*/) {
  OPENPCC_LET(const ByteSpan certificate, certificate_of(device));
  OPENPCC_LET(const sim::VerifiedCpu verified, sim::verify_cpu(device.report.bytes, certificate, policy.sim_cpu_root()));
  const sim::CpuFields& f = verified.fields();
  return Findings{copy(f.chip_id), copy(f.measurement), f.tcb, f.debug, copy(f.report_data), "simulated CPU root"};
}

Result<Findings> verify_sim_gpu(const Device& device, const DevelopmentPolicy& policy, UnixSeconds /*now*/, Seen& /*seen*/) {
  OPENPCC_LET(const ByteSpan certificate, certificate_of(device));
  OPENPCC_LET(const sim::VerifiedGpu verified, sim::verify_gpu(device.report.bytes, certificate, policy.sim_gpu_root()));
  const sim::GpuFields& f = verified.fields();
  return Findings{copy(f.device_id), copy(f.measurement), f.tcb, f.debug, copy(f.nonce), "simulated GPU root"};
}

constexpr Kind<DevelopmentPolicy> kDevelopmentCpus[] = {{sim::kCpuType, true, "sim.certificate.root", verify_sim_cpu}};
constexpr GpuKind<DevelopmentPolicy> kDevelopmentGpus[] = {{sim::kGpuType, true, "sim.certificate.root", verify_sim_gpu}};

constexpr Kind<ProductionPolicy> kProductionCpus[] = {{kSnpReportType, false, "snp.chain.root", verify_snp_machine},
                                                      {kTdxQuoteType, false, "tdx.pck.root", verify_tdx_machine},
                                                      {kAzureSnpType, false, "snp.chain.root", verify_azure_machine},
                                                      {kAzureTdxType, false, "tdx.pck.root", verify_azure_machine}};

constexpr GpuKind<ProductionPolicy> kProductionGpus[] = {{kNvidiaReportType, false, "nvgpu.chain.root", verify_nvidia_gpu}};

template <class AnyKind>
Result<const AnyKind*> find(std::span<const AnyKind> kinds, std::string_view media_type) {
  const auto kind = std::ranges::find(kinds, media_type, &AnyKind::media_type);
  if (kind != kinds.end()) return &*kind;
  if (is_simulated(media_type)) return fail(Code::rejected, "attest.kind.simulated", std::string(media_type));
  return fail(Code::unsupported, "attest.kind.unknown", std::string(media_type));
}

template <class PolicyType>
Result<Examined> examine_under(const Evidence& evidence, const PolicyType& policy, UnixSeconds now) {
  OPENPCC_LET(const Kind<PolicyType>* cpu, find(cpu_kinds<PolicyType>(), evidence.cpu().report.media_type));
  Examined out{cpu->verify(evidence.cpu(), policy, now), {}, cpu->root_rule, cpu->root_rule, cpu->simulated};
  Seen seen;
  for (const Device& device : evidence.gpus()) {
    OPENPCC_LET(const GpuKind<PolicyType>* gpu, find(gpu_kinds<PolicyType>(), device.report.media_type));
    out.gpus.push_back(gpu->verify(device, policy, now, seen));
    out.gpu_root_rule = gpu->root_rule;
    out.simulated |= gpu->simulated;
  }
  return out;
}

}  // namespace

template <>
std::span<const Kind<DevelopmentPolicy>> cpu_kinds() {
  return kDevelopmentCpus;
}
template <>
std::span<const GpuKind<DevelopmentPolicy>> gpu_kinds() {
  return kDevelopmentGpus;
}
template <>
std::span<const Kind<ProductionPolicy>> cpu_kinds() {
  return kProductionCpus;
}
template <>
std::span<const GpuKind<ProductionPolicy>> gpu_kinds() {
  return kProductionGpus;
}

bool is_simulated(std::string_view media_type) {
  const auto simulated = [&](const auto& kind) { return kind.simulated && kind.media_type == media_type; };
  return std::ranges::any_of(kDevelopmentCpus, simulated) || std::ranges::any_of(kDevelopmentGpus, simulated);
}

Result<Examined> examine(const Evidence& evidence, const policy::Policy& policy, UnixSeconds now) {
  return std::visit([&](const auto& p) { return examine_under(evidence, p, now); }, policy);
}

}  // namespace openpcc::attest
