// Recorded evidence of real machines under a production policy: all of it is judged, and it is refused for exactly what a recording cannot have.
#include "../src/kind_hardware.h"
#include "../src/kinds.h"
#include "recorded_machine.h"

namespace openpcc::attest {
namespace {

using HardwareTest = RecordedMachine;

// Nothing but what the recording was made for stands in the way.
TEST_F(HardwareTest, a_recorded_snp_machine_binds_another_key) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  const Verdict verdict = judged();
  EXPECT_EQ(verdict.outcome(), Outcome::reject) << verdict.text(true);
  EXPECT_EQ(refusals(verdict), (std::map<Property, std::string_view>{{Property::key_binding, "attest.binding.report_data"}}))
      << verdict.text(true);
  for (const Property property : {Property::root_of_trust, Property::tcb, Property::debug, Property::release, Property::product,
                                  Property::firmware, Property::migration, Property::privilege, Property::platform}) {
    EXPECT_EQ(verdict.row(property)->state, State::passed) << to_string(property);
  }
  EXPECT_EQ(verdict.row(Property::revocation)->state, State::not_checked);
}

TEST_F(HardwareTest, a_recorded_tdx_machine_binds_another_key) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  const Verdict verdict = judged();
  EXPECT_EQ(refusals(verdict), (std::map<Property, std::string_view>{{Property::key_binding, "attest.binding.report_data"}}))
      << verdict.text(true);
  for (const Property property : {Property::root_of_trust, Property::tcb, Property::debug, Property::release, Property::revocation}) {
    EXPECT_EQ(verdict.row(property)->state, State::passed) << to_string(property);
  }
}

TEST_F(HardwareTest, what_is_not_checked_was_told_of_the_policy) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  EXPECT_TRUE(unforetold().empty()) << *unforetold().begin();
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  EXPECT_TRUE(unforetold().empty()) << *unforetold().begin();
}

TEST_F(HardwareTest, revocation_is_demanded_unless_the_policy_says_so) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  exceptions_.clear();
  EXPECT_EQ(refusals(judged())[Property::revocation], "snp.crl.missing");
  cpu_.collateral["crl"] = {std::string(kCrlType), testkit::evidence_file("snp/crl/genoa-2026-08-19.crl.der")};
  at(x509::Crl::parse(cpu_.collateral["crl"].bytes)->window().from + 100);
  EXPECT_EQ(judged().row(Property::revocation)->state, State::passed);
}

TEST_F(HardwareTest, what_the_policy_does_not_take) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  hardware_.clear();
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.not_taken");
  testkit::note_tripped("attest.kind.not_taken");
  hardware_ = "[snp.min_tcb.Turin]\nfmc = 0\nboot_loader = 0\ntee = 0\nsnp = 0\nmicrocode = 0\n";
  EXPECT_EQ(refusals(judged())[Property::product], "snp.product.excluded");
  hardware_ = "[snp.min_tcb.Genoa]\nboot_loader = 255\ntee = 0\nsnp = 1\nmicrocode = 1\n";
  EXPECT_EQ(refusals(judged())[Property::tcb], "snp.tcb.minimum");
  hardware_ = "[snp]\nvmpl = 1\n[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n";
  EXPECT_EQ(refusals(judged())[Property::privilege], "snp.vmpl");
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  hardware_.clear();
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.not_taken");
  hardware_ = "[tdx]\nmin_evaluation = 1000\n";
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "tdx.collateral.minimum");
}

TEST_F(HardwareTest, chains_and_collateral_have_their_shape) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  cpu_.chain.pop_back();
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.chain");
  snp("v3-genoa-microsoft", "genoa");
  cpu_.chain[1].media_type = "application/pem-certificate-chain";
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.chain");
  snp("v3-genoa-microsoft", "genoa");
  cpu_.collateral["crl"] = {"application/json", {1}};
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.collateral");
  cpu_.collateral = {{"unknown", {std::string(kCrlType), {1}}}};
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.collateral");
  cpu_.collateral.clear();
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  cpu_.chain.push_back({std::string(kCertificateType), {1}});
  EXPECT_EQ(refusals(judged())[Property::root_of_trust], "attest.kind.chain");
}

// A verdict that is kept must not outlive what was signed. No recorded machine is accepted, so a simulated one is given a machine's window.
TEST_F(HardwareTest, a_node_is_usable_while_what_vouches_for_it_holds) {
  const UnixSeconds now = testing_world::kNow;
  const auto evidence = Evidence::parse(world_.make());
  const auto policy = world_.policy();
  auto examined = examine(*evidence, policy, now);
  ASSERT_OK(examined);
  examined->cpu->window = {now - 1000, now + 600};
  examined->gpus[0]->window = {now - 10, now + 1000};
  const Appraisal appraisal = appraise(*evidence, policy::requirements(policy), {now, world_.beacons, std::nullopt}, examined);
  ASSERT_NE(appraisal.node, nullptr) << appraisal.verdict.text(true);
  EXPECT_EQ(appraisal.node->window(), (x509::Window{now - 10, now + 600}));
  EXPECT_TRUE(appraisal.node->usable_at(now + 600));
  EXPECT_FALSE(appraisal.node->usable_at(now + 601));
  EXPECT_FALSE(appraisal.node->usable_at(now - 11));
}

TEST_F(HardwareTest, recorded_machines_hold_as_long_as_their_first_signature) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  const auto policy = policy::parse(as_bytes(world_.policy_text.text() + exceptions_ + hardware_));
  const auto evidence = Evidence::parse(encode_evidence(world_.claims.encode(), cpu_, {}));
  const auto examined = examine(*evidence, *policy, now_);
  ASSERT_OK(examined);
  const x509::Window window = examined->cpu->window;
  EXPECT_TRUE(examine(*evidence, *policy, window.to)->cpu.has_value());
  EXPECT_FALSE(examine(*evidence, *policy, window.to + 1)->cpu.has_value());
}

TEST_F(HardwareTest, a_node_is_taken_no_longer_than_the_exception_that_takes_it) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-cos113-google", "flashbots-gcp-00806F", 1'782'864'000);
  hardware_ +=
      "[tdx.accept.OutOfDate]\nadvisories = [\"INTEL-SA-01010\", \"INTEL-SA-01036\", \"INTEL-SA-01076\", \"INTEL-SA-01079\", "
      "\"INTEL-SA-01099\", \"INTEL-SA-01103\", \"INTEL-SA-01111\"]\nuntil = \"2026-07-01T00:10:00Z\"\n";
  const auto policy = policy::parse(as_bytes(world_.policy_text.text() + exceptions_ + hardware_));
  const auto evidence = Evidence::parse(encode_evidence(world_.claims.encode(), cpu_, {}));
  const auto examined = examine(*evidence, *policy, now_);
  ASSERT_OK(examined);
  ASSERT_OK(examined->cpu);
  EXPECT_EQ(examined->cpu->window.to, now_ + 599);
  EXPECT_EQ(judged().row(Property::tcb)->state, State::not_checked);
}

TEST_F(HardwareTest, an_altered_report_is_not_genuine) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-microsoft", "genoa");
  cpu_.report.bytes[0x50] ^= 1;
  const Verdict verdict = judged();
  EXPECT_EQ(refusals(verdict)[Property::root_of_trust], "snp.signature");
  EXPECT_EQ(verdict.row(Property::tcb)->state, State::not_checked) << "what rests on a failed check is not passed";
}

TEST_F(HardwareTest, a_td_is_identified_by_all_of_its_registers) {
  tdx::TdReport td;
  const Bytes release = tdx_release(td);
  td.mrtd[0] = 1;
  EXPECT_NE(tdx_release(td), release);
  for (size_t i = 0; i < 4; ++i) {
    tdx::TdReport other;
    other.rtmr[i][47] = 1;
    EXPECT_NE(tdx_release(other), release) << i;
  }
}

}  // namespace
}  // namespace openpcc::attest
