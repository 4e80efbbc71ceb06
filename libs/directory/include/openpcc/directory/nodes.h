// The client's nodes: every entry of the bundle verified once, and drawn from uniformly, so that nobody else chooses a request's nodes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "openpcc/attest/verify.h"
#include "openpcc/directory/bundle.h"

namespace openpcc::directory {

inline constexpr size_t kNodesPerChipMax = 8;

using NodePtr = std::shared_ptr<const attest::VerifiedNode>;

// Entry is one leaf of the bundle with its verdict.
struct Entry {
  attest::NodeId node_id{};                        // as the leaf says; zeros where it is not a leaf
  crypto::Sha256Digest evidence_digest{};          // of the exact bytes
  std::shared_ptr<const attest::Verdict> verdict;  // null where the leaf was refused before its evidence was looked at
  NodePtr node;                                    // null unless accepted
  std::optional<Error> refusal;                    // why the leaf itself is refused, whatever its evidence is worth
};

// NodeSet holds the verdicts. Not thread-safe; what draw() returned stays valid after any later call.
class NodeSet {
 public:
  explicit NodeSet(std::shared_ptr<const policy::Policy> policy) : policy_(std::move(policy)) {}

  // update takes a new bundle. A leaf that was accepted before is not verified again until something that vouches for it ends; one that is
  // refused leaves the others usable:
  //   directory.leaf.syntax                            not a leaf
  //   directory.leaf.node_id, directory.leaf.chip_id   not what its evidence says
  //   directory.leaf.duplicate                         a node id that an earlier leaf has
  // A key that is published ahead of its time is verified for when its time comes.
  void update(const VerifiedBundle& bundle, UnixSeconds now);

  // entries are in the bundle's order.
  const std::vector<Entry>& entries() const { return entries_; }
  // models are the names that nodes usable now serve.
  std::set<std::string> models(UnixSeconds now) const;
  // usable lists what draw chooses from, by node id: nodes that serve the model, with keys usable now. Of nodes that share a GPU (without
  // GPUs: a CPU chip) only the one with the newest key counts, and at most kNodesPerChipMax to a CPU chip.
  std::vector<NodePtr> usable(std::string_view model, UnixSeconds now) const;

  // draw chooses k distinct nodes uniformly from usable(), none of them in `exclude`.
  //   directory.draw.too_few   fewer than k are left (unavailable)
  Result<std::vector<NodePtr>> draw(std::string_view model, size_t k, const std::set<attest::NodeId>& exclude, UnixSeconds now,
                                    Random& random) const;

  // nearest is, of usable() without `exclude`, the one whose rank is least: the client's own choice too, but the same one every time.
  //   directory.draw.too_few   none is left (unavailable)
  using Rank = std::function<crypto::Sha256Digest(const attest::VerifiedNode&)>;
  Result<NodePtr> nearest(std::string_view model, const std::set<attest::NodeId>& exclude, UnixSeconds now, const Rank& rank) const;

 private:
  std::vector<NodePtr> usable_without(std::string_view model, const std::set<attest::NodeId>& exclude, UnixSeconds now) const;
  Entry verify(ByteSpan leaf_bytes, const VerifiedBundle& bundle, UnixSeconds now) const;
  void appraise(Entry& entry, const Leaf& leaf, const VerifiedBundle& bundle, UnixSeconds now) const;
  std::vector<NodePtr> active(UnixSeconds now) const;

  std::shared_ptr<const policy::Policy> policy_;
  // By digest of the leaf; the current bundle's alone. What was refused is not kept: it may be accepted with the next bundle's beacons.
  std::map<crypto::Sha256Digest, Entry> accepted_;
  std::vector<Entry> entries_;
};

}  // namespace openpcc::directory
