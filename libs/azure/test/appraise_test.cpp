#include "openpcc/azure/appraise.h"

#include "azure_forge.h"

namespace openpcc::azure {
namespace {

using appraisal::Aspect;
using appraisal::State;
using forge::Vm;

// of_vm demands what the forge's machines are.
Demands of_vm(const Vm& vm) {
  Demands out;
  out.snp.measurements = {Bytes(48, 0x3e)};
  out.tdx.measurements = {Bytes(48, 0x4d)};
  tpm::Demands::Terms terms;
  for (const auto& [pcr, value] : vm.tpm.pcrs.at(tpm::Hash::sha256)) terms.pcrs[pcr] = {value};
  terms.nonce = vm.tpm.nonce;
  out.quote = *tpm::Demands::create(std::move(terms));
  out.user_data = ReportData{};
  out.require_secure_boot = true;
  return out;
}

appraisal::Findings findings_of(Vm& vm, const Demands& demands, bool with_quote = true) {
  forge::Owned owned = vm.evidence();
  owned.with_quote = with_quote;
  const Verification verification = verify(owned.view(), vm.now(), vm.trust());
  OPENPCC_CHECK(verification.verified.has_value());
  return appraise(*verification.verified, demands, vm.now());
}

testing::AssertionResult refused(Vm& vm, const Demands& demands, std::string_view rule, bool with_quote = true) {
  return testkit::refused(findings_of(vm, demands, with_quote), rule);
}

State state_of(const appraisal::Findings& findings, std::string_view rule) {
  const auto found = std::ranges::find_if(findings, [&](const appraisal::Finding& f) { return f.rule.id() == rule; });
  return found == findings.end() ? State::failed : found->state;
}

TEST(AzureAppraise, what_is_demanded_passes) {
  Vm vm;
  const auto findings = findings_of(vm, of_vm(vm));
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  for (const char* rule : {"snp.measurement", "tpm.nonce", "tpm.pcr", "azure.user_data", "azure.vm.tpm", "azure.vm.secure_boot"}) {
    EXPECT_EQ(state_of(findings, rule), State::passed) << rule;
  }
  EXPECT_EQ(state_of(findings, "azure.binding"), State::not_provable);
  EXPECT_EQ(state_of(findings, "azure.vm.console"), State::not_checked);
}

TEST(AzureAppraise, nothing_demanded_is_nothing_checked) {
  Vm vm;
  vm.configuration()["secure-boot"] = false;
  const auto findings = findings_of(vm, {});
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  for (const char* rule : {"snp.measurement", "tpm.nonce", "tpm.pcr", "azure.user_data", "azure.vm.secure_boot"}) {
    EXPECT_EQ(state_of(findings, rule), State::not_checked) << rule;
  }
}

TEST(AzureAppraise, the_machine_is_judged_as_any_other) {
  Vm vm;
  Demands demands = of_vm(vm);
  vm.chip.set(0x30, {1});
  EXPECT_TRUE(refused(vm, demands, "snp.vmpl"));
  Vm other;
  other.chip.set(0x90, {1});
  EXPECT_TRUE(refused(other, demands, "snp.measurement"));
  Vm td(Hardware::tdx);
  td.td->body[120] = 1;
  EXPECT_TRUE(refused(td, of_vm(td), "tdx.attributes.debug"));
  // Neither technology's own demand on report data is for what hardware binds here.
  demands.snp.report_data = ReportData{};
  Vm plain;
  demands.quote = of_vm(plain).quote;
  EXPECT_EQ(appraisal::refusal(findings_of(plain, demands)), nullptr);
}

TEST(AzureAppraise, a_report_alone_is_as_old_as_the_boot) {
  Vm vm;
  EXPECT_TRUE(refused(vm, of_vm(vm), "azure.quote.missing", false));
  Vm empty;
  empty.tpm.nonce.clear();
  EXPECT_TRUE(refused(empty, {}, "tpm.nonce"));
}

TEST(AzureAppraise, the_quote_is_the_answer_to_ones_own_question) {
  Vm vm;
  const Demands demands = of_vm(vm);
  vm.tpm.nonce.back() ^= 1;
  EXPECT_TRUE(refused(vm, demands, "tpm.nonce"));
  Vm other;
  other.tpm.pcrs[tpm::Hash::sha256][4][0] ^= 1;
  const Vm good;
  EXPECT_TRUE(refused(other, of_vm(good), "tpm.pcr"));
}

TEST(AzureAppraise, user_data) {
  Vm vm;
  Demands demands = of_vm(vm);
  vm.set_user_data(concat({Bytes(63, 0), Bytes{1}}));
  EXPECT_TRUE(refused(vm, demands, "azure.user_data"));
}

TEST(AzureAppraise, settings_of_the_vm) {
  Vm vm;
  Demands demands = of_vm(vm);
  demands.require_no_console = true;
  EXPECT_TRUE(refused(vm, demands, "azure.vm.console"));
  vm.configuration()["console-enabled"] = false;
  EXPECT_EQ(appraisal::refusal(findings_of(vm, demands)), nullptr);
  const std::pair<const char*, const char*> settings[] = {
      {"secure-boot", "azure.vm.secure_boot"}, {"tpm-enabled", "azure.vm.tpm"}, {"console-enabled", "azure.vm.console"}};
  for (const auto& [name, rule] : settings) {
    const boost::json::value good = vm.configuration()[name];
    vm.configuration()[name] = !good.as_bool();
    EXPECT_TRUE(refused(vm, demands, rule));
    vm.configuration().erase(name);
    EXPECT_TRUE(refused(vm, demands, rule));
    vm.configuration()[name] = good;
  }
}

}  // namespace
}  // namespace openpcc::azure
