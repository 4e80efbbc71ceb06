// What other verifiers got wrong, each a test named after its row in the list of known faults.
#include "azure_forge.h"
#include "openpcc/azure/appraise.h"

namespace openpcc::azure {
namespace {

using forge::Owned;
using forge::refused;
using forge::Vm;

Verification judge(const Vm& vm, const Owned& owned, UnixSeconds after_s = 0) {
  return verify(owned.view(), vm.now() + after_s, vm.trust());
}

TEST(Known, row_4_a_root_that_comes_with_the_evidence_is_no_anchor) {
  Vm vm;
  EXPECT_TRUE(refused(verify(vm.evidence().view(), vm.now()), "snp.chain.root"));
}

TEST(Known, row_9_times_vmpl_and_debug_count_behind_a_paravisor_too) {
  Vm vm;
  EXPECT_TRUE(refused(judge(vm, vm.evidence(), 1001), "snp.vek.expired"));
  EXPECT_TRUE(refused(judge(vm, vm.evidence(), -1001), "snp.vek.early"));
  const auto refusal_of = [](Vm& machine) {
    const Owned owned = machine.evidence();
    const Verification verification = judge(machine, owned);
    return std::string(appraisal::refusal(appraise(*verification.verified, {}, machine.now()))->rule.id());
  };
  Vm vmpl, debug;
  vmpl.chip.set(0x30, {1});
  debug.chip.set(0x0a, {0x0b});
  EXPECT_EQ(refusal_of(vmpl), "snp.vmpl");
  EXPECT_EQ(refusal_of(debug), "snp.policy.debug");
  // A revocation list that is there counts.
  Owned owned = vm.evidence();
  owned.crl = vm.chip.line.crl({}, vm.now() - 1);
  EXPECT_TRUE(refused(judge(vm, owned), "snp.crl.expired"));
}

TEST(Known, row_11_a_register_outside_the_signed_selection_is_nobodys_word) {
  Vm vm;
  Owned owned = vm.evidence();
  owned.values[tpm::Hash::sha256][8] = Bytes(32, 0x88);
  EXPECT_TRUE(refused(judge(vm, owned), "tpm.pcrs"));
  owned = vm.evidence();
  owned.values[tpm::Hash::sha256].erase(7);
  EXPECT_TRUE(refused(judge(vm, owned), "tpm.pcrs"));
}

TEST(Known, row_12_another_report_data_is_fatal) {
  Vm vm;
  vm.bind = false;
  EXPECT_TRUE(refused(judge(vm, vm.evidence()), "azure.binding"));
}

TEST(Known, row_14_what_the_tpm_did_not_make) {
  Vm vm;
  vm.tpm.magic ^= 1;
  EXPECT_TRUE(refused(judge(vm, vm.evidence()), "tpm.magic"));
}

TEST(Known, row_24_evidence_of_one_session_in_another) {
  Vm vm;
  const Owned owned = vm.evidence();
  const Verification verification = judge(vm, owned);
  tpm::Demands::Terms terms;
  for (const auto& [pcr, value] : vm.tpm.pcrs.at(tpm::Hash::sha256)) terms.pcrs[pcr] = {value};
  terms.nonce = Bytes(32, 0x99);
  Demands demands;
  demands.quote = *tpm::Demands::create(std::move(terms));
  EXPECT_EQ(appraisal::refusal(appraise(*verification.verified, demands, vm.now()))->rule.id(), "tpm.nonce");
}

TEST(Known, row_26_offsets_of_a_tdreport_are_those_of_the_quote) {
  Vm vm(Hardware::tdx);
  for (size_t i = 0; i < 4; ++i) std::fill_n(vm.td->body.begin() + static_cast<ptrdiff_t>(328 + 48 * i), 48, static_cast<uint8_t>(i + 1));
  const Owned owned = vm.evidence();
  const auto td = read_td_report(parse_hcl(owned.hcl)->report);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(td->rtmr[i][0], i + 1);
  EXPECT_TRUE(judge(vm, owned).verified);
}

}  // namespace
}  // namespace openpcc::azure
