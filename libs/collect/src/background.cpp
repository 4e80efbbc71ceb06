#include "openpcc/collect/background.h"

#include <atomic>
#include <optional>
#include <thread>

namespace openpcc::collect {
namespace {

// More than the reports of one key: then they are of keys that were given up.
constexpr size_t kMadeMax = attest::kGpusMax + 1;

Bytes key_of(uint8_t device, ByteSpan request) { return ByteWriter().u8(device).bytes(request).take(); }
constexpr uint8_t kCpu = 0xff;

}  // namespace

// Job is shared with the thread that does it; `result` is the thread's until `done`.
struct Background::Job {
  explicit Job(Bytes k) : key(std::move(k)) {}
  const Bytes key;
  std::optional<Result<attest::Device>> result;
  std::atomic<bool> done = false;
};

Result<attest::Device> Background::ask(const Bytes& key, Call call) {
  const auto pending = [] { return fail(Code::unavailable, attest::kPending, "the report is being made"); };
  if (job_ && !job_->done.load(std::memory_order_acquire)) return pending();
  if (job_) {
    if (made_.size() >= kMadeMax) made_.clear();
    made_.insert_or_assign(job_->key, std::move(*job_->result));
    job_.reset();
  }
  if (const auto found = made_.find(key); found != made_.end()) {
    if (found->second) return found->second;
    Result<attest::Device> error = std::move(found->second);
    made_.erase(found);
    return error;
  }
  job_ = std::make_shared<Job>(key);
  // Detached: a call into the kernel cannot be taken back, and the end of the program does not wait for it.
  std::thread([tee = tee_, job = job_, call = std::move(call)] {
    job->result.emplace(call(*tee));
    job->done.store(true, std::memory_order_release);
  }).detach();
  return pending();
}

Result<attest::Device> Background::gpu_report(size_t rank, const attest::GpuNonce& nonce) {
  return ask(key_of(static_cast<uint8_t>(rank), nonce), [rank, nonce](attest::Attester& tee) { return tee.gpu_report(rank, nonce); });
}

Result<attest::Device> Background::cpu_quote(const attest::Binding& binding) {
  Result<attest::Device> device = ask(key_of(kCpu, binding), [binding](attest::Attester& tee) { return tee.cpu_quote(binding); });
  if (device) made_.clear();
  return device;
}

}  // namespace openpcc::collect
