#include "openpcc/directory/nodes.h"

#include <boost/json.hpp>
#include <cmath>

#include "world.h"

namespace openpcc::directory {
namespace {

using attest::testing_world::filled;
using attest::testing_world::kNow;
using attest::testing_world::World;

class NodesTest : public testing::Test {
 protected:
  NodesTest() { world_.tee.gpus = 1; }

  World world_;
  uint64_t epoch_ = 1;
  std::vector<Bytes> leaves_;

  // add puts the world's current machine and claims into the directory.
  attest::NodeId add() {
    const auto evidence = attest::Evidence::parse(world_.make());
    OPENPCC_CHECK(evidence.has_value());
    leaves_.push_back(make_leaf(*evidence, world_.tee.chip_id));
    return evidence->node_id();
  }
  attest::NodeId add_node(uint8_t number) {
    world_.another_node(number);
    return add();
  }
  VerifiedBundle bundle(UnixSeconds now = kNow) {
    const BundleContent content{epoch_++, now, now + 3600, "demo.example", "gateway.example", {1}, {}, {world_.beacon_note}, leaves_};
    const SignedBundle s = *sign_bundle(content, world_.directory_key);
    const Trust trust{world_.directory_key.verifier(), world_.beacon_key.verifier(), "demo.example"};
    auto verified = verify_bundle(s.bundle, as_bytes(s.signature), trust, now, {});
    OPENPCC_CHECK(verified.has_value());
    return std::move(*verified);
  }
  NodeSet nodes(UnixSeconds now = kNow) {
    NodeSet out(std::make_shared<const policy::Policy>(world_.policy()));
    out.update(bundle(now), now);
    return out;
  }
  static std::set<attest::NodeId> ids(const std::vector<NodePtr>& nodes) {
    std::set<attest::NodeId> out;
    for (const NodePtr& node : nodes) out.insert(node->node_id());
    return out;
  }
};

constexpr std::string_view kModel = "demo-engine";

testing::AssertionResult refused(const Entry& entry, std::string_view rule) {
  if (entry.node || !entry.refusal) return testing::AssertionFailure() << "not refused";
  return testkit::trips(Result<int>(std::unexpected(*entry.refusal)), rule);
}

TEST_F(NodesTest, verifies_and_draws) {
  const auto a = add_node(1);
  const auto b = add_node(2);
  const NodeSet set = nodes();
  ASSERT_EQ(set.entries().size(), 2u);
  for (const Entry& entry : set.entries()) {
    ASSERT_NE(entry.verdict, nullptr);
    EXPECT_EQ(entry.verdict->outcome(), attest::Outcome::accept_simulated) << entry.verdict->text(true);
    EXPECT_EQ(entry.verdict->row(attest::Property::non_targetability)->seen, "2 nodes in the directory");
  }
  EXPECT_EQ(set.models(kNow), std::set<std::string>{"demo-engine"});
  const auto drawn = set.draw(kModel, 2, {}, kNow, world_.random);
  ASSERT_OK(drawn);
  EXPECT_EQ(ids(*drawn), (std::set<attest::NodeId>{a, b}));
}

TEST_F(NodesTest, too_few) {
  const auto a = add_node(1);
  const auto b = add_node(2);
  const NodeSet set = nodes();
  EXPECT_RULE(set.draw(kModel, 3, {}, kNow, world_.random), "directory.draw.too_few");
  EXPECT_RULE(set.draw(kModel, 2, {a}, kNow, world_.random), "directory.draw.too_few");
  EXPECT_RULE(set.draw("another-model", 1, {}, kNow, world_.random), "directory.draw.too_few");
  const auto drawn = set.draw(kModel, 1, {a}, kNow, world_.random);
  ASSERT_OK(drawn);
  EXPECT_EQ(ids(*drawn), std::set<attest::NodeId>{b});
  const NodeSet empty(std::make_shared<const policy::Policy>(world_.policy()));
  EXPECT_RULE(empty.draw(kModel, 1, {}, kNow, world_.random), "directory.draw.too_few");
}

TEST_F(NodesTest, nearest_is_the_least_by_rank_that_was_not_tried) {
  const auto a = add_node(1);
  const auto b = add_node(2);
  const NodeSet set = nodes();
  const auto rank = [&](const attest::VerifiedNode& node) { return filled<32>(node.node_id() == a ? 1 : 2); };
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*set.nearest(kModel, {}, kNow, rank))->node_id(), a);
  EXPECT_EQ((*set.nearest(kModel, {a}, kNow, rank))->node_id(), b);
  EXPECT_RULE(set.nearest(kModel, {a, b}, kNow, rank), "directory.draw.too_few");
  EXPECT_RULE(set.nearest("another-model", {}, kNow, rank), "directory.draw.too_few");
}

TEST_F(NodesTest, models_come_from_evidence) {
  world_.claims.models = {{"a-model", filled<32>(0x33)}};
  const auto a = add_node(1);
  world_.claims.models = {{"a-model", filled<32>(0x33)}, {"b-model", filled<32>(0x33)}};
  const auto b = add_node(2);
  const NodeSet set = nodes();
  EXPECT_EQ(set.models(kNow), (std::set<std::string>{"a-model", "b-model"}));
  EXPECT_EQ(ids(set.usable("a-model", kNow)), (std::set<attest::NodeId>{a, b}));
  EXPECT_EQ(ids(set.usable("b-model", kNow)), std::set<attest::NodeId>{b});
}

TEST_F(NodesTest, keys_are_used_in_their_time) {
  add_node(1);
  const NodeSet set = nodes();
  const UnixSeconds stop = world_.claims.not_after - attest::kStopEarly_s;
  EXPECT_EQ(set.usable(kModel, stop - 1).size(), 1u);
  EXPECT_TRUE(set.usable(kModel, stop).empty());
  EXPECT_TRUE(set.models(stop).empty());
  EXPECT_TRUE(set.usable(kModel, world_.claims.not_before - 1).empty());
}

TEST_F(NodesTest, successors_are_published_ahead_and_used_when_their_time_comes) {
  const auto old_key = add_node(1);
  world_.claims.not_before = kNow + 600;
  world_.claims.not_after = kNow + 600 + 3300;
  const auto successor = add_node(1);
  const NodeSet set = nodes();
  ASSERT_NE(set.entries()[1].node, nullptr) << set.entries()[1].verdict->text(true);
  EXPECT_EQ(ids(set.usable(kModel, kNow)), std::set<attest::NodeId>{old_key});
  EXPECT_EQ(ids(set.usable(kModel, kNow + 600)), std::set<attest::NodeId>{successor});  // one machine counts once
}

TEST_F(NodesTest, not_further_ahead_than_the_beacon_reaches) {
  world_.claims.not_before = kNow + 901;  // the beacon is 300 s old
  world_.claims.not_after = kNow + 901 + 3300;
  add_node(1);
  const NodeSet set = nodes();
  EXPECT_EQ(set.entries()[0].node, nullptr);
  EXPECT_EQ(set.entries()[0].verdict->first_refusal()->rule.id(), "attest.freshness.stale");
}

TEST_F(NodesTest, a_machine_listed_often_counts_once) {
  add_node(1);
  add_node(1);
  add_node(1);
  const auto b = add_node(2);
  const NodeSet set = nodes();
  EXPECT_EQ(set.usable(kModel, kNow).size(), 2u);
  EXPECT_TRUE(ids(set.usable(kModel, kNow)).contains(b));
}

TEST_F(NodesTest, without_gpus_a_chip_counts_once) {
  world_.tee.gpus = 0;
  world_.policy_text.require_gpu = false;
  world_.policy_text.min_root_owners = 1;
  world_.policy_text.one_root_owner = true;
  add_node(1);
  add_node(1);
  add_node(2);
  EXPECT_EQ(nodes().usable(kModel, kNow).size(), 2u);
}

// ManyGpus are nodes of one chip that have a GPU each.
class ManyGpus final : public attest::Attester {
 public:
  ManyGpus(World& world, uint8_t gpu) : world_(world), gpu_(gpu) {}
  size_t gpu_count() const override { return 1; }
  Bytes gpu_id(size_t) const override { return Bytes(32, gpu_); }
  Result<attest::Device> gpu_report(size_t, const attest::GpuNonce& nonce) override {
    const sim::GpuFields fields{filled<32>(gpu_), world_.tee.gpu_measurement, world_.tee.gpu_tcb, false, nonce};
    return device(sim::kGpuType, sim_maker::sign_gpu(fields, key_), world_.roots.certify_gpu(fields.device_id, key_.public_key()));
  }
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override {
    const sim::CpuFields fields{world_.tee.chip_id, world_.tee.measurement, world_.tee.tcb, false, binding};
    return device(sim::kCpuType, sim_maker::sign_cpu(fields, key_), world_.roots.certify_cpu(fields.chip_id, key_.public_key()));
  }

 private:
  static attest::Device device(std::string_view type, Bytes report, Bytes certificate) {
    return {{std::string(type), std::move(report)}, {{std::string(sim::kCertificateType), std::move(certificate)}}, {}};
  }
  World& world_;
  uint8_t gpu_;
  crypto::Ed25519Private key_{filled<32>(0x77)};
};

TEST_F(NodesTest, at_most_eight_nodes_to_a_chip) {
  for (uint8_t gpu = 0; gpu < 10; ++gpu) {
    world_.another_node(1);
    ManyGpus tee(world_, gpu);
    const auto evidence = attest::Evidence::parse(attest::make_evidence(world_.claims, tee)->bytes);
    ASSERT_OK(evidence);
    leaves_.push_back(make_leaf(*evidence, world_.tee.chip_id));
  }
  EXPECT_EQ(nodes().usable(kModel, kNow).size(), kNodesPerChipMax);
}

TEST_F(NodesTest, a_bad_leaf_does_not_spoil_the_others) {
  const auto good = add_node(1);
  const auto other = add_node(2);
  const auto evidence = attest::Evidence::parse(Leaf::parse(leaves_[1])->evidence);
  const std::string text(as_text(leaves_[1]));
  const auto with = [&](std::string from, std::string to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return Bytes(changed.begin(), changed.end());
  };
  leaves_.resize(1);
  leaves_.push_back(Bytes{'{'});
  leaves_.push_back(with(to_hex(other), std::string(64, '0')));
  leaves_.push_back(make_leaf(*evidence, Bytes(32, 9)));
  leaves_.push_back(leaves_[0]);
  const NodeSet set = nodes();
  EXPECT_TRUE(refused(set.entries()[1], "directory.leaf.syntax"));
  EXPECT_TRUE(refused(set.entries()[2], "directory.leaf.node_id"));
  EXPECT_TRUE(refused(set.entries()[3], "directory.leaf.chip_id"));
  EXPECT_TRUE(refused(set.entries()[4], "directory.leaf.duplicate"));
  EXPECT_EQ(ids(set.usable(kModel, kNow)), std::set<attest::NodeId>{good});
}

TEST_F(NodesTest, refused_evidence_keeps_its_verdict) {
  world_.tee.debug = true;
  add_node(1);
  leaves_.push_back(Bytes());
  const std::string leaf = "{\"node_id\":\"" + std::string(64, 'a') + "\",\"chip_id\":\"01\",\"evidence\":\"[]\"}";
  leaves_.back().assign(leaf.begin(), leaf.end());
  const NodeSet set = nodes();
  EXPECT_EQ(set.entries()[0].verdict->first_refusal()->rule.id(), "attest.debug.enabled");
  EXPECT_EQ(set.entries()[0].node, nullptr);
  EXPECT_EQ(set.entries()[1].verdict->outcome(), attest::Outcome::malformed);
  EXPECT_TRUE(set.usable(kModel, kNow).empty());
}

TEST_F(NodesTest, a_verdict_is_made_once_and_lives_as_long_as_the_leaf) {
  add_node(1);
  NodeSet set(std::make_shared<const policy::Policy>(world_.policy()));
  set.update(bundle(), kNow);
  const NodePtr before = set.entries()[0].node;
  add_node(2);
  set.update(bundle(), kNow + 600);
  EXPECT_EQ(set.entries()[0].node, before);  // the same object, not a second verification
  leaves_.erase(leaves_.begin());
  set.update(bundle(), kNow + 600);
  EXPECT_EQ(set.entries().size(), 1u);
  EXPECT_NE(set.entries()[0].node, before);
  EXPECT_EQ(before->chip_id(), Bytes(32, 1));  // what was drawn stays usable
}

TEST_F(NodesTest, what_was_refused_is_looked_at_again) {
  add_node(1);
  NodeSet set(std::make_shared<const policy::Policy>(world_.policy()));
  std::string beacon = world_.beacon_note;
  world_.beacon_note = note::make_beacon(43, kNow - 1, world_.beacon_key, world_.random);
  set.update(bundle(), kNow);
  EXPECT_EQ(set.entries()[0].verdict->first_refusal()->rule.id(), "attest.freshness.unknown");
  world_.beacon_note = beacon;
  set.update(bundle(), kNow);
  EXPECT_NE(set.entries()[0].node, nullptr);
}

// Chi-squared over all ordered pairs of 6 nodes: 30 cells, 29 degrees of freedom. 58.3 is passed by chance once in a thousand; the
// randomness is fixed, so the test is, too.
TEST_F(NodesTest, draws_uniformly) {
  constexpr size_t kNodes = 6;
  constexpr size_t kDraws = 30000;
  for (uint8_t i = 0; i < kNodes; ++i) add_node(static_cast<uint8_t>(i + 1));
  const NodeSet set = nodes();
  std::map<std::pair<attest::NodeId, attest::NodeId>, size_t> counts;
  testkit::TestRandom random(99);
  for (size_t i = 0; i < kDraws; ++i) {
    const auto drawn = set.draw(kModel, 2, {}, kNow, random);
    ASSERT_OK(drawn);
    counts[{(*drawn)[0]->node_id(), (*drawn)[1]->node_id()}] += 1;
  }
  ASSERT_EQ(counts.size(), kNodes * (kNodes - 1));
  const double expected = static_cast<double>(kDraws) / static_cast<double>(counts.size());
  double chi_squared = 0;
  for (const auto& [pair, count] : counts) {
    EXPECT_NE(pair.first, pair.second);
    chi_squared += std::pow(static_cast<double>(count) - expected, 2) / expected;
  }
  EXPECT_LT(chi_squared, 58.3);
}

}  // namespace
}  // namespace openpcc::directory
