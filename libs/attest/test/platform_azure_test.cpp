// Azure VMs of a test's own making as platforms, under roots of the test's own: what is said of the hardware below them is what is said of it alone.
#include "../src/judging.h"
#include "azure_forge.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;
using azure::Hardware;
using azure::forge::Owned;
using azure::forge::Vm;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

class PlatformAzure : public testing::Test {
 protected:
  Vm vm_{Hardware::tdx};
  PlatformDemands demands_;

  // files are the VM's, but for its HCL report.
  static std::vector<Bytes> files(const Owned& owned) {
    return {owned.td_quote,
            bytes_of(owned.tdx.tcb_info.value),
            bytes_of(owned.tdx.identity.value),
            bytes_of(owned.tdx.tcb_info.signature_hex),
            bytes_of(owned.tdx.identity.signature_hex),
            bytes_of(owned.tdx.signing_chain),
            *owned.tdx.root_crl,
            *owned.tdx.pck_crl};
  }
  PlatformVerdict judged(const Owned& owned, const std::vector<Bytes>& files) { return judged(vm_, owned, files); }
  PlatformVerdict judged(const Vm& vm, const Owned& owned, const std::vector<Bytes>& files) const {
    const auto verdict = judge_azure(owned.hcl, read_items(files), vm.now(), demands_, vm.trust());
    OPENPCC_CHECK(verdict.has_value());
    return *verdict;
  }
  static const appraisal::Finding* failure_of(const PlatformVerdict& verdict, std::string_view rule) {
    const auto found = std::ranges::find_if(verdict.findings,
                                            [&](const appraisal::Finding& f) { return f.state == State::failed && f.rule.id() == rule; });
    return found == verdict.findings.end() ? nullptr : &*found;
  }
};

TEST_F(PlatformAzure, documents_and_signatures_in_either_order) {
  const Owned owned = vm_.evidence();
  std::vector<Bytes> items = files(owned);
  for (int order = 0; order < 2; ++order) {
    const PlatformVerdict verdict = judged(owned, items);
    EXPECT_TRUE(verdict.genuine) << verdict.text(true);
    EXPECT_EQ(verdict.window->to, tdx::test::kNextUpdate);
    std::swap(items[3], items[4]);
  }
}

TEST_F(PlatformAzure, an_exception_ends_the_window) {
  vm_.td->tcb_info["tcbLevels"] = boost::json::array{tdx::test::platform_level(3, 2, 11, "SWHardeningNeeded")};
  const Owned owned = vm_.evidence();
  EXPECT_NE(failure_of(judged(owned, files(owned)), "tdx.tcb.status"), nullptr);
  const UnixSeconds until = vm_.now() + 99;
  demands_.tdx.tcb_exceptions = {{tdx::TcbStatus::sw_hardening_needed, {}, until}};
  const PlatformVerdict verdict = judged(owned, files(owned));
  EXPECT_EQ(failure_of(verdict, "tdx.tcb.status"), nullptr);
  EXPECT_LE(verdict.window->to, until);
}

TEST_F(PlatformAzure, hardware_that_is_found_wanting_is_genuine) {
  vm_.td->tcb_info["tcbLevels"] = boost::json::array();
  const Owned owned = vm_.evidence();
  const PlatformVerdict verdict = judged(owned, files(owned));
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_TRUE(verdict.genuine);
  EXPECT_FALSE(verdict.window);
  const auto* wanting = failure_of(verdict, "tdx.tcb.unsupported");
  ASSERT_NE(wanting, nullptr);
  EXPECT_EQ(wanting->aspect, Aspect::tcb);
  EXPECT_EQ(wanting->remedy, "the host must update its platform");
}

TEST_F(PlatformAzure, what_is_missing_is_told_as_of_hardware_alone) {
  const auto remedy = [](const PlatformVerdict& verdict, std::string_view rule) {
    const auto* failure = failure_of(verdict, rule);
    return failure == nullptr || verdict.genuine ? std::string() : failure->remedy;
  };
  const Owned owned = vm_.evidence();
  EXPECT_TRUE(remedy(judged(owned, {owned.td_quote}), "tdx.collateral.missing").starts_with("add TCB info, QE identity"));
  EXPECT_TRUE(remedy(judged(owned, {}), "azure.td_quote.missing").starts_with("add the TD's quote"));
  Vm on_snp(Hardware::snp);
  EXPECT_TRUE(remedy(judged(on_snp, on_snp.evidence(), {}), "snp.chain.missing").starts_with("add the certificates: VCEK or VLEK"));
}

}  // namespace
}  // namespace openpcc::attest
