#include "openpcc/collect/background.h"

#include <atomic>
#include <optional>
#include <thread>

namespace openpcc::collect {

// Job is shared with the thread that does it; `result` is the thread's until `done`.
struct Background::Job {
  explicit Job(const attest::Binding& b) : binding(b) {}
  const attest::Binding binding;
  std::optional<Result<attest::Device>> result;
  std::atomic<bool> done = false;
};

Result<attest::Device> Background::cpu_quote(const attest::Binding& binding) {
  const auto pending = [] { return fail(Code::unavailable, attest::kPending, "the report is being made"); };
  if (job_ && !job_->done.load(std::memory_order_acquire)) return pending();
  const std::shared_ptr<Job> ended = std::move(job_);
  job_.reset();
  if (ended && ended->binding == binding) return std::move(*ended->result);
  job_ = std::make_shared<Job>(binding);
  // Detached: a call into the kernel cannot be taken back, and the end of the program does not wait for it.
  std::thread([tee = tee_, job = job_] {
    job->result.emplace(tee->cpu_quote(job->binding));
    job->done.store(true, std::memory_order_release);
  }).detach();
  return pending();
}

}  // namespace openpcc::collect
