// What a verifier demands of a node, read from TOML. Fail-closed: every field stands in the file, an unknown key is refused, and what is
// switched off is a named exception that the verdict prints (spec/evidence.md s5).
//
// Production and development are different types: only the latter has roots of the simulated TEE, so code that checks simulated evidence
// cannot even be called with a production policy.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "openpcc/crypto/hash.h"
#include "openpcc/note/note.h"
#include "openpcc/nvgpu/appraise.h"
#include "openpcc/sim/sim.h"
#include "openpcc/snp/appraise.h"
#include "openpcc/tdx/appraise.h"

namespace openpcc::policy {

inline constexpr size_t kPolicyBytesMax = 1u << 20;
inline constexpr UnixSeconds kFreshnessAgeMax_s = 1200;

// Exceptions are the checks that a policy may switch off, by name.
struct Exceptions {
  bool allow_debug = false;      // development alone: a debug TEE hides nothing from its operator
  bool no_chip_ledger = false;   // any genuine chip is accepted
  bool one_root_owner = false;   // min_root_owners may be 1
  bool beyond_loopback = false;  // development alone: a client may reach simulated TEEs, and relays without TLS, on other machines
  bool no_revocation = false;    // evidence need not bring the maker's revocation lists
  bool allow_migration = false;  // a migration agent may take the guest to another machine
  bool allow_provisional_firmware = false;  // SEV-SNP: firmware that the host can roll back
  bool allow_masked_chips = false;          // SEV-SNP: chips that do not show their id
  bool allow_sept_ve = false;               // TDX: SEPT_VE_DISABLE clear, as under some paravisors
  // names lists the exceptions taken, as they stand in the file.
  std::vector<std::string> names() const;
};

// TdxRequirements are what TDX machines must fulfil besides what is common.
struct TdxRequirements {
  tdx::Demands demands;
  uint32_t min_evaluation = 0;  // of tcbEvaluationDataNumber: collateral of an older evaluation is refused
  bool require_revocation = true;
};

// AzureRequirements are what VMs of Azure's must fulfil besides what [snp] or [tdx] says of the machine.
struct AzureRequirements {
  std::vector<Bytes> paravisors;  // measurements that are taken: MEASUREMENT or MRTD; at least one
  uint32_t pcrs = 0;              // bit n: PCR n of the bank of SHA-256. Exactly these are quoted, and a release covers them
  bool secure_boot = true;        // must be on
  bool no_console = false;        // the serial console must be off
};

// Requirements are common to both kinds.
struct Requirements {
  std::string deployment;                       // the deployment origin that nodes must be bound to
  note::VerifierKey directory_key;              // signs bundles
  note::VerifierKey beacon_key;                 // cosigns freshness beacons
  std::vector<Bytes> releases{};                // measurements of the node image; at least one
  std::vector<Bytes> gpu_releases{};            // measurements of GPU firmware; at least one where require_gpu
  std::vector<crypto::Sha256Digest> models{};   // digests of the models that may be served; at least one
  std::vector<crypto::Sha256Digest> configs{};  // digests of accepted node configurations; none: not checked, and the verdict says so
  bool require_gpu = false;
  uint16_t min_tcb = 0;  // this and the next: of simulated machines alone, so 0 in production
  uint16_t min_gpu_tcb = 0;
  uint8_t min_root_owners = 2;
  UnixSeconds freshness_age_s = kFreshnessAgeMax_s;  // of the beacon at a key's not-before
  std::vector<Bytes> chips{};                        // the chip ledger: CPU chip ids and GPU device ids; sorted
  std::optional<snp::Demands> snp{};                 // none: SEV-SNP machines are refused
  std::optional<TdxRequirements> tdx{};              // none: TDX machines are refused
  std::optional<nvgpu::Demands> nvgpu{};             // none: NVIDIA's GPUs are refused
  std::optional<AzureRequirements> azure{};          // none: VMs of Azure's are refused
  Exceptions exceptions{};
  crypto::Sha256Digest digest{};  // SHA-256 of the policy file as read
};

class DevelopmentPolicy {
 public:
  const Requirements& requirements() const { return requirements_; }
  const sim::CpuRoot& sim_cpu_root() const { return cpu_; }
  const sim::GpuRoot& sim_gpu_root() const { return gpu_; }

 private:
  friend struct Access;
  DevelopmentPolicy(Requirements requirements, const sim::CpuRoot& cpu, const sim::GpuRoot& gpu)
      : requirements_(std::move(requirements)), cpu_(cpu), gpu_(gpu) {}
  Requirements requirements_;
  sim::CpuRoot cpu_;
  sim::GpuRoot gpu_;
};

class ProductionPolicy {
 public:
  const Requirements& requirements() const { return requirements_; }

 private:
  friend struct Access;
  explicit ProductionPolicy(Requirements requirements) : requirements_(std::move(requirements)) {}
  Requirements requirements_;
};

using Policy = std::variant<DevelopmentPolicy, ProductionPolicy>;
const Requirements& requirements(const Policy& policy);

// parse reads a policy file.
//   policy.parse.too_large, policy.parse.toml, policy.parse.empty
//   policy.parse.unknown_key     a key that has no meaning here, or not in this kind of policy        policy.parse.missing   a key that must be there is not
//   policy.parse.type            a value of another type               policy.parse.value     out of range, or does not decode
//   policy.parse.empty_list      a list that must name something names nothing
//   policy.kind                  neither "development" nor "production"
//   policy.production.sim        a production policy that names roots of the simulated TEE
//   policy.production.debug      a production policy with the exception allow_debug
//   policy.production.loopback   a production policy with the exception beyond_loopback
//   policy.exception.chip_ledger      neither a chip ledger nor the exception no_chip_ledger, or both
//   policy.exception.one_root_owner   min_root_owners below 2 without the exception
//   policy.snp.id_key            words that only an ID key's signature makes count, and no ID key
//   policy.roles.same_key        one key in two roles
Result<Policy> parse(ByteSpan toml);

}  // namespace openpcc::policy
