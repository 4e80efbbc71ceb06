#include "world.h"

namespace openpcc::attest::testing_world {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string setting(const std::string& name, const std::string& value) { return name + " = " + value + "\n"; }
std::string flag(bool value) { return value ? "true" : "false"; }

Bytes new_hpke_key(Random& random) {
  const auto key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  return Bytes(key.public_key().begin(), key.public_key().end());
}

}  // namespace

std::string PolicyText::text() const {
  std::string out = setting("kind", quoted(kind)) + setting("deployment", quoted(deployment)) + keys;
  if (kind == "development") out += roots;
  out += "[nodes]\n" + setting("releases", "[" + quoted(releases) + "]") + setting("models", "[" + quoted(models) + "]");
  if (!gpu_releases.empty()) out += setting("gpu_releases", "[" + quoted(gpu_releases) + "]");
  if (!configs.empty()) out += setting("configs", "[" + quoted(configs) + "]");
  if (kind == "development") out += setting("min_tcb", std::to_string(min_tcb)) + setting("min_gpu_tcb", std::to_string(min_gpu_tcb));
  out += setting("require_gpu", flag(require_gpu)) + setting("min_root_owners", std::to_string(min_root_owners));
  out += setting("freshness_age_s", std::to_string(freshness_age_s));
  if (!chips.empty()) out += setting("chips", "[" + chips + "]");
  out += "[exceptions]\n" + setting("allow_debug", flag(allow_debug)) + setting("no_chip_ledger", flag(chips.empty()));
  return out + setting("one_root_owner", flag(one_root_owner));
}

World::World(uint64_t seed)
    : random(seed),
      roots(sim_maker::RootKeys::generate(random)),
      directory_key(*note::SignerKey::generate("demo.example/directory", note::KeyType::ed25519, random)),
      beacon_key(*note::SignerKey::generate("demo.example/beacon", note::KeyType::cosignature_v1, random)) {
  policy_text.keys = "[keys]\n" + setting("directory", quoted(directory_key.verifier().to_string())) +
                     setting("beacon", quoted(beacon_key.verifier().to_string()));
  policy_text.roots = "[roots]\n" + setting("sim_cpu", quoted(to_base64(roots.cpu_root().key))) +
                      setting("sim_gpu", quoted(to_base64(roots.gpu_root().key)));
  beacon_note = note::make_beacon(42, kNow - 300, beacon_key, random);
  beacons.push_back(*note::verify_beacon(as_bytes(beacon_note), beacon_key.verifier()));
  tee = {filled<32>(0x01), filled<32>(0x11), 3, false, 2, filled<32>(0x22), 4};
  claims.hpke_public_key = new_hpke_key(random);
  claims.receipt_key = filled<32>(0x44);
  claims.not_before = kNow - 60;
  claims.not_after = kNow - 60 + 55 * 60;
  claims.deployment = kDeployment;
  claims.freshness = beacons[0].freshness();
  claims.config_digest = filled<32>(0x55);
  claims.models = {{"demo-engine", filled<32>(0x33)}};
}

policy::Policy World::policy() const {
  auto out = policy::parse(as_bytes(policy_text.text()));
  if (!out) ADD_FAILURE() << describe(out.error()) << "\n" << policy_text.text();
  return std::move(out.value());
}

Bytes World::make_with(const Claims& for_claims, const sim_maker::TeeConfig& config) {
  sim_maker::SoftwareTee machine(config, roots, random);
  auto made = make_evidence(for_claims, machine);
  OPENPCC_CHECK(made.has_value());
  return std::move(made->bytes);
}

void World::another_node(uint8_t number) {
  tee.chip_id = filled<32>(number);
  claims.hpke_public_key = new_hpke_key(random);
}

Appraisal World::verify_at(ByteSpan evidence, UnixSeconds now) const {
  return attest::verify(evidence, policy(), {now, beacons, std::nullopt});
}

testing::AssertionResult refused(const Appraisal& appraisal, Property property, std::string_view rule, Outcome outcome) {
  const Verdict& verdict = appraisal.verdict;
  if (verdict.outcome() != outcome) return testing::AssertionFailure() << "another outcome:\n" << verdict.text(true);
  if (appraisal.node) return testing::AssertionFailure() << "refused, and yet there is a node";
  for (const Row& row : verdict.rows()) {
    const bool expected = row.property == property;
    if ((row.state == State::failed) != expected) return testing::AssertionFailure() << "another row failed:\n" << verdict.text(true);
    if (expected && row.rule.id() != rule) return testing::AssertionFailure() << "another rule:\n" << verdict.text(true);
    if (expected && row.remedy.empty()) return testing::AssertionFailure() << "no remedy:\n" << verdict.text(true);
  }
  testkit::note_tripped(rule);
  return testing::AssertionSuccess();
}

testing::AssertionResult states(const Appraisal& appraisal, Property property, State state, std::string_view rule) {
  const Row* row = appraisal.verdict.row(property);
  if (row == nullptr || row->state != state || row->rule.id() != rule) {
    return testing::AssertionFailure() << "no such row:\n" << appraisal.verdict.text(true);
  }
  testkit::note_tripped(rule);
  return testing::AssertionSuccess();
}

}  // namespace openpcc::attest::testing_world
