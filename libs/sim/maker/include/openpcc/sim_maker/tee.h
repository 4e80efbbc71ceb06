// The simulated TEE's maker: roots, chips and GPUs in software. Linked only into openpcc-node-sim, into what makes the roots of a
// development deployment, and into tests.
#pragma once

#include <vector>

#include "openpcc/attest/attester.h"
#include "openpcc/sim/sim.h"

namespace openpcc::sim_maker {

// RootKeys endorse chips and GPUs; two separate keys. Their seeds are 64 bytes, CPU first.
class RootKeys {
 public:
  static RootKeys generate(Random& random);
  static RootKeys from_seeds(std::span<const uint8_t, 64> seeds);
  // reveal_for_export gives the seeds, for a key file.
  SecretBytes reveal_for_export() const;

  sim::CpuRoot cpu_root() const;
  sim::GpuRoot gpu_root() const;
  Bytes certify_cpu(const sim::DeviceId& id, const crypto::Ed25519Public& key) const;
  Bytes certify_gpu(const sim::DeviceId& id, const crypto::Ed25519Public& key) const;

 private:
  explicit RootKeys(Secret<64> seeds);
  Secret<64> seeds_;
  crypto::Ed25519Private cpu_;
  crypto::Ed25519Private gpu_;
};

// sign_cpu and sign_gpu write what verify_cpu and verify_gpu read; any fields, so that tests can lie.
Bytes sign_cpu(const sim::CpuFields& fields, const crypto::Ed25519Private& key);
Bytes sign_gpu(const sim::GpuFields& fields, const crypto::Ed25519Private& key);

// TeeConfig is one simulated machine. Real hardware has these values from its maker and its boot; here they are chosen.
struct TeeConfig {
  sim::DeviceId chip_id{};
  sim::Measurement measurement{};
  uint16_t tcb = 1;
  bool debug = false;
  size_t gpus = 0;  // at most 16; their ids are derived from the chip's
  sim::Measurement gpu_measurement{};
  uint16_t gpu_tcb = 1;
};

// SoftwareTee is a simulated machine with its own chip and GPU keys.
class SoftwareTee final : public attest::Attester {
 public:
  SoftwareTee(const TeeConfig& config, const RootKeys& roots, Random& random);
  size_t gpu_count() const override { return gpus_.size(); }
  Result<attest::Device> gpu_report(size_t rank, const attest::GpuNonce& nonce) override;
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override;
  Bytes gpu_id(size_t rank) const override;

 private:
  struct Gpu {
    sim::DeviceId id;
    crypto::Ed25519Private key;
    Bytes certificate;
  };
  TeeConfig config_;
  crypto::Ed25519Private chip_key_;
  Bytes chip_certificate_;
  std::vector<Gpu> gpus_;  // ascending by id
};

}  // namespace openpcc::sim_maker
