// Evidence of an Azure VM as a node makes it and a client judges it: only the maker's root is missing, on forged chips.
#include "../../attest/src/kind_azure.h"
#include "fake_azure.h"
#include "fake_guest.h"
#include "openpcc/attest/azure_binding.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/machine.h"
#include "swtpm.h"
#include "world.h"

namespace openpcc::collect {
namespace {

using attest::Property;
using attest::State;
using azure::Hardware;
using testing_guest::FakeAzure;
using testing_guest::FakeGuest;
using testing_guest::some_binding;

Machine machine_of(FakeAzure& vm) {
  FakeGuest kernel;
  testkit::TestRandom random;
  auto source = open_source("azure", {kernel, random, vm.means()});
  OPENPCC_CHECK(source.has_value());
  return {std::move(*source), [items = vm.items()](Collected collected) { return staple(std::move(collected.report), items); }};
}

// Client is a deployment at a VM's time, with a policy that takes it.
struct Client {
  explicit Client(const FakeAzure& fake) : vm(fake.vm) {
    const UnixSeconds now = vm.now();
    world.claims.not_before = now - 60;
    world.claims.not_after = now - 60 + 55 * 60;
    world.beacon_note = note::make_beacon(43, now - 300, world.beacon_key, world.random);
    world.beacons = {*note::verify_beacon(as_bytes(world.beacon_note), world.beacon_key.verifier())};
    world.claims.freshness = world.beacons[0].freshness();
    world.policy_text.kind = "production";
    world.policy_text.require_gpu = false;
    world.policy_text.gpu_releases.clear();
    world.policy_text.min_root_owners = 1;
    world.policy_text.one_root_owner = true;
  }
  attest::testing_world::World world;
  const azure::forge::Vm& vm;
  std::string pcrs = "0,1,2,4,7";

  policy::ProductionPolicy policy(const Bytes& release) {
    const bool snp = vm.hardware == Hardware::snp;
    world.policy_text.releases = to_hex(release);
    const std::string text =
        world.policy_text.text() +
        "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n[tdx]\nmin_evaluation = 1\n[azure]\nparavisors = [\"" +
        std::string(snp ? to_hex(Bytes(48, 0x3e)) : to_hex(Bytes(48, 0x4d))) + "\"]\npcrs = \"" + pcrs + "\"\nsecure_boot = true\n";
    auto parsed = policy::parse(as_bytes(text));
    OPENPCC_CHECK(parsed.has_value());
    return std::get<policy::ProductionPolicy>(std::move(*parsed));
  }
  Bytes release(const tpm::Bank& values) const {
    return attest::azure_release(vm.hardware == Hardware::snp ? Bytes(48, 0x3e) : Bytes(48, 0x4d), values);
  }
  // judge asserts that this node's evidence is refused for its root alone, and under the forge's own root for nothing.
  void judge(Machine& machine, const tpm::Bank& values) {
    const auto made = attest::make_evidence(world.claims, machine);
    ASSERT_OK(made);
    const auto evidence = attest::Evidence::parse(made->bytes);
    ASSERT_OK(evidence);
    const policy::ProductionPolicy strict = policy(release(values));
    const auto findings = attest::verify_azure_machine_by(evidence->cpu(), strict, vm.now(), vm.trust());
    ASSERT_OK(findings);
    EXPECT_TRUE(equal(findings->bound, evidence->binding()));
    EXPECT_EQ(findings->measurement, release(values));
    const appraisal::Finding* refusal = appraisal::refusal(findings->platform);
    EXPECT_EQ(refusal, nullptr) << refusal->rule.id();
    const auto appraisal = attest::verify(made->bytes, policy::Policy(strict), {vm.now(), world.beacons, std::nullopt});
    for (const attest::Row& row : appraisal.verdict.rows()) {
      EXPECT_EQ(row.state == State::failed, row.property == Property::root_of_trust) << row.rule.id();
    }
    const std::string_view root = vm.hardware == Hardware::snp ? "snp.chain.root" : "tdx.pck.root";
    EXPECT_EQ(appraisal.verdict.first_refusal()->rule.id(), root);
  }
};

class AzureEvidence : public testing::TestWithParam<Hardware> {};
INSTANTIATE_TEST_SUITE_P(All, AzureEvidence, testing::Values(Hardware::snp, Hardware::tdx),
                         [](const auto& test) { return test.param == Hardware::snp ? "snp" : "tdx"; });

TEST_P(AzureEvidence, is_refused_for_a_forged_root_alone) {
  FakeAzure vm(GetParam());
  Machine machine = machine_of(vm);
  Client(vm).judge(machine, vm.vm.tpm.pcrs.at(tpm::Hash::sha256));
}

TEST_P(AzureEvidence, with_quotes_of_a_tpm_in_software) {
  const tpm_collect::Swtpm swtpm;
  ASSERT_OK(swtpm.open());
  const Bytes area = swtpm.keep_key(tpm_collect::kAzureKeyHandle);
  swtpm.extend(4);
  const auto tpm = tpm_collect::open_azure(swtpm.tcti());
  ASSERT_OK(tpm);
  const auto values = (*tpm)->read_pcrs({{tpm::Hash::sha256, 0x97}});
  ASSERT_OK(values);
  FakeAzure vm(GetParam());
  vm.vm.key(0)["n"] = azure::forge::modulus_of(tpm::AttestationKey::from_public(area)->spki());
  vm.quoter = tpm->get();
  Machine machine = machine_of(vm);
  Client(vm).judge(machine, values->at(tpm::Hash::sha256));
  vm.vm.key(0)["n"] = azure::forge::modulus_of(vm.vm.tpm.key.spki());
  EXPECT_RULE(machine.cpu_quote(some_binding()), "collect.azure.quote") << "a key that the report does not bind";
}

TEST_P(AzureEvidence, what_vouches_for_the_machine_may_be_missing) {
  FakeAzure vm(GetParam());
  FakeGuest kernel;
  testkit::TestRandom random;
  Machine machine(*open_source("azure", {kernel, random, vm.means()}), staple_from({}));
  EXPECT_RULE(machine.cpu_quote(some_binding()), "collect.staple.missing");
}

// Liar is a source whose paravisor's report is not the one that was asked for.
struct Liar final : Source {
  Collected says;
  explicit Liar(Collected collected) : says(std::move(collected)) {}
  Word name() const override { return "test"; }
  Result<Collected> collect(const attest::Binding&) override { return says; }
};

TEST(AzureMachine, compares_b_itself) {
  FakeAzure vm;
  FakeGuest kernel;
  testkit::TestRandom random;
  const auto source = open_source("azure", {kernel, random, vm.means()});
  const auto collected = (*source)->collect(some_binding());
  ASSERT_OK(collected);
  const auto shown = [&](Collected says) {
    return Machine(std::make_unique<Liar>(std::move(says)), staple_from({})).cpu_quote(some_binding(1));
  };
  EXPECT_RULE(shown(*collected), "collect.report.data");
  Collected short_one = *collected, other_json = *collected;
  short_one.paravisor->report.bytes.pop_back();
  EXPECT_RULE(shown(short_one), "collect.report.syntax");
  other_json.paravisor->report.bytes[azure::kJsonAt] = '[';
  EXPECT_RULE(shown(other_json), "collect.report.syntax");
}

}  // namespace
}  // namespace openpcc::collect
