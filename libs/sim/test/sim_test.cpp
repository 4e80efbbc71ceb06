#include "openpcc/sim/sim.h"

#include "openpcc/sim/format.h"
#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::sim {
namespace {

using sim_maker::RootKeys;
using testkit::TestRandom;

crypto::Ed25519Private key(uint64_t seed) {
  Secret<32> bytes;
  TestRandom(seed).fill(bytes.reveal_mutable());
  return crypto::Ed25519Private(bytes.reveal());
}

RootKeys roots(uint64_t seed) {
  TestRandom random(seed);
  return RootKeys::generate(random);
}

template <size_t N>
std::array<uint8_t, N> filled(uint8_t value) {
  std::array<uint8_t, N> out;
  out.fill(value);
  return out;
}

class SimTest : public testing::Test {
 protected:
  RootKeys roots_ = roots(1);
  crypto::Ed25519Private chip_ = key(2);
  crypto::Ed25519Private gpu_ = key(3);
  CpuFields cpu_fields_{filled<32>(1), filled<32>(2), 7, true, filled<64>(3)};
  GpuFields gpu_fields_{filled<32>(4), filled<32>(5), 8, false, filled<32>(6)};
  Bytes quote_ = sim_maker::sign_cpu(cpu_fields_, chip_);
  Bytes report_ = sim_maker::sign_gpu(gpu_fields_, gpu_);
  Bytes chip_certificate_ = roots_.certify_cpu(cpu_fields_.chip_id, chip_.public_key());
  Bytes gpu_certificate_ = roots_.certify_gpu(gpu_fields_.device_id, gpu_.public_key());

  Result<VerifiedCpu> cpu(ByteSpan quote) { return verify_cpu(quote, chip_certificate_, roots_.cpu_root()); }
  Result<VerifiedGpu> gpu(ByteSpan report) { return verify_gpu(report, gpu_certificate_, roots_.gpu_root()); }
};

TEST_F(SimTest, cpu_fields_come_back) {
  const auto verified = cpu(quote_);
  ASSERT_OK(verified);
  EXPECT_EQ(verified->fields().chip_id, cpu_fields_.chip_id);
  EXPECT_EQ(verified->fields().measurement, cpu_fields_.measurement);
  EXPECT_EQ(verified->fields().tcb, 7);
  EXPECT_TRUE(verified->fields().debug);
  EXPECT_EQ(verified->fields().report_data, cpu_fields_.report_data);
}

TEST_F(SimTest, gpu_fields_come_back) {
  const auto verified = gpu(report_);
  ASSERT_OK(verified);
  EXPECT_EQ(verified->fields().device_id, gpu_fields_.device_id);
  EXPECT_EQ(verified->fields().measurement, gpu_fields_.measurement);
  EXPECT_EQ(verified->fields().tcb, 8);
  EXPECT_FALSE(verified->fields().debug);
  EXPECT_EQ(verified->fields().nonce, gpu_fields_.nonce);
}

TEST_F(SimTest, every_byte_of_quote_report_and_certificate_counts) {
  const auto flipped = [](Bytes bytes, size_t i) {
    bytes[i] ^= 1;
    return bytes;
  };
  for (size_t i = 0; i < quote_.size(); ++i) EXPECT_FALSE(cpu(flipped(quote_, i))) << i;
  for (size_t i = 0; i < report_.size(); ++i) EXPECT_FALSE(gpu(flipped(report_, i))) << i;
  for (size_t i = 0; i < chip_certificate_.size(); ++i) {
    EXPECT_FALSE(verify_cpu(quote_, flipped(chip_certificate_, i), roots_.cpu_root())) << i;
  }
}

TEST_F(SimTest, wrong_sizes_and_formats) {
  Bytes longer = quote_;
  longer.push_back(0);
  EXPECT_RULE(cpu(longer), "sim.cpu.format");
  EXPECT_RULE(cpu(ByteSpan(quote_).first(quote_.size() - 1)), "sim.cpu.format");
  EXPECT_RULE(cpu(Bytes(quote_.size())), "sim.cpu.format");
  Bytes debug = quote_;
  debug[9] = 2;
  EXPECT_RULE(cpu(debug), "sim.cpu.format");
  Bytes version = report_;
  version[8] = 2;
  EXPECT_RULE(gpu(version), "sim.gpu.format");
  EXPECT_RULE(gpu({}), "sim.gpu.format");
  EXPECT_RULE(verify_cpu(quote_, {}, roots_.cpu_root()), "sim.certificate.format");
  EXPECT_RULE(gpu(Bytes(quote_)), "sim.gpu.format");
}

TEST_F(SimTest, certificates_are_for_one_kind_one_root_one_device) {
  const RootKeys others = roots(9);
  EXPECT_RULE(verify_cpu(quote_, chip_certificate_, others.cpu_root()), "sim.certificate.root");
  EXPECT_RULE(verify_gpu(report_, gpu_certificate_, others.gpu_root()), "sim.certificate.root");
  EXPECT_RULE(verify_cpu(quote_, roots_.certify_gpu(cpu_fields_.chip_id, chip_.public_key()), roots_.cpu_root()), "sim.certificate.role");
  EXPECT_RULE(verify_gpu(report_, roots_.certify_cpu(gpu_fields_.device_id, gpu_.public_key()), roots_.gpu_root()), "sim.certificate.role");
  EXPECT_RULE(verify_cpu(quote_, roots_.certify_cpu(filled<32>(9), chip_.public_key()), roots_.cpu_root()), "sim.cpu.chip");
  EXPECT_RULE(verify_gpu(report_, roots_.certify_gpu(filled<32>(9), gpu_.public_key()), roots_.gpu_root()), "sim.gpu.device");
}

TEST_F(SimTest, signed_by_another_key) {
  EXPECT_RULE(cpu(sim_maker::sign_cpu(cpu_fields_, key(9))), "sim.cpu.signature");
  EXPECT_RULE(gpu(sim_maker::sign_gpu(gpu_fields_, key(9))), "sim.gpu.signature");
}

TEST_F(SimTest, roots_are_kept_by_their_seeds) {
  const SecretBytes seeds = roots_.reveal_for_export();
  const RootKeys again = RootKeys::from_seeds(seeds.reveal().subspan<0, 64>());
  EXPECT_EQ(again.cpu_root(), roots_.cpu_root());
  EXPECT_EQ(again.gpu_root(), roots_.gpu_root());
  EXPECT_NE(again.cpu_root().key, again.gpu_root().key);
}

// A CPU root is no GPU root, and neither is just a key.
static_assert(!std::is_convertible_v<CpuRoot, GpuRoot> && !std::is_convertible_v<crypto::Ed25519Public, CpuRoot>);

}  // namespace
}  // namespace openpcc::sim
