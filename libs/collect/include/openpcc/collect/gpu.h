// GPUs beside the CPU: reports through NVIDIA's driver, and what vouches for them among files.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "openpcc/collect/source.h"
#include "openpcc/nvgpu/report.h"

namespace openpcc::collect {

class GpuSource {
 public:
  virtual ~GpuSource() = default;
  // ids of the GPUs, ascending: what a node's evidence is ordered by.
  virtual const std::vector<nvgpu::Pdi>& ids() const = 0;
  // collect asks GPU number `rank` for a report on the nonce. Takes a second or so. Beside it stands the device's chain.
  virtual Result<Collected> collect(size_t rank, const nvgpu::Nonce& nonce) = 0;
};

inline constexpr std::string_view kNvmlLibrary = "libnvidia-ml.so.1";

// open_nvml loads NVIDIA's management library (NVML API reference, "Confidential Computing"; driver 535 and later) and looks at every GPU. A node must
// not compute on a GPU that its evidence does not show, so whatever keeps one from being shown is an error.
//   collect.nvml.absent     no such library (unsupported)         collect.nvml.version   it lacks a function that is needed (unsupported)
//   collect.nvml.call       a call failed, in NVML's words
//   collect.gpu.none        no GPU                                collect.gpu.too_many   more than attest::kGpusMax (limit)
//   collect.gpu.mode        confidential computing is off, or simulated: no report of the GPU would say so
//   collect.gpu.devtools    the driver's developer mode is on: the host can look into the GPU
//   collect.gpu.chain       what NVML gives as a device's chain is none, or two devices have one id
Result<std::unique_ptr<GpuSource>> open_nvml(const std::filesystem::path& library = kNvmlLibrary);

// staple_gpu makes a device of a report, its chain and the manifests among `items` that match what it measured, with the statements of revocation that
// are about their certificates, of several about one the newest. What is the same for two GPUs has the same label.
//   collect.gpu.report       what was collected is not genuine, or measured something else than NVIDIA says; the detail has the verifier's rule
//   collect.staple.missing   no manifest of the driver, or of the VBIOS, matches (unavailable); names the one that NVIDIA publishes
Result<attest::Device> staple_gpu(const Collected& collected, std::span<const Bytes> items, UnixSeconds now);

using GpuStaple = std::function<Result<attest::Device>(const Collected&)>;
// gpu_staple_from looks among the files of a folder, which is read each time. An empty path: no folder. The clock outlives what is given.
GpuStaple gpu_staple_from(std::filesystem::path folder, const Clock& clock);

}  // namespace openpcc::collect
