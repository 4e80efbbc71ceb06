// Every rule that verify() can refuse by, tripped exactly.
#include <boost/json.hpp>
#include <functional>

#include "world.h"

namespace openpcc::attest {
namespace {

using testing_world::filled;
using testing_world::kNow;
using testing_world::refused;
using testing_world::states;
using testing_world::World;
namespace bj = boost::json;

// CraftedTee signs whatever a test wants; `change_gpu` may spoil a GPU's fields before they are signed.
class CraftedTee final : public Attester {
 public:
  CraftedTee(World& world, std::vector<uint8_t> gpu_ids) : world_(world), gpu_ids_(std::move(gpu_ids)) {}

  std::function<void(size_t rank, sim::GpuFields&)> change_gpu = [](size_t, sim::GpuFields&) {};

  size_t gpu_count() const override { return gpu_ids_.size(); }
  Bytes gpu_id(size_t rank) const override { return Bytes(32, gpu_ids_[rank]); }
  Result<Device> gpu_report(size_t rank, const GpuNonce& nonce) override {
    sim::GpuFields fields{filled<32>(gpu_ids_[rank]), world_.tee.gpu_measurement, world_.tee.gpu_tcb, false, nonce};
    change_gpu(rank, fields);
    return device(sim::kGpuType, sim_maker::sign_gpu(fields, key_), world_.roots.certify_gpu(fields.device_id, key_.public_key()));
  }
  Result<Device> cpu_quote(const Binding& binding) override {
    const auto& tee = world_.tee;
    const sim::CpuFields fields{tee.chip_id, tee.measurement, tee.tcb, tee.debug, binding};
    return device(sim::kCpuType, sim_maker::sign_cpu(fields, key_), world_.roots.certify_cpu(tee.chip_id, key_.public_key()));
  }

 private:
  static Device device(std::string_view type, Bytes report, Bytes certificate) {
    return {{std::string(type), std::move(report)}, {{std::string(sim::kCertificateType), std::move(certificate)}}, {}};
  }

  World& world_;
  std::vector<uint8_t> gpu_ids_;
  crypto::Ed25519Private key_{filled<32>(0x77)};
};

class VerifyTest : public testing::Test {
 protected:
  World world_;

  Appraisal verify() { return world_.verify(world_.make()); }
  Appraisal verify_by(Attester& tee) {
    const auto made = make_evidence(world_.claims, tee);
    OPENPCC_CHECK(made.has_value());
    return world_.verify(made->bytes);
  }
  // verify_changed spoils the JSON of good evidence.
  template <class Change>
  Appraisal verify_changed(Change change) {
    bj::object evidence = bj::parse(as_text(world_.make())).as_object();
    change(evidence);
    return world_.verify(as_bytes(bj::serialize(evidence)));
  }
};

bj::object& member(bj::object& evidence, std::string_view name) { return evidence[name].as_object(); }

TEST_F(VerifyTest, accepts_a_good_node_as_simulated) {
  const Bytes evidence = world_.make();
  const Appraisal appraisal = world_.verify(evidence);
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::accept_simulated) << appraisal.verdict.text(true);
  EXPECT_EQ(appraisal.verdict.first_refusal(), nullptr);
  ASSERT_NE(appraisal.node, nullptr);
  const VerifiedNode& node = *appraisal.node;
  EXPECT_EQ(node.node_id(), Evidence::parse(evidence)->node_id());
  EXPECT_TRUE(equal(node.key().bytes(), world_.claims.hpke_public_key));
  EXPECT_EQ(node.chip_id(), Bytes(32, 1));
  EXPECT_EQ(node.gpu_ids().size(), 2u);
  EXPECT_TRUE(node.simulated());
  EXPECT_TRUE(node.serves("demo-engine"));
  EXPECT_FALSE(node.serves("demo"));
}

TEST_F(VerifyTest, is_a_function_of_its_arguments) {
  const Bytes evidence = world_.make();
  EXPECT_EQ(world_.verify(evidence).verdict.json(), world_.verify(evidence).verdict.json());
}

TEST_F(VerifyTest, says_what_it_cannot_show) {
  const Appraisal appraisal = verify();
  EXPECT_TRUE(states(appraisal, Property::witnessed, State::not_checked, "attest.witnessed.no_log"));
  EXPECT_TRUE(states(appraisal, Property::non_targetability, State::not_provable, "attest.targetability.unprovable"));
  EXPECT_TRUE(states(appraisal, Property::custody, State::not_provable, "attest.custody.unprovable"));
  EXPECT_TRUE(states(appraisal, Property::one_chassis, State::not_provable, "attest.chassis.unprovable"));
  EXPECT_TRUE(states(appraisal, Property::separation, State::not_provable, "attest.separation.unprovable"));
  EXPECT_TRUE(states(appraisal, Property::trusted_time, State::not_checked, "attest.time.host"));
  EXPECT_TRUE(states(appraisal, Property::config, State::not_checked, "attest.config.unknown"));
  EXPECT_TRUE(states(appraisal, Property::chip_ledger, State::not_checked, "attest.ledger.unknown"));
}

TEST_F(VerifyTest, says_how_many_nodes_the_directory_has) {
  const Appraisal appraisal = attest::verify(world_.make(), world_.policy(), {kNow, world_.beacons, 7});
  EXPECT_EQ(appraisal.verdict.row(Property::non_targetability)->seen, "7 nodes in the directory");
}

TEST_F(VerifyTest, malformed_evidence_has_an_outcome_of_its_own) {
  EXPECT_TRUE(refused(world_.verify(as_bytes("{")), Property::format, "attest.cmw.json", Outcome::malformed));
  EXPECT_TRUE(refused(world_.verify(Bytes(kEvidenceBytesMax + 1)), Property::format, "attest.cmw.too_large", Outcome::malformed));
}

TEST_F(VerifyTest, what_we_do_not_know_is_unsupported) {
  EXPECT_TRUE(refused(verify_changed([](bj::object& e) { e["vtpm"] = bj::value(e["cpu"]); }), Property::format, "attest.cmw.member",
                      Outcome::unsupported));
  world_.claims.suite = 2;
  EXPECT_TRUE(refused(verify(), Property::format, "attest.claims.suite", Outcome::unsupported));
  world_.claims.suite = kSuite;
  for (const char* name : {"cpu", "gpu.1"}) {
    const auto other_type = [&](bj::object& e) { member(e, name)["report"].as_array()[0] = "application/vnd.example.quote"; };
    EXPECT_TRUE(refused(verify_changed(other_type), Property::evidence_kind, "attest.kind.unknown", Outcome::unsupported)) << name;
  }
  // A GPU's report is no CPU's quote, although both are known.
  const auto swapped = [](bj::object& e) { member(e, "cpu")["report"].as_array()[0] = sim::kGpuType; };
  EXPECT_EQ(verify_changed(swapped).node, nullptr);
}

TEST_F(VerifyTest, production_refuses_the_simulator) {
  world_.policy_text.kind = "production";
  EXPECT_TRUE(refused(verify(), Property::evidence_kind, "attest.kind.simulated"));
  // A simulated GPU beside whatever else.
  const auto other_cpu = [](bj::object& e) { member(e, "cpu")["report"].as_array()[0] = "application/vnd.example.quote"; };
  EXPECT_EQ(verify_changed(other_cpu).verdict.outcome(), Outcome::unsupported);
}

TEST_F(VerifyTest, simulated_devices_have_one_certificate_and_nothing_else) {
  const auto no_chain = [](bj::object& e) { member(e, "cpu").erase("chain.0"); };
  EXPECT_TRUE(refused(verify_changed(no_chain), Property::root_of_trust, "attest.kind.chain"));
  const auto other_type = [](bj::object& e) { member(e, "gpu.0")["chain.0"].as_array()[0] = "application/pkix-cert"; };
  EXPECT_TRUE(refused(verify_changed(other_type), Property::gpu, "attest.kind.chain"));
  const auto collateral = [](bj::object& e) { member(e, "gpu.0")["crl"] = {"a/b", "AA"}; };
  EXPECT_TRUE(refused(verify_changed(collateral), Property::gpu, "attest.kind.collateral"));
}

TEST_F(VerifyTest, roots_of_another_deployment) {
  const World other(2);
  world_.policy_text.roots = other.policy_text.roots;
  const Appraisal appraisal = verify();
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::reject);
  EXPECT_TRUE(states(appraisal, Property::root_of_trust, State::failed, "sim.certificate.root"));
  EXPECT_TRUE(states(appraisal, Property::gpu, State::failed, "sim.certificate.root"));
  // What rests on a failed check is never passed.
  for (const Property p : {Property::tcb, Property::debug, Property::release, Property::key_binding, Property::gpu_firmware,
                           Property::gpu_binding, Property::root_owners, Property::chip_ledger}) {
    EXPECT_EQ(appraisal.verdict.row(p)->state, State::not_checked);
    EXPECT_TRUE(appraisal.verdict.row(p)->required);
  }
}

TEST_F(VerifyTest, platform) {
  world_.tee.tcb = 2;
  EXPECT_TRUE(refused(verify(), Property::tcb, "attest.tcb.old"));
  world_.tee.tcb = 3;
  world_.tee.debug = true;
  EXPECT_TRUE(refused(verify(), Property::debug, "attest.debug.enabled"));
  world_.tee.debug = false;
  world_.tee.measurement[31] ^= 1;
  EXPECT_TRUE(refused(verify(), Property::release, "attest.release.unknown"));
}

TEST_F(VerifyTest, debug_by_exception_is_said) {
  world_.tee.debug = true;
  world_.policy_text.allow_debug = true;
  const Appraisal appraisal = verify();
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::accept_simulated);
  EXPECT_TRUE(states(appraisal, Property::debug, State::not_checked, "attest.debug.enabled"));
  EXPECT_EQ(appraisal.verdict.exceptions(), (std::vector<std::string>{"allow_debug", "no_chip_ledger"}));
}

// Whatever the claims say after the quote was made, the CPU did not vouch for it.
TEST_F(VerifyTest, every_claim_is_bound_by_the_quote) {
  const Claims good = Evidence::parse(world_.make())->claims();
  const std::vector<std::function<void(Claims&)>> changes = {
      [](Claims& c) { c.hpke_public_key[7] ^= 1; },
      [](Claims& c) { c.receipt_key[0] ^= 1; },
      [](Claims& c) { c.not_before += 1; },
      [](Claims& c) { c.not_after -= 1; },
      [](Claims& c) { c.deployment = "other.example"; },
      [](Claims& c) { c.freshness[0] ^= 1; },
      [](Claims& c) { c.gpu_digest->at(0) ^= 1; },
      [](Claims& c) { c.gpu_digest.reset(); },
      [](Claims& c) { c.config_digest[0] ^= 1; },
      [](Claims& c) { c.models[0].name = "another"; },
      [](Claims& c) { c.models[0].digest[0] ^= 1; },
      [](Claims& c) { c.models.clear(); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto changed = [&](bj::object& e) {
      Claims claims = Evidence::parse(as_bytes(bj::serialize(e)))->claims();
      changes[i](claims);
      e["keys"].as_array()[1] = to_base64url(claims.encode());
    };
    const Appraisal appraisal = verify_changed(changed);
    EXPECT_TRUE(states(appraisal, Property::key_binding, State::failed, "attest.binding.report_data")) << i;
    EXPECT_EQ(appraisal.node, nullptr) << i;
  }
  const auto receipt = [&](bj::object& e) {
    Claims claims = Evidence::parse(as_bytes(bj::serialize(e)))->claims();
    claims.receipt_key[0] ^= 1;
    e["keys"].as_array()[1] = to_base64url(claims.encode());
  };
  EXPECT_TRUE(refused(verify_changed(receipt), Property::key_binding, "attest.binding.report_data"));
}

TEST_F(VerifyTest, a_bound_key_must_be_a_key) {
  world_.claims.hpke_public_key.assign(kHpkePublicKeyBytes, 0xff);  // coefficients above q
  EXPECT_TRUE(refused(verify(), Property::key_binding, "attest.binding.public_key"));
}

TEST_F(VerifyTest, no_flipped_bit_is_accepted) {
  const Bytes good = world_.make();
  testkit::TestRandom random(5);
  for (int i = 0; i < 300; ++i) {
    Bytes bad = good;
    bad[random.below(bad.size())] ^= static_cast<uint8_t>(1u << random.below(8));
    EXPECT_EQ(world_.verify(bad).node, nullptr) << as_text(bad);
  }
}

TEST_F(VerifyTest, another_deployment) {
  world_.claims.deployment = "other.example";
  EXPECT_TRUE(refused(verify(), Property::deployment, "attest.deployment.other"));
}

TEST_F(VerifyTest, unknown_beacon) {
  world_.claims.freshness[0] ^= 1;
  EXPECT_TRUE(refused(verify(), Property::freshness, "attest.freshness.unknown"));
  world_.claims.freshness[0] ^= 1;
  world_.beacons.clear();
  EXPECT_TRUE(refused(verify(), Property::freshness, "attest.freshness.unknown"));
}

TEST_F(VerifyTest, stale_beacon) {
  world_.policy_text.freshness_age_s = 240;  // the beacon is just that old at not-before
  EXPECT_NE(verify().node, nullptr);
  world_.policy_text.freshness_age_s = 239;
  EXPECT_TRUE(refused(verify(), Property::freshness, "attest.freshness.stale"));
}

TEST_F(VerifyTest, validity) {
  const Bytes evidence = world_.make();
  const UnixSeconds end = world_.claims.not_after;
  EXPECT_TRUE(refused(world_.verify_at(evidence, world_.claims.not_before - 1), Property::validity, "attest.validity.early"));
  EXPECT_NE(world_.verify_at(evidence, world_.claims.not_before).node, nullptr);
  const auto node = world_.verify_at(evidence, end - kStopEarly_s - 1).node;
  ASSERT_NE(node, nullptr);
  EXPECT_TRUE(node->usable_at(end - kStopEarly_s - 1));
  EXPECT_FALSE(node->usable_at(end - kStopEarly_s));
  EXPECT_FALSE(node->usable_at(world_.claims.not_before - 1));
  EXPECT_TRUE(refused(world_.verify_at(evidence, end - kStopEarly_s), Property::validity, "attest.validity.expired"));
  EXPECT_TRUE(refused(world_.verify_at(evidence, end + 100000), Property::validity, "attest.validity.expired"));
}

TEST_F(VerifyTest, keys_live_an_hour_at_most) {
  world_.claims.not_after = world_.claims.not_before + kKeyLifetimeMax_s;
  EXPECT_NE(verify().node, nullptr);
  world_.claims.not_after += 1;
  EXPECT_TRUE(refused(verify(), Property::validity, "attest.validity.lifetime"));
  world_.claims.not_after = world_.claims.not_before;
  EXPECT_TRUE(refused(verify(), Property::validity, "attest.validity.lifetime"));
}

TEST_F(VerifyTest, models) {
  world_.claims.models.push_back({"other", filled<32>(0x99)});
  EXPECT_TRUE(refused(verify(), Property::models, "attest.models.unknown"));
  world_.claims.models.clear();
  EXPECT_TRUE(refused(verify(), Property::models, "attest.models.none"));
}

TEST_F(VerifyTest, configurations) {
  world_.policy_text.configs = to_hex(world_.claims.config_digest);
  EXPECT_TRUE(states(verify(), Property::config, State::passed, "attest.config.unknown"));
  world_.claims.config_digest[0] ^= 1;
  EXPECT_TRUE(refused(verify(), Property::config, "attest.config.unknown"));
}

TEST_F(VerifyTest, gpu_missing) {
  world_.tee.gpus = 0;
  world_.policy_text.min_root_owners = 1;
  world_.policy_text.one_root_owner = true;
  EXPECT_TRUE(refused(verify(), Property::gpu, "attest.gpu.missing"));
  world_.policy_text.require_gpu = false;
  const Appraisal appraisal = verify();
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::accept_simulated) << appraisal.verdict.text(true);
  EXPECT_TRUE(states(appraisal, Property::gpu, State::not_checked, "attest.gpu.missing"));
}

TEST_F(VerifyTest, gpus_cannot_be_left_out) {
  world_.policy_text.require_gpu = false;
  world_.policy_text.min_root_owners = 1;
  world_.policy_text.one_root_owner = true;
  const auto without = [](bj::object& e) {
    e.erase("gpu.0");
    e.erase("gpu.1");
  };
  EXPECT_TRUE(refused(verify_changed(without), Property::gpu_binding, "attest.gpu.digest"));
  // One of two: the CPU covers both.
  const auto one = [](bj::object& e) { e.erase("gpu.1"); };
  EXPECT_TRUE(refused(verify_changed(one), Property::gpu_binding, "attest.gpu.digest"));
}

TEST_F(VerifyTest, gpus_cannot_be_added) {
  world_.policy_text.require_gpu = false;
  world_.policy_text.min_root_owners = 1;
  world_.policy_text.one_root_owner = true;
  world_.tee.gpus = 1;
  const bj::object with_gpu = bj::parse(as_text(world_.make())).as_object();
  world_.tee.gpus = 0;
  const auto added = [&](bj::object& e) { e["gpu.0"] = with_gpu.at("gpu.0"); };
  EXPECT_TRUE(refused(verify_changed(added), Property::gpu_binding, "attest.gpu.digest"));
}

TEST_F(VerifyTest, gpu_firmware) {
  world_.tee.gpu_measurement[0] ^= 1;
  EXPECT_TRUE(refused(verify(), Property::gpu_firmware, "attest.gpu.release"));
  world_.tee.gpu_measurement[0] ^= 1;
  world_.tee.gpu_tcb = 3;
  EXPECT_TRUE(refused(verify(), Property::gpu_firmware, "attest.gpu.tcb"));
  world_.tee.gpu_tcb = 4;
  CraftedTee tee(world_, {1, 2});
  EXPECT_NE(verify_by(tee).node, nullptr);
  tee.change_gpu = [](size_t rank, sim::GpuFields& f) { f.debug = rank == 1; };
  EXPECT_TRUE(refused(verify_by(tee), Property::gpu_firmware, "attest.gpu.debug"));
  world_.policy_text.allow_debug = true;
  const Appraisal appraisal = verify_by(tee);
  EXPECT_TRUE(states(appraisal, Property::gpu_firmware, State::not_checked, "attest.gpu.debug"));
  EXPECT_EQ(appraisal.verdict.outcome(), Outcome::accept_simulated);
}

TEST_F(VerifyTest, one_gpu_twice) {
  CraftedTee tee(world_, {1, 1});
  EXPECT_TRUE(refused(verify_by(tee), Property::gpu_binding, "attest.gpu.duplicate"));
}

TEST_F(VerifyTest, gpus_in_another_order) {
  const auto swapped = [](bj::object& e) { std::swap(e["gpu.0"], e["gpu.1"]); };
  EXPECT_TRUE(refused(verify_changed(swapped), Property::gpu_binding, "attest.gpu.order"));
  CraftedTee tee(world_, {2, 1});  // even where the node itself made it so
  EXPECT_TRUE(refused(verify_by(tee), Property::gpu_binding, "attest.gpu.order"));
}

TEST_F(VerifyTest, a_gpu_report_of_another_node) {
  World other;  // the same roots and beacon
  other.another_node(9);
  CraftedTee others(other, {1, 2});
  const auto foreign = Evidence::parse(make_evidence(other.claims, others)->bytes);
  ASSERT_OK(foreign);
  // The node in front of us passes the foreign GPU's answer on as its own, and binds it.
  class Borrowing final : public Attester {
   public:
    Borrowing(Attester& own, const Evidence& from) : own_(own), from_(from) {}
    size_t gpu_count() const override { return 2; }
    Bytes gpu_id(size_t rank) const override { return own_.gpu_id(rank); }
    Result<Device> gpu_report(size_t rank, const GpuNonce&) override { return from_.gpus()[rank]; }
    Result<Device> cpu_quote(const Binding& binding) override { return own_.cpu_quote(binding); }

   private:
    Attester& own_;
    const Evidence& from_;
  };
  CraftedTee own(world_, {1, 2});
  Borrowing tee(own, *foreign);
  EXPECT_TRUE(refused(verify_by(tee), Property::gpu_binding, "attest.gpu.nonce"));
}

TEST_F(VerifyTest, an_old_gpu_report) {
  CraftedTee tee(world_, {1, 2});
  tee.change_gpu = [](size_t rank, sim::GpuFields& f) { f.nonce[0] ^= static_cast<uint8_t>(rank); };
  EXPECT_TRUE(refused(verify_by(tee), Property::gpu_binding, "attest.gpu.nonce"));
}

TEST_F(VerifyTest, one_root_owner_where_two_are_required) {
  world_.policy_text.require_gpu = false;
  world_.tee.gpus = 0;
  EXPECT_TRUE(refused(verify(), Property::root_owners, "attest.roots.too_few"));
}

TEST_F(VerifyTest, chip_ledger) {
  const auto node = verify().node;
  ASSERT_NE(node, nullptr);
  const std::string chip = "\"" + to_hex(node->chip_id()) + "\"";
  const std::string gpus = "\"" + to_hex(node->gpu_ids()[0]) + "\", \"" + to_hex(node->gpu_ids()[1]) + "\"";
  world_.policy_text.chips = gpus + ", " + chip;
  EXPECT_TRUE(states(verify(), Property::chip_ledger, State::passed, "attest.ledger.unknown"));
  world_.policy_text.chips = gpus;
  EXPECT_TRUE(refused(verify(), Property::chip_ledger, "attest.ledger.unknown"));
  world_.policy_text.chips = chip;
  EXPECT_TRUE(refused(verify(), Property::chip_ledger, "attest.ledger.unknown"));
}

}  // namespace
}  // namespace openpcc::attest
