// The client's nodes. Spec: spec/directory.md s4.
#include "openpcc/directory/nodes.h"

#include <algorithm>

namespace openpcc::directory {
namespace {

bool newer(const NodePtr& a, const NodePtr& b) {
  if (a->claims().not_before != b->claims().not_before) return a->claims().not_before > b->claims().not_before;
  return a->node_id() < b->node_id();
}

// devices_of are the devices that a node occupies: its GPUs, without any its CPU chip.
std::vector<Bytes> devices_of(const attest::VerifiedNode& node) {
  return node.gpu_ids().empty() ? std::vector<Bytes>{node.chip_id()} : node.gpu_ids();
}

std::unexpected<Error> too_few(size_t left, size_t needed) {
  return fail(Code::unavailable, "directory.draw.too_few",
              std::to_string(left) + " usable nodes where " + std::to_string(needed) + " are needed");
}

}  // namespace

void NodeSet::update(const VerifiedBundle& bundle, UnixSeconds now) {
  std::vector<Entry> entries;
  std::map<crypto::Sha256Digest, Entry> accepted;
  std::set<attest::NodeId> seen;
  for (const Bytes& leaf : bundle.content().nodes) {
    const crypto::Sha256Digest digest = crypto::sha256(leaf);
    const auto known = accepted_.find(digest);
    const bool holds = known != accepted_.end() && now <= known->second.node->window().to;
    Entry entry = holds ? known->second : verify(leaf, bundle, now);
    if (entry.node && !seen.insert(entry.node_id).second) {
      entry.node = nullptr;
      entry.refusal = fail(Code::rejected, "directory.leaf.duplicate", to_hex(entry.node_id)).error();
    }
    if (entry.node) accepted[digest] = entry;
    entries.push_back(std::move(entry));
  }
  entries_ = std::move(entries);
  accepted_ = std::move(accepted);
}

Entry NodeSet::verify(ByteSpan leaf_bytes, const VerifiedBundle& bundle, UnixSeconds now) const {
  Entry entry;
  const auto leaf = Leaf::parse(leaf_bytes);
  if (!leaf) {
    entry.refusal = leaf.error();
    return entry;
  }
  entry.node_id = leaf->node_id;
  entry.evidence_digest = crypto::sha256(leaf->evidence);
  appraise(entry, *leaf, bundle, now);
  if (!entry.node) return entry;
  // What a leaf says beside its evidence sorts and names it; it must not lead anyone astray.
  if (entry.node->node_id() != leaf->node_id) {
    entry.refusal = fail(Code::verification_failed, "directory.leaf.node_id", "not the one of its evidence").error();
  } else if (entry.node->chip_id() != leaf->chip_id) {
    entry.refusal = fail(Code::verification_failed, "directory.leaf.chip_id", "not the one of its evidence").error();
  }
  if (entry.refusal) entry.node = nullptr;
  return entry;
}

void NodeSet::appraise(Entry& entry, const Leaf& leaf, const VerifiedBundle& bundle, UnixSeconds now) const {
  attest::Circumstances circumstances{now, bundle.beacons(), bundle.content().nodes.size()};
  const auto evidence = attest::Evidence::parse(leaf.evidence);
  // A successor is published ahead: what counts is whether it will be good when its time comes. Its beacon's age bounds how far ahead.
  if (evidence) circumstances.now = std::max(now, evidence->claims().not_before);
  attest::Appraisal appraisal =
      evidence ? attest::verify(*evidence, *policy_, circumstances) : attest::verify(leaf.evidence, *policy_, circumstances);
  entry.verdict = std::make_shared<const attest::Verdict>(std::move(appraisal.verdict));
  entry.node = std::move(appraisal.node);
}

// active are the nodes that count: each device once, with its newest key, so that nobody gains weight by listing a machine often.
std::vector<NodePtr> NodeSet::active(UnixSeconds now) const {
  std::vector<NodePtr> candidates;
  for (const Entry& entry : entries_) {
    if (entry.node && entry.node->usable_at(now)) candidates.push_back(entry.node);
  }
  std::ranges::sort(candidates, newer);
  std::set<Bytes> taken;
  std::map<Bytes, size_t> on_chip;
  std::vector<NodePtr> out;
  for (const NodePtr& node : candidates) {
    const std::vector<Bytes> devices = devices_of(*node);
    if (std::ranges::any_of(devices, [&](const Bytes& device) { return taken.contains(device); })) continue;
    if (on_chip[node->chip_id()] == kNodesPerChipMax) continue;
    on_chip[node->chip_id()] += 1;
    taken.insert(devices.begin(), devices.end());
    out.push_back(node);
  }
  return out;
}

std::set<std::string> NodeSet::models(UnixSeconds now) const {
  std::set<std::string> out;
  for (const NodePtr& node : active(now)) {
    for (const attest::Model& model : node->claims().models) out.insert(model.name);
  }
  return out;
}

std::vector<NodePtr> NodeSet::usable(std::string_view model, UnixSeconds now) const {
  std::vector<NodePtr> out = active(now);
  std::erase_if(out, [&](const NodePtr& node) { return !node->serves(model); });
  std::ranges::sort(out, {}, [](const NodePtr& node) { return node->node_id(); });
  return out;
}

std::vector<NodePtr> NodeSet::usable_without(std::string_view model, const std::set<attest::NodeId>& exclude, UnixSeconds now) const {
  std::vector<NodePtr> out = usable(model, now);
  std::erase_if(out, [&](const NodePtr& node) { return exclude.contains(node->node_id()); });
  return out;
}

Result<std::vector<NodePtr>> NodeSet::draw(std::string_view model, size_t k, const std::set<attest::NodeId>& exclude, UnixSeconds now,
                                           Random& random) const {
  std::vector<NodePtr> left = usable_without(model, exclude, now);
  if (left.size() < k) return too_few(left.size(), k);
  // The first k steps of a Fisher-Yates shuffle: every ordered choice of k is equally likely.
  for (size_t i = 0; i < k; ++i) std::swap(left[i], left[i + random.below(left.size() - i)]);
  left.resize(k);
  return left;
}

Result<NodePtr> NodeSet::nearest(std::string_view model, const std::set<attest::NodeId>& exclude, UnixSeconds now, const Rank& rank) const {
  const std::vector<NodePtr> left = usable_without(model, exclude, now);
  if (left.empty()) return too_few(0, 1);
  return std::ranges::min(left, {}, [&](const NodePtr& node) { return rank(*node); });
}

}  // namespace openpcc::directory
