// Recorded evidence of real machines under a production policy: all of it is judged, and it is refused for exactly what a recording cannot have.
#include "../src/kind_hardware.h"
#include "../src/kinds.h"
#include "openpcc/attest/platform.h"
#include "openpcc/policy/lint.h"
#include "world.h"

namespace openpcc::attest {
namespace {

using testing_world::World;

Bytes shared(const std::string& file) { return testkit::read_file(*testkit::shared_file("evidence/" + file)); }

// Recorded is a world at a time of the recording, with a production policy that takes the recorded machine.
class HardwareTest : public testing::Test {
 protected:
  World world_;
  UnixSeconds now_ = 0;
  Device cpu_;
  std::string hardware_;    // the policy's [snp] or [tdx]
  std::string exceptions_;  // further ones

  static bool available() { return testkit::shared_file("evidence/EXPECTED.json").has_value(); }

  void at(UnixSeconds now) {
    now_ = now;
    world_.claims.not_before = now - 60;
    world_.claims.not_after = now - 60 + 55 * 60;
    world_.beacon_note = note::make_beacon(43, now - 300, world_.beacon_key, world_.random);
    world_.beacons = {*note::verify_beacon(as_bytes(world_.beacon_note), world_.beacon_key.verifier())};
    world_.claims.freshness = world_.beacons[0].freshness();
    world_.policy_text.kind = "production";
    world_.policy_text.require_gpu = false;
    world_.policy_text.gpu_releases.clear();
    world_.policy_text.min_root_owners = 1;
    world_.policy_text.one_root_owner = true;
  }
  void snp(const std::string& report, const std::string& line) {
    cpu_.report = {std::string(kSnpReportType), shared("snp/reports/" + report + "/report.bin")};
    const Bytes vek = shared("snp/reports/" + report + "/vcek.der");
    at(x509::Certificate::parse(vek)->window().from + 100);
    cpu_.chain.clear();
    for (const Bytes& der : {vek, shared("snp/roots/" + line + "/ask.der"), shared("snp/roots/" + line + "/ark.der")}) {
      cpu_.chain.push_back({std::string(kCertificateType), der});
    }
    const auto parsed = snp::parse_report(cpu_.report.bytes);
    world_.policy_text.releases = to_hex(parsed->measurement);
    hardware_ = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n";
    exceptions_ = "no_revocation = true\n";
  }
  void tdx(const std::string& quote, const std::string& set, UnixSeconds now) {
    cpu_.report = {std::string(kTdxQuoteType), shared("tdx/quotes/" + quote + "/quote.bin")};
    at(now);
    const std::string folder = "tdx/collateral/" + set + "/";
    const auto text = [&](const std::string& file) { return std::string(as_text(shared(folder + file))); };
    const auto document = [&](const std::string& member, const std::string& name) {
      const std::string whole =
          "{\"" + member + "\":" + text(name + ".json") + ",\"signature\":\"" + text(name + ".sig.hex").substr(0, 128) + "\"}";
      return Item{std::string(kJsonType), Bytes(whole.begin(), whole.end())};
    };
    cpu_.chain.clear();
    cpu_.collateral = {{"tcb-info", document("tcbInfo", "tcb_info")},
                       {"qe-identity", document("enclaveIdentity", "qe_identity")},
                       {"tcb-signing-chain", {std::string(kPemType), shared(folder + "tcb_signing_chain.pem")}},
                       {"root-ca-crl", {std::string(kCrlType), shared(folder + "root_ca_crl.der")}},
                       {"pck-crl", {std::string(kCrlType), shared(folder + "pck_crl.der")}}};
    const tdx::Quote parsed = *tdx::parse_quote(cpu_.report.bytes);
    world_.policy_text.releases = to_hex(tdx_release(std::get<tdx::TdReport>(parsed.body)));
    hardware_ = "[tdx]\nmin_evaluation = 1\n";
    exceptions_.clear();
  }

  Verdict judged() {
    const std::string text = world_.policy_text.text() + exceptions_ + hardware_;
    auto policy = policy::parse(as_bytes(text));
    OPENPCC_CHECK(policy.has_value());
    const Bytes evidence = encode_evidence(world_.claims.encode(), cpu_, {});
    return verify(evidence, *policy, {now_, world_.beacons, std::nullopt}).verdict;
  }
  // unforetold names the rows that stay open without standing in the way, and of which nobody was told by the policy's lint.
  std::set<std::string_view> unforetold() {
    const auto advice = policy::lint(as_bytes(world_.policy_text.text() + exceptions_ + hardware_), {now_, false});
    OPENPCC_CHECK(advice.has_value());
    std::set<std::string, std::less<>> told;
    for (const auto& one : *advice) told.insert(one.about);
    std::set<std::string_view> out;
    const Verdict verdict = judged();
    for (const Row& row : verdict.rows()) {
      const bool open = row.state == State::not_checked || row.state == State::not_provable;
      if (open && !row.required && !told.contains(to_string(row.property))) out.insert(to_string(row.property));
    }
    return out;
  }
  static std::map<Property, std::string_view> refusals(const Verdict& verdict) {
    std::map<Property, std::string_view> out;
    for (const Row& row : verdict.rows()) {
      if (row.state == State::failed) out[row.property] = row.rule.id();
    }
    return out;
  }
};

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
  cpu_.collateral["crl"] = {std::string(kCrlType), shared("snp/crl/genoa-2026-08-19.crl.der")};
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
