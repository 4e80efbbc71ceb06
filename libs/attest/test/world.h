// A small deployment for tests: roots, keys, a policy, a beacon, and simulated machines that make evidence.
#pragma once

#include <string>
#include <vector>

#include "openpcc/attest/verify.h"
#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::attest::testing_world {

inline constexpr UnixSeconds kNow = 1'800'000'000;
inline constexpr std::string_view kDeployment = "demo.example";

template <size_t N>
std::array<uint8_t, N> filled(uint8_t value) {
  std::array<uint8_t, N> out;
  out.fill(value);
  return out;
}

// PolicyText is the policy file of the world, part by part, so that tests change one thing.
struct PolicyText {
  std::string kind = "development";
  std::string deployment{kDeployment};
  std::string roots;
  std::string keys;
  std::string releases = to_hex(filled<32>(0x11));
  std::string gpu_releases = to_hex(filled<32>(0x22));
  std::string models = to_hex(filled<32>(0x33));
  std::string configs;  // one digest; empty: the policy names none
  bool require_gpu = true;
  int min_tcb = 3;
  int min_gpu_tcb = 4;
  int min_root_owners = 2;
  int freshness_age_s = 1200;
  std::string chips;  // a list's content; empty: the exception no_chip_ledger
  bool allow_debug = false;
  bool one_root_owner = false;

  std::string text() const;
};

class World {
 public:
  explicit World(uint64_t seed = 1);

  PolicyText policy_text;
  policy::Policy policy() const;

  sim_maker::TeeConfig tee;  // two GPUs, all as the policy wants it
  Claims claims;             // likewise; valid from kNow - 60 s for 55 min
  std::string beacon_note;
  std::vector<note::VerifiedBeacon> beacons;

  testkit::TestRandom random;
  sim_maker::RootKeys roots;
  note::SignerKey directory_key;
  note::SignerKey beacon_key;

  // make makes evidence by a machine of `tee` for `claims`.
  Bytes make() { return make_with(claims, tee); }
  Bytes make_with(const Claims& for_claims, const sim_maker::TeeConfig& config);
  // another_node changes chip and key, so that the next evidence is another node's.
  void another_node(uint8_t number);

  Appraisal verify(ByteSpan evidence) const { return verify_at(evidence, kNow); }
  Appraisal verify_at(ByteSpan evidence, UnixSeconds now) const;
};

// refused asserts that exactly this row stands in the way, by this rule, and counts the rule as tested.
testing::AssertionResult refused(const Appraisal& appraisal, Property property, std::string_view rule, Outcome outcome = Outcome::reject);
// states asserts a row's state and rule where nothing is refused by it, and counts the rule.
testing::AssertionResult states(const Appraisal& appraisal, Property property, State state, std::string_view rule);

}  // namespace openpcc::attest::testing_world
