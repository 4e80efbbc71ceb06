// A bundle whose nodes were verified with the one before it: what a verdict costs that is found by the digest of its evidence.
#include <benchmark/benchmark.h>

#include "openpcc/directory/nodes.h"
#include "world.h"

namespace openpcc::directory {
namespace {

using attest::testing_world::kNow;
using attest::testing_world::World;

constexpr size_t kNodes = 32;       // a shard
constexpr size_t kMoreModels = 56;  // their names, not their number, make the evidence as large as that of a real machine
constexpr size_t kNameBytes = 250;

VerifiedBundle shard(World& world) {
  world.tee.gpus = 1;
  for (size_t i = 0; i < kMoreModels; ++i) {
    const std::string name = "padding-" + std::to_string(100 + i) + std::string(kNameBytes - 11, 'x');
    world.claims.models.push_back({name, world.claims.models.front().digest});
  }
  std::vector<Bytes> leaves;
  for (uint8_t i = 0; i < kNodes; ++i) {
    world.another_node(static_cast<uint8_t>(i + 1));
    leaves.push_back(make_leaf(*attest::Evidence::parse(world.make()), world.tee.chip_id));
  }
  const BundleContent content{1, kNow, kNow + 3600, "demo.example", "gateway.example", {1}, {}, {world.beacon_note}, leaves};
  const SignedBundle s = *sign_bundle(content, world.directory_key);
  const Trust trust{world.directory_key.verifier(), world.beacon_key.verifier(), "demo.example"};
  return *verify_bundle(s.bundle, as_bytes(s.signature), trust, kNow, {});
}

// Counters: warm_us, of one node; evidence_bytes, of one node.
void verify_warm(benchmark::State& state) {
  World world;
  const VerifiedBundle bundle = shard(world);
  NodeSet set(std::make_shared<const policy::Policy>(world.policy()));
  set.update(bundle, kNow);
  OPENPCC_CHECK(set.entries().size() == kNodes && set.entries().front().node != nullptr);
  for (auto _ : state) set.update(bundle, kNow);
  state.counters["evidence_bytes"] = static_cast<double>(world.make().size());
  state.counters["warm_us"] = benchmark::Counter(static_cast<double>(kNodes) * static_cast<double>(state.iterations()) / 1e6,
                                                 benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(verify_warm)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace openpcc::directory
