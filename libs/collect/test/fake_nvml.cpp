#include "fake_nvml.h"

#include <algorithm>
#include <cstring>

#define EXPORTED __attribute__((visibility("default")))

namespace {

FakeNvml state;
constexpr unsigned kUnknown = 999;
constexpr unsigned kNonceAt = 4;

unsigned outcome(unsigned call) { return state.failing == call ? kUnknown : 0; }

}  // namespace

extern "C" {

EXPORTED FakeNvml* fake_nvml() { return &state; }
EXPORTED unsigned nvmlInit_v2() {
  if (outcome(1) == 0) ++state.begun;
  return outcome(1);
}
EXPORTED unsigned nvmlShutdown() {
  --state.begun;
  return 0;
}
EXPORTED const char* nvmlErrorString(unsigned status) { return status == kUnknown ? "Unknown Error" : "Success"; }
EXPORTED unsigned nvmlDeviceGetCount_v2(unsigned* count) {
  *count = state.count;
  return outcome(2);
}
EXPORTED unsigned nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &state.gpus[index];
  return outcome(3);
}
EXPORTED unsigned nvmlSystemGetConfComputeState(void* state_struct) {
  auto* const fields = static_cast<unsigned*>(state_struct);
  fields[0] = state.environment;
  fields[1] = state.feature;
  fields[2] = state.dev_tools;
  return outcome(4);
}
// nvmlConfComputeGpuCertificate_t: two sizes, 0x1000 bytes, 0x1400 bytes.
EXPORTED unsigned nvmlDeviceGetConfComputeGpuCertificate(void* device, void* certificates) {
  auto* const out = static_cast<uint8_t*>(certificates);
  const auto* gpu = static_cast<const FakeGpu*>(device);
  std::memcpy(out + 4, &gpu->chain_size, 4);
  std::memcpy(out + 8 + 0x1000, gpu->chain, std::min(gpu->chain_size, 0x1400u));
  return outcome(5);
}
// nvmlConfComputeGpuAttestationReport_t: three numbers, nonce, 0x2000 bytes, 0x1000 bytes.
EXPORTED unsigned nvmlDeviceGetConfComputeGpuAttestationReport(void* device, void* call) {
  auto* const out = static_cast<uint8_t*>(call);
  const auto* gpu = static_cast<const FakeGpu*>(device);
  uint8_t* const report = out + 12 + 32;
  std::memcpy(out + 4, &gpu->report_size, 4);
  std::memcpy(report, gpu->report, std::min(gpu->report_size, 0x2000u));
  if (!state.recorded) std::memcpy(report + kNonceAt, out + 12, 32);
  return outcome(6);
}
}
