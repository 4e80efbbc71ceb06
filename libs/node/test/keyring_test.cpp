#include "openpcc/node/keyring.h"

#include <set>

#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr UnixSeconds kStart = 1'800'000'000;

// Machine is a simulated one that may take its time over a CPU's report, as Background does: what it was asked for comes later.
class Machine final : public attest::Attester {
 public:
  Machine(const sim_maker::RootKeys& roots, Random& random) : tee_({}, roots, random) {}
  size_t gpu_count() const override { return 0; }
  Bytes gpu_id(size_t rank) const override { return tee_.gpu_id(rank); }
  Result<attest::Device> gpu_report(size_t rank, const attest::GpuNonce& nonce) override { return tee_.gpu_report(rank, nonce); }
  Result<attest::Device> cpu_quote(const attest::Binding& binding) override {
    asked.push_back(binding);
    if (!error) return tee_.cpu_quote(binding);
    return std::unexpected(*error);
  }
  std::optional<Error> error;
  std::vector<attest::Binding> asked;

 private:
  sim_maker::SoftwareTee tee_;
};

// World is a node's machine, its clocks, and whoever makes beacons.
class World {
 public:
  explicit World(uint64_t seed = 1, size_t replay_entries_max = 4)
      : random_(seed),
        roots_(sim_maker::RootKeys::generate(random_)),
        tee_(roots_, random_),
        beacon_key_(*note::SignerKey::generate("beacon.test", note::KeyType::cosignature_v1, random_)),
        keyring_({"deployment.test", crypto::Sha256Digest{9}, {{"m", crypto::Sha256Digest{7}}}, beacon_key_.verifier(), replay_entries_max},
                 tee_, random_) {}

  Keyring& keyring() { return keyring_; }
  Machine& machine() { return tee_; }
  Now now() const { return {kStart + wall_.count(), std::chrono::steady_clock::time_point() + monotonic_}; }
  void pass(seconds time) {
    wall_ += time;
    monotonic_ += time;
  }
  void move_wall_clock(seconds by) { wall_ += by; }

  std::string beacon(uint64_t counter, UnixSeconds time) { return note::make_beacon(counter, time, beacon_key_, random_); }
  Result<> show_beacon() {
    const std::string note = beacon(static_cast<uint64_t>(now().wall), now().wall);
    return keyring_.take_beacon(as_bytes(note), now());
  }
  Keyring::Changes tend() { return keyring_.tend(now()); }

 private:
  testkit::TestRandom random_;
  sim_maker::RootKeys roots_;
  Machine tee_;
  note::SignerKey beacon_key_;
  Keyring keyring_;
  seconds wall_{0};
  seconds monotonic_{0};
};

Result<> failure(const Keyring::Changes& changes) {
  if (!changes.failed) return {};
  return std::unexpected(*changes.failed);
}

TEST(Keyring, a_key_waits_for_its_evidence) {
  World world;
  ASSERT_OK(world.show_beacon());
  world.machine().error = Error{Code::unavailable, attest::kPending, ""};
  for (int i = 0; i < 3; ++i) {
    const auto changes = world.tend();
    EXPECT_TRUE(changes.pending && !changes.made && !changes.failed);
    world.pass(seconds(10));
  }
  EXPECT_FALSE(world.keyring().published(world.now()));
  world.machine().error.reset();
  EXPECT_TRUE(world.tend().made);
  for (const attest::Binding& binding : world.machine().asked)
    EXPECT_EQ(binding, world.machine().asked.front()) << "the same key all the time";
  // Its age counts from when it was made, not from when its evidence came.
  const LiveKey& key = world.keyring().keys().front();
  EXPECT_EQ(world.now().monotonic - key.made, seconds(30));
  EXPECT_EQ(key.not_after, kStart + kWipedAfter.count());
}

TEST(Keyring, a_key_whose_evidence_does_not_come_is_given_up) {
  World world;
  ASSERT_OK(world.show_beacon());
  world.machine().error = Error{Code::unavailable, attest::kPending, ""};
  EXPECT_TRUE(world.tend().pending);
  world.pass(kEvidenceWait);
  EXPECT_TRUE(world.tend().pending);
  EXPECT_NE(world.machine().asked[1], world.machine().asked[0]) << "claims that old are not asked for any more";
  world.machine().error = Error{Code::internal, "test.refused", ""};
  EXPECT_RULE(failure(world.tend()), "test.refused");
  world.machine().error.reset();
  EXPECT_TRUE(world.tend().made);
  EXPECT_NE(world.machine().asked[3], world.machine().asked[2]) << "after an error a new key begins";
}

TEST(Keyring, makes_no_key_without_a_beacon) {
  World world;
  EXPECT_RULE(failure(world.tend()), "node.keys.no_beacon");
  EXPECT_FALSE(world.keyring().published(world.now()));
  EXPECT_EQ(as_text(world.keyring().key_list(world.now())), R"({"keys":[]})");
}

TEST(Keyring, the_evidence_says_what_the_node_is) {
  World world;
  const std::string note = world.beacon(1, kStart - 30);
  ASSERT_OK(world.keyring().take_beacon(as_bytes(note), world.now()));
  const auto changes = world.tend();
  ASSERT_TRUE(changes.made);
  const LiveKey& key = world.keyring().keys().front();
  const auto evidence = attest::Evidence::parse(key.evidence);
  ASSERT_OK(evidence);
  EXPECT_EQ(evidence->node_id(), *changes.made);
  EXPECT_EQ(world.keyring().find(*changes.made, world.now()), &key);
  const attest::Claims& claims = evidence->claims();
  EXPECT_TRUE(equal(claims.hpke_public_key, key.key.public_key()));
  EXPECT_EQ(claims.not_before, kStart);
  EXPECT_EQ(claims.not_after, kStart + 3600);
  EXPECT_EQ(claims.deployment, "deployment.test");
  EXPECT_EQ(claims.config_digest, crypto::Sha256Digest{9});
  EXPECT_EQ(claims.models, (std::vector<attest::Model>{{"m", crypto::Sha256Digest{7}}}));
  EXPECT_EQ(claims.freshness, crypto::sha256(as_bytes(note.substr(0, note.find("\n\n") + 1))));
}

TEST(Keyring, a_beacon_a_little_ahead_of_our_clock_moves_the_keys_beginning) {
  World world;
  ASSERT_OK(world.keyring().take_beacon(as_bytes(world.beacon(1, kStart + 60)), world.now()));
  ASSERT_TRUE(world.tend().made);
  EXPECT_EQ(attest::Evidence::parse(world.keyring().keys().front().evidence)->claims().not_before, kStart + 60);
}

TEST(Keyring, judges_beacons) {
  World world;
  const auto take = [&](const std::string& note) { return world.keyring().take_beacon(as_bytes(note), world.now()); };
  EXPECT_RULE(take("not a note"), "note.parse.text");
  EXPECT_RULE(take(World(2).beacon(1, kStart)), "note.verify.unsigned");
  EXPECT_RULE(take(world.beacon(1, kStart + 61)), "node.beacon.ahead");
  EXPECT_RULE(take(world.beacon(1, kStart - 1201)), "node.beacon.stale");
  const std::string second = world.beacon(2, kStart);
  EXPECT_OK(take(second));
  EXPECT_OK(take(second));
  EXPECT_RULE(take(world.beacon(1, kStart)), "node.beacon.older");
  EXPECT_RULE(take(world.beacon(2, kStart)), "node.beacon.older");
  EXPECT_OK(take(world.beacon(3, kStart)));
}

TEST(Keyring, makes_no_key_from_a_beacon_that_has_grown_old) {
  World world;
  ASSERT_OK(world.show_beacon());
  world.pass(seconds(1201));
  EXPECT_RULE(failure(world.tend()), "node.keys.no_beacon");
  ASSERT_OK(world.show_beacon());
  EXPECT_TRUE(world.tend().made);
}

TEST(Keyring, a_key_is_published_for_55_minutes_and_wiped_after_60) {
  World world;
  ASSERT_OK(world.show_beacon());
  const auto made = world.tend().made;
  ASSERT_TRUE(made);
  ASSERT_OK(world.keyring().find(*made, world.now())->replay.admit(crypto::Sha256Digest{1}));
  world.pass(seconds(3299));
  EXPECT_TRUE(world.keyring().published(world.now()));
  world.pass(seconds(1));
  EXPECT_FALSE(world.keyring().published(world.now()));
  EXPECT_EQ(as_text(world.keyring().key_list(world.now())), R"({"keys":[]})");
  world.pass(seconds(299));
  EXPECT_TRUE(world.tend().wiped.empty());
  EXPECT_NE(world.keyring().find(*made, world.now()), nullptr);
  world.pass(seconds(1));
  EXPECT_EQ(world.keyring().find(*made, world.now()), nullptr) << "ended, though nobody has tended since";
  const auto changes = world.tend();
  ASSERT_EQ(changes.wiped.size(), 1u);
  EXPECT_EQ(changes.wiped.front().node_id, *made);
  EXPECT_EQ(changes.wiped.front().envelopes, 1u);
  EXPECT_EQ(world.keyring().find(*made, world.now()), nullptr);
}

TEST(Keyring, the_wall_clock_cannot_lengthen_a_keys_life) {
  World world;
  ASSERT_OK(world.show_beacon());
  ASSERT_TRUE(world.tend().made);
  world.move_wall_clock(-minutes(30));
  world.pass(minutes(60));
  EXPECT_EQ(world.tend().wiped.size(), 1u);
}

TEST(Keyring, the_wall_clock_can_end_a_key_early) {
  World world;
  ASSERT_OK(world.show_beacon());
  ASSERT_TRUE(world.tend().made);
  world.move_wall_clock(minutes(60));
  EXPECT_FALSE(world.keyring().published(world.now()));
  EXPECT_EQ(world.tend().wiped.size(), 1u);
}

TEST(Keyring, there_is_always_a_published_key_and_never_more_than_three) {
  World world;
  std::set<envelope::NodeId> made;
  for (int second = 0; second < 6 * 3600; second += 5) {
    if (second % 600 == 0) {
      ASSERT_OK(world.show_beacon());
    }
    const auto changes = world.tend();
    ASSERT_FALSE(changes.failed);
    if (changes.made) made.insert(*changes.made);
    ASSERT_TRUE(world.keyring().published(world.now()));
    ASSERT_LE(world.keyring().keys().size(), kKeysMax);
    world.pass(seconds(5));
  }
  EXPECT_GE(made.size(), 12u);  // one in 25 to 30 min
  EXPECT_LE(made.size(), 15u);
}

TEST(Keyring, a_fleet_does_not_renew_at_once) {
  std::set<int> seconds_of_renewal;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    World world(seed);
    ASSERT_OK(world.show_beacon());
    ASSERT_TRUE(world.tend().made);
    seconds_of_renewal.insert(static_cast<int>(world.keyring().keys().front().succeeded_after.count()));
  }
  EXPECT_GE(seconds_of_renewal.size(), 7u);
  EXPECT_GE(*seconds_of_renewal.begin(), 25 * 60);
  EXPECT_LT(*seconds_of_renewal.rbegin(), 30 * 60);
}

TEST(Keyring, a_successor_comes_when_asked_for_but_no_fourth_key) {
  World world;
  ASSERT_OK(world.show_beacon());
  for (size_t keys = 1; keys <= kKeysMax; ++keys) {
    EXPECT_TRUE(world.tend().made);
    EXPECT_FALSE(world.tend().made);
    EXPECT_EQ(world.keyring().keys().size(), keys);
    world.keyring().request_successor();
  }
  EXPECT_FALSE(world.tend().made);
}

}  // namespace
}  // namespace openpcc::node
