// The kinds of evidence, and which type of policy may accept them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "openpcc/appraisal/finding.h"
#include "openpcc/attest/evidence.h"
#include "openpcc/attest/verify.h"
#include "openpcc/policy/policy.h"

namespace openpcc::attest {

// Findings are what a verifier of some kind found in a device's genuine report.
struct Findings {
  Bytes device_id;
  Bytes measurement;
  uint16_t tcb;
  bool debug;
  Bytes bound;  // a CPU's report data, a GPU's nonce
  std::string_view root_owner;
  appraisal::Findings platform{};  // what the kind's own verifier judged, TCB and debug included; empty: tcb and debug are judged here
  x509::Window window{INT64_MIN, INT64_MAX};  // when all that was signed holds; always, where nothing says
};

// Kind is one kind of report of a CPU. PolicyType is the type of policy that admits it: a verifier of simulated reports takes a DevelopmentPolicy,
// and so cannot stand in the table of production.
template <class PolicyType>
struct Kind {
  std::string_view media_type;
  bool simulated = false;
  Rule root_rule;  // what refuses a report of another root
  Result<Findings> (*verify)(const Device& device, const PolicyType& policy, UnixSeconds now);
};

struct Seen;  // of GPUs that are examined together (seen.h)

// GpuKind is one kind of report of a GPU, of which there may be many that are alike.
template <class PolicyType>
struct GpuKind {
  std::string_view media_type;
  bool simulated = false;
  Rule root_rule;
  Result<Findings> (*verify)(const Device& device, const PolicyType& policy, UnixSeconds now, Seen& seen);
};

template <class PolicyType>
std::span<const Kind<PolicyType>> cpu_kinds();
template <class PolicyType>
std::span<const GpuKind<PolicyType>> gpu_kinds();

template <>
std::span<const Kind<policy::DevelopmentPolicy>> cpu_kinds();
template <>
std::span<const GpuKind<policy::DevelopmentPolicy>> gpu_kinds();
template <>
std::span<const Kind<policy::ProductionPolicy>> cpu_kinds();
template <>
std::span<const GpuKind<policy::ProductionPolicy>> gpu_kinds();

// is_simulated: a report of this type comes from the simulated TEE.
bool is_simulated(std::string_view media_type);

// Examined is what the kinds' verifiers say of all devices.
struct Examined {
  Result<Findings> cpu;
  std::vector<Result<Findings>> gpus;
  Rule cpu_root_rule;
  Rule gpu_root_rule;
  bool simulated;  // at least one device is
};

// examine finds each device's kind and lets it verify the device.
//   attest.kind.unknown     a kind that nobody here verifies (unsupported)
//   attest.kind.simulated   a simulated one under a production policy
Result<Examined> examine(const Evidence& evidence, const policy::Policy& policy, UnixSeconds now);

// appraise judges what examine found, and everything that needs no device's word.
Appraisal appraise(const Evidence& evidence, const policy::Requirements& requirements, const Circumstances& circumstances,
                   const Result<Examined>& examined);

}  // namespace openpcc::attest
