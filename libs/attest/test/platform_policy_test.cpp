// Bare reports of recorded machines under a production policy: judged as platforms, and never as nodes.
#include <boost/json.hpp>

#include "../src/kind_hardware.h"
#include "openpcc/attest/platform.h"
#include "openpcc/testkit/samples.h"
#include "world.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;
using testkit::evidence_file;

bool available() { return testkit::shared_file("evidence/EXPECTED.json").has_value(); }

// Recorded is a machine's report with all that vouches for it, and a policy that takes it.
class PlatformPolicyTest : public testing::Test {
 protected:
  testing_world::PolicyText policy_ = testing_world::World().policy_text;
  std::string tables_;
  std::string exceptions_;
  std::vector<Bytes> items_;
  UnixSeconds now_ = 0;
  std::optional<std::array<uint8_t, 64>> report_data_;

  PlatformPolicyTest() {
    policy_.kind = "production";
    policy_.require_gpu = false;
    policy_.gpu_releases.clear();
    policy_.min_root_owners = 1;
    policy_.one_root_owner = true;
  }
  void genoa() {
    const std::string folder = "snp/reports/v3-genoa-microsoft/";
    items_ = {evidence_file(folder + "report.bin"), evidence_file(folder + "vcek.der"), evidence_file("snp/roots/genoa/ask.der"),
              evidence_file("snp/roots/genoa/ark.der"), evidence_file("snp/crl/genoa-2026-08-19.crl.der")};
    now_ = x509::Crl::parse(items_[4])->window().from + 100;
    const auto report = snp::parse_report(items_[0]);
    policy_.releases = to_hex(report->measurement);
    policy_.chips = "\"" + to_hex(snp_chip(*snp::read_vek(*x509::Certificate::parse(items_[1])))) + "\"";
    tables_ = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n";
  }
  void tdx(const std::string& quote, const std::string& set, UnixSeconds now) {
    items_ = {evidence_file("tdx/quotes/" + quote + "/quote.bin")};
    const auto folder = *testkit::shared_file("evidence/tdx/collateral/" + set);
    for (const auto& file : std::filesystem::directory_iterator(folder)) items_.push_back(testkit::read_file(file.path()));
    now_ = now;
    tables_ = "[tdx]\nmin_evaluation = 1\n";
    const auto parsed = tdx::parse_quote(items_[0]);
    if (const auto* td = std::get_if<tdx::TdReport>(&parsed->body)) policy_.releases = to_hex(tdx_release(*td));
    policy_.chips.clear();
  }
  PlatformVerdict judged() {
    const auto policy = policy::parse(as_bytes(policy_.text() + exceptions_ + tables_));
    if (!policy) ADD_FAILURE() << describe(policy.error());
    auto verdict = verify_platform_by(items_, now_, std::get<policy::ProductionPolicy>(*policy), report_data_);
    OPENPCC_CHECK(verdict.has_value());
    return std::move(*verdict);
  }
  static std::map<Aspect, std::string_view> failures(const PlatformVerdict& verdict) {
    std::map<Aspect, std::string_view> out;
    for (const auto& finding : verdict.findings) {
      if (finding.state == State::failed) out[finding.aspect] = finding.rule.id();
    }
    return out;
  }
  static State state_of(const PlatformVerdict& verdict, Aspect aspect) {
    return std::ranges::find(verdict.findings, aspect, &appraisal::Finding::aspect)->state;
  }
};
using Failures = std::map<Aspect, std::string_view>;

TEST_F(PlatformPolicyTest, a_platform_as_the_policy_demands_is_still_no_node) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  genoa();
  const PlatformVerdict verdict = judged();
  EXPECT_EQ(verdict.outcome, Outcome::accept_platform) << verdict.text(true);
  EXPECT_EQ(static_cast<int>(verdict.outcome), 4) << "never a node's exit code";
  for (const Aspect aspect : {Aspect::genuine, Aspect::revocation, Aspect::identity, Aspect::tcb, Aspect::software}) {
    EXPECT_EQ(state_of(verdict, aspect), State::passed) << to_string(aspect);
  }
  EXPECT_EQ(state_of(verdict, Aspect::bound_data), State::not_checked);
  EXPECT_NE(verdict.text(false).find("SPEAKS OF NO NODE"), std::string::npos);
  EXPECT_NE(verdict.text(false).find("not checked   key binding"), std::string::npos);
  EXPECT_NE(verdict.text(false).find("exceptions taken by the policy: one_root_owner"), std::string::npos);
  const auto json = boost::json::parse(verdict.json());
  EXPECT_EQ(json.at("outcome").as_string(), "accept_platform");
  EXPECT_EQ(json.at("not_checked_of_nodes").as_array().size(), 10u);
  EXPECT_EQ(json.at("policy_sha256").as_string().size(), 64u);
}

TEST_F(PlatformPolicyTest, without_a_policy_nothing_is_said_of_one) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  genoa();
  const auto verdict = verify_platform(items_, now_, {});
  ASSERT_OK(verdict);
  EXPECT_EQ(verdict->outcome, Outcome::accept);
  EXPECT_FALSE(boost::json::parse(verdict->json()).as_object().contains("policy_sha256"));
}

TEST_F(PlatformPolicyTest, release_ledger_and_demands) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  genoa();
  policy_.releases = std::string(96, '1');
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::software, "attest.release.unknown"}}));
  genoa();
  policy_.chips = "\"aa\"";
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::identity, "attest.ledger.unknown"}}));
  genoa();
  policy_.chips.clear();
  EXPECT_EQ(state_of(judged(), Aspect::identity), State::not_checked) << "exception no_chip_ledger";
  genoa();
  tables_ = "[snp]\nhost_data = [\"" + std::string(64, 'a') + "\"]\n" + tables_;
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::launch, "snp.host_data"}}));
  genoa();
  items_.pop_back();
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::revocation, "snp.crl.missing"}}));
  genoa();
  tables_ = "[tdx]\nmin_evaluation = 1\n";
  const PlatformVerdict verdict = judged();
  EXPECT_EQ(failures(verdict), (Failures{{Aspect::genuine, "attest.kind.not_taken"}}));
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_FALSE(verdict.genuine);
}

TEST_F(PlatformPolicyTest, what_the_report_was_made_for) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  genoa();
  report_data_ = snp::parse_report(items_[0])->report_data;
  EXPECT_EQ(state_of(judged(), Aspect::bound_data), State::passed);
  (*report_data_)[63] ^= 1;
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::bound_data, "snp.report_data"}}));
}

TEST_F(PlatformPolicyTest, what_is_not_genuine_is_not_judged_further) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  genoa();
  items_[0][0x50] ^= 1;
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::genuine, "snp.signature"}}));
  genoa();
  items_[0][0] = 9;
  EXPECT_EQ(judged().outcome, Outcome::unsupported);
}

TEST_F(PlatformPolicyTest, a_td) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  const PlatformVerdict verdict = judged();
  EXPECT_EQ(verdict.outcome, Outcome::accept_platform) << verdict.text(true);
  EXPECT_EQ(state_of(verdict, Aspect::software), State::passed) << "all registers, not MRTD alone";
  EXPECT_EQ(state_of(verdict, Aspect::launch), State::passed);
  policy_.releases = std::string(96, '1');
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::software, "attest.release.unknown"}}));
  tables_ = "[tdx]\nmin_evaluation = 1000\n";
  EXPECT_EQ(failures(judged())[Aspect::genuine], "tdx.collateral.minimum");
}

TEST_F(PlatformPolicyTest, a_tpm_alone_is_no_platform_that_a_policy_takes) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  items_ = {evidence_file("tpm/quotes/trustee-swtpm/quote.msg"), evidence_file("tpm/quotes/trustee-swtpm/quote.sig"),
            evidence_file("tpm/quotes/trustee-swtpm/ak_pub.spki.der"), evidence_file("tpm/quotes/trustee-swtpm/pcrs.json")};
  const auto policy = policy::parse(as_bytes(policy_.text() + exceptions_ + tables_));
  ASSERT_OK(policy);
  EXPECT_RULE(verify_platform_by(items_, now_, std::get<policy::ProductionPolicy>(*policy), {}), "platform.policy");
}

TEST_F(PlatformPolicyTest, owners_of_tds_are_nobody_unless_the_policy_says_so) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-dstack-agent", "phala-tdx-B0C06F", 1'750'400'000);
  EXPECT_EQ(failures(judged())[Aspect::launch], "tdx.mrconfigid");
  const auto quote = tdx::parse_quote(items_[0]);
  tables_ += "mrconfigid = [\"" + to_hex(std::get<tdx::TdReport>(quote->body).mrconfigid) + "\"]\n";
  EXPECT_EQ(state_of(judged(), Aspect::launch), State::passed);
}

// A policy's [tdx] is of TDs: what an enclave says cannot be held against it.
TEST_F(PlatformPolicyTest, an_enclave_is_no_td) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v3-sgx-phala", "phala-tdx-B0C06F", 1'750'400'000);
  const PlatformVerdict verdict = judged();
  EXPECT_EQ(verdict.outcome, Outcome::unsupported) << verdict.text(true);
  EXPECT_EQ(failures(verdict), (Failures{{Aspect::genuine, "tdx.version"}}));
}

TEST_F(PlatformPolicyTest, a_verdict_ends_with_the_exception_that_it_rests_on) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-cos113-google", "flashbots-gcp-00806F", 1'782'864'000);
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::tcb, "tdx.tcb.status"}}));
  tables_ +=
      "[tdx.accept.OutOfDate]\nadvisories = [\"INTEL-SA-01010\", \"INTEL-SA-01036\", \"INTEL-SA-01076\", \"INTEL-SA-01079\", "
      "\"INTEL-SA-01099\", \"INTEL-SA-01103\", \"INTEL-SA-01111\"]\nuntil = \"2026-07-10T00:00:00Z\"\n";
  const PlatformVerdict verdict = judged();
  EXPECT_EQ(verdict.outcome, Outcome::accept_platform) << verdict.text(true);
  EXPECT_EQ(verdict.window->to, 1'783'641'599);
  now_ = verdict.window->to;
  EXPECT_EQ(judged().outcome, Outcome::accept_platform);
  now_ += 1;
  EXPECT_EQ(failures(judged()), (Failures{{Aspect::tcb, "tdx.tcb.status"}}));
}

}  // namespace
}  // namespace openpcc::attest
