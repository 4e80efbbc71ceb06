// Verification: a pure function of evidence, policy and circumstances. No network, clock or files.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "openpcc/attest/verdict.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/note/checkpoint.h"
#include "openpcc/policy/policy.h"
#include "openpcc/x509/x509.h"

namespace openpcc::attest {

// A key is valid for at most this long, and clients stop using it a little before its end.
inline constexpr UnixSeconds kKeyLifetimeMax_s = 3600;
inline constexpr UnixSeconds kStopEarly_s = 120;

// VerifiedNode is a node whose evidence a policy accepted. Only verify() makes one.
class VerifiedNode {
 public:
  const NodeId& node_id() const { return node_id_; }
  const hpke::PublicKey& key() const { return key_; }  // parsed once, for as long as the node lives
  const Claims& claims() const { return claims_; }
  const Bytes& chip_id() const { return chip_id_; }
  const std::vector<Bytes>& gpu_ids() const { return gpu_ids_; }  // ascending
  bool simulated() const { return simulated_; }
  // window is when all that vouches for the node's devices holds: certificates, lists, documents.
  const x509::Window& window() const { return window_; }
  // serves: the node's evidence names the model.
  bool serves(std::string_view model) const;
  // usable_at: within the window, and within the key's time, which ends kStopEarly_s before not-after.
  bool usable_at(UnixSeconds now) const;

 private:
  friend class Appraiser;
  VerifiedNode(const NodeId& node_id, hpke::PublicKey key, Claims claims, Bytes chip_id, std::vector<Bytes> gpu_ids, bool simulated,
               const x509::Window& window);

  NodeId node_id_;
  hpke::PublicKey key_;
  Claims claims_;
  Bytes chip_id_;
  std::vector<Bytes> gpu_ids_;
  bool simulated_;
  x509::Window window_;
};

// Circumstances are what verification needs to know of the world.
struct Circumstances {
  UnixSeconds now;
  std::span<const note::VerifiedBeacon> beacons;  // the recent ones; evidence made after none of them is refused
  std::optional<size_t> directory_nodes;          // how many nodes everybody sees; unknown for a single piece of evidence
};

struct Appraisal {
  Verdict verdict;
  std::shared_ptr<const VerifiedNode> node;  // null unless accepted
};

// verify never fails: whatever is wrong stands in the verdict. A rule id in a row is one of
//   attest.cmw.*, attest.claims.*                malformed, or unsupported
//   attest.kind.unknown (unsupported)            attest.kind.simulated   simulated evidence under a production policy
//   sim.cpu.*, sim.gpu.*, sim.certificate.*      the verifier of the kind refused
//   snp.*, tdx.*                                 likewise; a genuine report's own rows have these rules, too
//   attest.kind.not_taken                        the policy has no table for the kind
//   attest.kind.chain, attest.kind.collateral    a chain or collateral that the kind does not have
//   attest.tcb.old  attest.debug.enabled  attest.release.unknown  attest.binding.report_data  attest.binding.public_key
//   attest.deployment.other  attest.freshness.unknown  attest.freshness.stale
//   attest.validity.lifetime  attest.validity.early  attest.validity.expired
//   attest.models.none  attest.models.unknown  attest.config.unknown
//   attest.gpu.missing  attest.gpu.release  attest.gpu.tcb  attest.gpu.debug
//   attest.gpu.duplicate  attest.gpu.order  attest.gpu.nonce  attest.gpu.digest
//   attest.roots.too_few  attest.ledger.unknown
Appraisal verify(ByteSpan evidence, const policy::Policy& policy, const Circumstances& circumstances);
// The same for evidence that is parsed already.
Appraisal verify(const Evidence& evidence, const policy::Policy& policy, const Circumstances& circumstances);

}  // namespace openpcc::attest
