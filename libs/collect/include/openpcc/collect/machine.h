// A node's machine: reports of its source, with what vouches for them.
#pragma once

#include "openpcc/attest/attester.h"
#include "openpcc/collect/gpu.h"
#include "openpcc/collect/shelf.h"

namespace openpcc::collect {

class Machine final : public attest::Attester {
 public:
  Machine(std::unique_ptr<Source> source, Staple staple) : source_(std::move(source)), staple_(std::move(staple)) {}
  // add_gpus puts the machine's GPUs into its evidence.
  void add_gpus(std::unique_ptr<GpuSource> gpus, GpuStaple staple) {
    gpus_ = std::move(gpus);
    gpu_staple_ = std::move(staple);
  }

  size_t gpu_count() const override { return gpus_ == nullptr ? 0 : gpus_->ids().size(); }
  Bytes gpu_id(size_t rank) const override;
  //   collect.gpu.nonce   the report answers another nonce; those of the source and of stapling
  Result<attest::Device> gpu_report(size_t rank, const attest::GpuNonce& nonce) override;
  //   collect.report.syntax    what the source gave is no report
  //   collect.report.data      it holds other report data than B: a paravisor stands between this guest and the hardware (azure.h), or it is another request's
  //   those of the source and of stapling
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override;

  const Source& source() const { return *source_; }

 private:
  std::unique_ptr<Source> source_;
  Staple staple_;
  std::unique_ptr<GpuSource> gpus_;
  GpuStaple gpu_staple_;
};

}  // namespace openpcc::collect
