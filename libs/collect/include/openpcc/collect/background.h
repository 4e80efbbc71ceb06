// Reports made beside the event loop: drivers and hosts take their time, up to minutes, and nobody's answer waits for them.
#pragma once

#include <memory>

#include "openpcc/attest/attester.h"

namespace openpcc::collect {

// Background asks another Attester on a thread, one report at a time. Its own calls return at once; one thread makes them.
class Background final : public attest::Attester {
 public:
  // `tee` is called by one thread at a time, and lives until its last call has ended, be that after this object. What it refers to must too.
  explicit Background(std::shared_ptr<attest::Attester> tee) : tee_(std::move(tee)) {}

  size_t gpu_count() const override { return tee_->gpu_count(); }
  Bytes gpu_id(size_t rank) const override { return tee_->gpu_id(rank); }
  // gpu_report is no report of the CPU's: it is asked for at once.
  Result<attest::Device> gpu_report(size_t rank, const attest::GpuNonce& nonce) override { return tee_->gpu_report(rank, nonce); }
  // cpu_quote is attest::kPending until the report for this B is there, which it gives once. Another B begins anew when the running call has ended.
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override;

 private:
  struct Job;
  std::shared_ptr<attest::Attester> tee_;
  std::shared_ptr<Job> job_;
};

}  // namespace openpcc::collect
