// Reports made beside the event loop: drivers and hosts take their time, up to minutes, and nobody's answer waits for them.
#pragma once

#include <functional>
#include <map>
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
  // gpu_report and cpu_quote are attest::kPending until the report is there. A GPU's is given again, until the CPU's, which is about it, was given once;
  // an error is given once. What is asked of another nonce or B begins anew when the running call has ended.
  Result<attest::Device> gpu_report(size_t rank, const attest::GpuNonce& nonce) override;
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override;

 private:
  struct Job;
  using Call = std::function<Result<attest::Device>(attest::Attester&)>;
  // ask gives what the call for the key gave, or begins it. The key says what is asked for.
  Result<attest::Device> ask(const Bytes& key, Call call);

  std::shared_ptr<attest::Attester> tee_;
  std::shared_ptr<Job> job_;
  std::map<Bytes, Result<attest::Device>> made_;
};

}  // namespace openpcc::collect
