// The verdict: what was found about a node, property by property, as data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openpcc/appraisal/finding.h"
#include "openpcc/attest/evidence.h"

namespace openpcc::attest {

// Outcome is the sum of a verdict. The values are the exit codes of `openpcc verify`.
// accept_platform: a bare report, under a policy: all that it demands of a platform, and nothing shown of a node.
enum class Outcome : uint8_t { accept = 0, accept_simulated = 3, accept_platform = 4, reject = 10, unsupported = 20, malformed = 30 };

using appraisal::State;

enum class Property : uint8_t {
  format,         // the evidence is well formed
  evidence_kind,  // its kind is one that the policy's type admits
  root_of_trust,  // the CPU's report chains up to a root that the policy names
  tcb,            // the platform's security version
  revocation,     // nothing that signed the CPU's report was revoked; this and the next eight: of real TEEs alone, as far as they have it
  product,        // the CPU's product line
  identity,       // which chip or platform
  firmware,       // which firmware could take the place of what runs
  migration,      // the guest stays on this machine
  guest_policy,   // what else was demanded at launch
  privilege,      // which part of the guest speaks
  platform,       // how the machine is set up
  launch,         // whose guest it is, and with which configuration it was launched
  debug,          // the TEE is not a debug one
  release,        // the measured image is an allowed release
  key_binding,    // the CPU's report covers the node's keys and everything else in B
  deployment,     // the node belongs to the deployment
  freshness,      // the evidence was made after a recent public event
  validity,       // the keys' time
  models,         // every model served is an allowed one
  config,         // the node's configuration is an allowed one
  gpu,            // the GPUs' reports chain up to a root that the policy names
  gpu_firmware,   // their firmware, security version and mode
  gpu_binding,    // GPUs and CPU refer to each other
  root_owners,    // independent owners of roots
  chip_ledger,    // the chips are in the ledger
  witnessed,      // witnesses saw the directory
  non_targetability,  // the node is one of many that everybody sees
  custody,            // someone else than the operator vouches for where the chip is
  one_chassis,        // CPU and GPU are in one machine
  separation,         // the parties are different organisations
  trusted_time,       // the node's clock
};

// Row is one property's finding. `rule` is the rule that refused, or the one that was applied.
struct Row {
  Property property;
  State state;
  bool required;  // accepted only when passed
  Rule rule;
  std::string expected;
  std::string seen;
  std::string remedy;  // what to do about it; empty where nothing is to be done
};

// GpuVerdict is what was found of one GPU. Rows sum all of them up.
struct GpuVerdict {
  Bytes device_id;  // empty of one that is not genuine
  appraisal::Findings
      findings;  // its kind's own verifier's: product, driver, firmware, revocation, what cannot be proven; or why it is not genuine
};

class Verdict {
 public:
  Outcome outcome() const { return outcome_; }
  int exit_code() const { return static_cast<int>(outcome_); }
  const std::vector<Row>& rows() const { return rows_; }
  // row: null when the verdict does not speak of the property (malformed evidence has one row).
  const Row* row(Property property) const;
  // The first row that stands in the way; null when accepted.
  const Row* first_refusal() const;
  // gpus are in the order of the evidence.
  const std::vector<GpuVerdict>& gpus() const { return gpus_; }
  const std::optional<NodeId>& node_id() const { return node_id_; }
  // exceptions are the names of the policy's exceptions.
  const std::vector<std::string>& exceptions() const { return exceptions_; }

  // text is for people, of each row and GPU; `explain` adds rule, expected, seen and remedy to each row. json has all of it.
  std::string text(bool explain) const;
  std::string json() const;

 private:
  friend class VerdictBuilder;
  Verdict() = default;

  Outcome outcome_ = Outcome::reject;
  std::vector<Row> rows_;
  std::vector<GpuVerdict> gpus_;
  std::optional<NodeId> node_id_;
  std::vector<std::string> exceptions_;
  crypto::Sha256Digest evidence_digest_{};
  crypto::Sha256Digest policy_digest_{};
};

std::string_view to_string(Outcome outcome);
std::string_view to_string(Property property);

}  // namespace openpcc::attest
