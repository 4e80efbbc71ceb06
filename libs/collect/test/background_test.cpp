#include "openpcc/collect/background.h"

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "fake_guest.h"

namespace openpcc::collect {
namespace {

using testing_guest::some_binding;

// Slow gives a report when it is let go.
class Slow final : public attest::Attester {
 public:
  size_t gpu_count() const override { return 1; }
  Bytes gpu_id(size_t rank) const override { return {static_cast<uint8_t>(rank)}; }
  Result<attest::Device> gpu_report(size_t, const attest::GpuNonce& nonce) override {
    ++gpu_calls;
    return device(nonce);
  }
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override {
    ++calls;
    go.acquire();
    if (refuses) return fail(Code::internal, "test.refused");
    return device(binding);
  }
  static attest::Device device(ByteSpan bytes) { return {{"test/report", Bytes(bytes.begin(), bytes.end())}, {}, {}}; }

  std::counting_semaphore<> go{0};
  std::atomic<int> calls = 0;
  std::atomic<int> gpu_calls = 0;
  std::atomic<bool> refuses = false;
};

class BackgroundTest : public testing::Test {
 protected:
  std::shared_ptr<Slow> tee_ = std::make_shared<Slow>();
  Background background_{tee_};

  // when_there asks until there is an answer.
  Result<attest::Device> when_there(const attest::Binding& binding) {
    for (;;) {
      auto device = background_.cpu_quote(binding);
      if (device || device.error().rule != attest::kPending) return device;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
};

TEST_F(BackgroundTest, nobody_waits_and_one_call_is_made) {
  for (int i = 0; i < 3; ++i) EXPECT_RULE(background_.cpu_quote(some_binding()), "attest.pending");
  tee_->go.release();
  const auto device = when_there(some_binding());
  ASSERT_OK(device);
  EXPECT_TRUE(equal(device->report.bytes, some_binding()));
  EXPECT_EQ(tee_->calls, 1);
  EXPECT_RULE(background_.cpu_quote(some_binding()), "attest.pending") << "it was given once";
  tee_->go.release();
  EXPECT_OK(when_there(some_binding()));
}

// B covers the GPUs' reports, so asking again must not make others.
TEST_F(BackgroundTest, a_gpus_report_is_given_until_the_cpus_was) {
  attest::GpuNonce nonce{}, another{};
  nonce[0] = 1;
  another[0] = 2;
  const auto gpu = [&](const attest::GpuNonce& n) {
    for (;;) {
      auto device = background_.gpu_report(0, n);
      if (device || device.error().rule != attest::kPending) return device;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  EXPECT_RULE(background_.gpu_report(0, nonce), "attest.pending");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(equal(gpu(nonce)->report.bytes, nonce));
  EXPECT_EQ(tee_->gpu_calls, 1);
  EXPECT_TRUE(equal(gpu(another)->report.bytes, another));
  tee_->go.release();
  ASSERT_OK(when_there(some_binding()));
  EXPECT_TRUE(equal(gpu(nonce)->report.bytes, nonce));
  EXPECT_EQ(tee_->gpu_calls, 3) << "the next key's are made anew";
}

TEST_F(BackgroundTest, a_report_for_another_key_is_never_given) {
  EXPECT_RULE(background_.cpu_quote(some_binding(1)), "attest.pending");
  tee_->go.release(2);
  const auto device = when_there(some_binding(2));
  ASSERT_OK(device);
  EXPECT_TRUE(equal(device->report.bytes, some_binding(2)));
  EXPECT_EQ(tee_->calls, 2);
}

TEST_F(BackgroundTest, errors_are_the_tees) {
  tee_->refuses = true;
  tee_->go.release();
  EXPECT_RULE(when_there(some_binding()), "test.refused");
}

TEST_F(BackgroundTest, a_call_may_outlive_who_asked) {
  {
    Background asks_and_leaves(tee_);
    EXPECT_RULE(asks_and_leaves.cpu_quote(some_binding()), "attest.pending");
  }
  tee_->go.release();
  while (tee_.use_count() > 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // this test's, background_'s
  EXPECT_EQ(tee_->calls, 1);
}

}  // namespace
}  // namespace openpcc::collect
