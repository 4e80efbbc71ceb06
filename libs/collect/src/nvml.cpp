// Spec: NVML API reference; nvml.h of driver 535 and later.

#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/gpu.h"
#include "openpcc/nvgpu/verify.h"

namespace openpcc::collect {
namespace {

constexpr unsigned kOk = 0;
constexpr unsigned kEnvironmentProduction = 2;
constexpr unsigned kFeatureEnabled = 1;
constexpr unsigned kDevToolsOff = 0;

using DeviceHandle = void*;

struct SystemState {
  unsigned environment, feature, dev_tools;
};
struct Certificates {
  unsigned chain_size, attestation_chain_size;
  uint8_t chain[0x1000];
  uint8_t attestation_chain[0x1400];
};
struct ReportCall {
  unsigned cec_present, size, cec_size;
  uint8_t nonce[0x20];
  uint8_t report[0x2000];
  uint8_t cec_report[0x1000];
};

// Functions are those of NVML that are needed, by their names there. What they fill is laid out above.
struct Functions {
  unsigned (*init)();
  unsigned (*shutdown)();
  const char* (*error_string)(unsigned);
  unsigned (*count)(unsigned*);
  unsigned (*handle)(unsigned, DeviceHandle*);
  unsigned (*state)(void*);
  unsigned (*certificates)(DeviceHandle, void*);
  unsigned (*report)(DeviceHandle, void*);
};

// Library is NVML, loaded and begun.
class Library {
 public:
  static Result<std::unique_ptr<Library>> open(const std::filesystem::path& path) {
    auto out = std::unique_ptr<Library>(new Library);
    out->handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (out->handle_ == nullptr)
      return fail(Code::unsupported, "collect.nvml.absent", path.string() + ": NVIDIA's driver is not installed");
    Functions& f = out->functions_;
    const bool whole = out->find("nvmlInit_v2", f.init) && out->find("nvmlShutdown", f.shutdown) &&
                       out->find("nvmlErrorString", f.error_string) && out->find("nvmlDeviceGetCount_v2", f.count) &&
                       out->find("nvmlDeviceGetHandleByIndex_v2", f.handle) && out->find("nvmlSystemGetConfComputeState", f.state) &&
                       out->find("nvmlDeviceGetConfComputeGpuCertificate", f.certificates) &&
                       out->find("nvmlDeviceGetConfComputeGpuAttestationReport", f.report);
    if (!whole) return fail(Code::unsupported, "collect.nvml.version", path.string() + ": older than driver 535");
    OPENPCC_TRY(out->good("nvmlInit", f.init()));
    out->begun_ = true;
    return out;
  }
  ~Library() {
    if (begun_) functions_.shutdown();
    if (handle_ != nullptr) dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const Functions* operator->() const { return &functions_; }
  Result<> good(std::string_view call, unsigned status) const {
    if (status == kOk) return {};
    const char* const words = functions_.error_string(status);
    return fail(Code::internal, "collect.nvml.call", std::string(call) + ": " + (words == nullptr ? "an unknown error" : words));
  }

 private:
  Library() = default;
  template <class Function>
  bool find(const char* name, Function& into) {
    void* const found = dlsym(handle_, name);
    std::memcpy(&into, &found, sizeof into);
    return found != nullptr;
  }
  void* handle_ = nullptr;
  Functions functions_{};
  bool begun_ = false;
};

struct Gpu {
  DeviceHandle handle = nullptr;
  nvgpu::Pdi id{};
  Bytes chain;
};

Result<> check_mode(const Library& nvml) {
  SystemState state{};
  OPENPCC_TRY(nvml.good("nvmlSystemGetConfComputeState", nvml->state(&state)));
  if (state.feature != kFeatureEnabled || state.environment != kEnvironmentProduction) {
    return fail(Code::rejected, "collect.gpu.mode", "confidential computing is not on: the host sets it, before the machine starts");
  }
  if (state.dev_tools != kDevToolsOff) {
    return fail(Code::rejected, "collect.gpu.devtools", "the developer mode is on, and shows the host what the GPU holds");
  }
  return {};
}

Result<Gpu> look_at(const Library& nvml, unsigned index) {
  Gpu out;
  OPENPCC_TRY(nvml.good("nvmlDeviceGetHandleByIndex", nvml->handle(index, &out.handle)));
  const auto certificates = std::make_unique<Certificates>();
  OPENPCC_TRY(nvml.good("nvmlDeviceGetConfComputeGpuCertificate", nvml->certificates(out.handle, certificates.get())));
  const size_t size = std::min<size_t>(certificates->attestation_chain_size, sizeof certificates->attestation_chain);
  out.chain.assign(certificates->attestation_chain, certificates->attestation_chain + size);
  while (!out.chain.empty() && out.chain.back() == 0) out.chain.pop_back();
  const auto chain = nvgpu::read_chain(out.chain);
  const auto device = chain ? nvgpu::read_device(*chain) : Result<nvgpu::Device>(std::unexpected(chain.error()));
  if (!device) return fail(device.error().code, "collect.gpu.chain", "GPU " + std::to_string(index) + ": " + describe(device.error()));
  out.id = device->id;
  return out;
}

class Nvml final : public GpuSource {
 public:
  Nvml(std::unique_ptr<Library> nvml, std::vector<Gpu> gpus) : nvml_(std::move(nvml)), gpus_(std::move(gpus)) {
    for (const Gpu& gpu : gpus_) ids_.push_back(gpu.id);
  }

  const std::vector<nvgpu::Pdi>& ids() const override { return ids_; }

  Result<Collected> collect(size_t rank, const nvgpu::Nonce& nonce) override {
    const Gpu& gpu = gpus_.at(rank);
    const auto call = std::make_unique<ReportCall>();
    std::ranges::copy(nonce, call->nonce);
    OPENPCC_TRY(nvml_->good("nvmlDeviceGetConfComputeGpuAttestationReport", (*nvml_)->report(gpu.handle, call.get())));
    const size_t size = std::min<size_t>(call->size, sizeof call->report);
    return Collected{{std::string(attest::kNvidiaReportType), Bytes(call->report, call->report + size)}, {gpu.chain}};
  }

 private:
  std::unique_ptr<Library> nvml_;
  std::vector<Gpu> gpus_;
  std::vector<nvgpu::Pdi> ids_;
};

}  // namespace

Result<std::unique_ptr<GpuSource>> open_nvml(const std::filesystem::path& library) {
  OPENPCC_LET(std::unique_ptr<Library> nvml, Library::open(library));
  unsigned count = 0;
  OPENPCC_TRY(nvml->good("nvmlDeviceGetCount", (*nvml)->count(&count)));
  if (count == 0) return fail(Code::unavailable, "collect.gpu.none", "NVIDIA's driver is there, and shows no GPU");
  if (count > attest::kGpusMax) return fail(Code::limit, "collect.gpu.too_many", std::to_string(count));
  OPENPCC_TRY(check_mode(*nvml));
  std::vector<Gpu> gpus;
  for (unsigned i = 0; i < count; ++i) {
    OPENPCC_LET(Gpu gpu, look_at(*nvml, i));
    gpus.push_back(std::move(gpu));
  }
  std::ranges::sort(gpus, {}, &Gpu::id);
  if (std::ranges::adjacent_find(gpus, {}, &Gpu::id) != gpus.end()) {
    return fail(Code::rejected, "collect.gpu.chain", "two GPUs have one id");
  }
  return std::make_unique<Nvml>(std::move(nvml), std::move(gpus));
}

}  // namespace openpcc::collect
