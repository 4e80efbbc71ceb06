// What an Azure VM's source takes and refuses of its TPM and of the quoting service.
#include "openpcc/collect/azure.h"

#include <cerrno>

#include "fake_azure.h"
#include "fake_guest.h"
#include "openpcc/attest/azure_binding.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/tpm/transport.h"
#include "swtpm.h"

namespace openpcc::collect {
namespace {

using azure::Hardware;
using testing_guest::FakeAzure;
using testing_guest::FakeGuest;
using testing_guest::some_binding;

std::unique_ptr<Source> source_of(FakeAzure& vm) {
  FakeGuest kernel;
  testkit::TestRandom random;
  auto source = open_source("azure", {kernel, random, vm.means()});
  OPENPCC_CHECK(source.has_value());
  return std::move(*source);
}

Result<Collected> collected(FakeAzure& vm) { return source_of(vm)->collect(some_binding()); }

class AzureVm : public testing::TestWithParam<Hardware> {};
INSTANTIATE_TEST_SUITE_P(All, AzureVm, testing::Values(Hardware::snp, Hardware::tdx),
                         [](const auto& test) { return test.param == Hardware::snp ? "snp" : "tdx"; });

TEST_P(AzureVm, what_is_collected) {
  FakeAzure vm(GetParam());
  const bool snp = GetParam() == Hardware::snp;
  const auto out = collected(vm);
  ASSERT_OK(out);
  EXPECT_TRUE(equal(vm.stored.at(tpm_collect::kAzureUserData), some_binding()));
  EXPECT_EQ(out->report.media_type, snp ? attest::kSnpReportType : attest::kTdxQuoteType);
  EXPECT_EQ(out->report.bytes, snp ? Bytes(vm.owned.hcl.begin() + 32, vm.owned.hcl.begin() + 32 + 1184) : vm.owned.td_quote);
  ASSERT_TRUE(out->paravisor);
  EXPECT_EQ(out->paravisor->report.media_type, snp ? attest::kAzureSnpType : attest::kAzureTdxType);
  EXPECT_EQ(out->paravisor->report.bytes, vm.owned.hcl);
  const auto& beside = out->paravisor->collateral;
  EXPECT_EQ(beside.size(), snp ? 3u : 4u);
  EXPECT_EQ(beside.at("tpm-quote").media_type, attest::kTpmQuoteType);
  EXPECT_EQ(beside.at("tpm-signature").media_type, attest::kTpmSignatureType);
  EXPECT_EQ(*tpm::parse_values(beside.at("pcrs").bytes), vm.vm.tpm.pcrs);
  const auto quote = tpm::parse_quote(beside.at("tpm-quote").bytes);
  EXPECT_TRUE(equal(quote->extra_data, attest::azure_nonce(some_binding())));
  EXPECT_TRUE(vm.pauses.empty());
  EXPECT_EQ(vm.opened, 2) << "each report has a connection of its own, beside the first look";
}

TEST_P(AzureVm, a_report_of_before_is_waited_for) {
  for (int stale = 1; stale < kReportTries; ++stale) {
    FakeAzure vm(GetParam());
    vm.stale = stale;
    ASSERT_OK(collected(vm));
    EXPECT_EQ(vm.pauses, std::vector(static_cast<size_t>(stale), kReportRenewal));
    EXPECT_EQ(vm.writes, stale + 1);
  }
  FakeAzure never(GetParam());
  never.stale = kReportTries;
  const auto refused = collected(never);
  EXPECT_RULE(refused, "collect.azure.user_data");
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_EQ(never.pauses.size(), static_cast<size_t>(kReportTries - 1)) << "none after the last";
}

TEST_P(AzureVm, what_is_no_report) {
  FakeAzure good(GetParam());
  const Bytes report = good.owned.hcl;
  const auto changed = [&](size_t at) {
    Bytes out = report;
    out[at] ^= 1;
    return out;
  };
  const std::pair<Bytes, std::string> cases[] = {{{}, "azure.hcl.size"},
                                                 {Bytes(report.begin(), report.end() - 1), "azure.hcl.size"},
                                                 {concat({report, Bytes(1)}), "azure.hcl.size"},
                                                 {changed(0), "azure.hcl.magic"},
                                                 {changed(azure::kJsonAt + 4), "other runtime data"}};
  for (const auto& [bytes, reason] : cases) {
    FakeAzure vm(GetParam());
    vm.reads.assign(kReportTries, bytes);
    const auto refused = collected(vm);
    EXPECT_RULE(refused, "collect.azure.report");
    EXPECT_NE(refused.error().detail.find(reason), std::string::npos) << refused.error().detail;
    EXPECT_EQ(vm.pauses.size(), static_cast<size_t>(kReportTries - 1));
    // Read while another reader had it renewed: the next one is good.
    FakeAzure torn(GetParam());
    torn.reads.assign(1, bytes);
    EXPECT_OK(collected(torn));
  }
  FakeAzure syntax(GetParam());
  syntax.vm.json = "{}";
  const auto refused = collected(syntax);
  EXPECT_RULE(refused, "collect.azure.report");
  EXPECT_NE(refused.error().detail.find("azure.runtime.syntax"), std::string::npos) << refused.error().detail;
}

TEST_P(AzureVm, a_tpm_that_fails_is_not_asked_again) {
  const Error error{Code::unavailable, "tpm_collect.nv", "the TPM is in failure mode"};
  FakeAzure reads(GetParam()), writes(GetParam());
  reads.read_error = writes.write_error = error;
  EXPECT_RULE(collected(reads), "tpm_collect.nv");
  EXPECT_RULE(collected(writes), "tpm_collect.nv");
  EXPECT_EQ(reads.writes, 1);
  EXPECT_EQ(writes.writes, 1);
}

TEST_P(AzureVm, quotes_of_something_else) {
  const auto refused = [](FakeAzure& vm, std::string_view reason) {
    const auto out = collected(vm);
    EXPECT_RULE(out, "collect.azure.quote");
    EXPECT_NE(out.error().detail.find(reason), std::string::npos) << out.error().detail;
  };
  FakeAzure nonce(GetParam());
  nonce.other_nonce = Bytes(32, 7);
  refused(nonce, "another request");
  FakeAzure selection(GetParam());
  selection.other_selections = tpm::Selections{{tpm::Hash::sha256, 0x17}};
  selection.vm.tpm.pcrs = tpm::forge::values(tpm::Hash::sha256, {0, 1, 2, 4});
  refused(selection, "sha256:0,1,2,4 instead of sha256:0,1,2,4,7");
  FakeAzure key(GetParam());
  key.vm.key(0)["n"] = azure::forge::modulus_of(x509::forge::Key(x509::Algorithm::rsa_pkcs1_sha256).spki());
  refused(key, "tpm.signature");
  FakeAzure raced(GetParam());
  raced.vm.tpm.digest = Bytes(32, 1);
  EXPECT_RULE(collected(raced), "tpm_collect.racing") << "values that do not belong to the quote";
}

TEST(AzureTd, quotes_that_are_not_of_this_td) {
  const auto refused = [](Bytes quote) {
    FakeAzure vm(Hardware::tdx);
    vm.td_quote = std::move(quote);
    EXPECT_RULE(collected(vm), "collect.azure.td_quote");
  };
  refused({});
  refused(Bytes(5000, 'x'));
  refused(Bytes(200'000));
  FakeAzure other(Hardware::tdx), later(Hardware::tdx);
  refused(other.owned.td_quote);  // for other user data
  later.vm.set_user_data(some_binding());
  later.vm.td->body[328] ^= 1;  // RTMR0: of another boot
  refused(later.vm.evidence().td_quote);
  FakeAzure enclave(Hardware::tdx);
  enclave.vm.td->make_sgx();
  refused(enclave.vm.td->quote());
}

TEST(AzureTd, what_the_service_says_is_handed_on) {
  FakeAzure vm(Hardware::tdx);
  AzureMeans means = vm.means();
  means.quote_service = quote_service_by([](ByteSpan) -> Result<Bytes> { return Bytes{'{', '}'}; });
  FakeGuest kernel;
  testkit::TestRandom random;
  const auto source = open_source("azure", {kernel, random, means});
  EXPECT_RULE((*source)->collect(some_binding()), "collect.quote_service.answer");
}

TEST(AzureTd, a_td_report_that_is_none) {
  FakeAzure vm(Hardware::tdx);
  vm.vm.set_user_data(some_binding());
  Bytes report = vm.vm.evidence().hcl;
  report[azure::kHeaderBytes] = 0;  // its type
  vm.reads.assign(1, report);
  EXPECT_RULE(collected(vm), "collect.azure.report");
}

// The recorded reports of genuine machines say what they said: no B of ours appears in them.
TEST(AzureRecorded, reports_do_not_take_up_what_is_written) {
  for (const std::string name : {"snp-openpcc-genoa", "snp-lunal-milan-v3-nononce", "snp-trustee-genoa", "snp-trustee-v1",
                                 "snp-trustee-v2-userdata", "tdx-azure-flashbots-a", "tdx-lunal-live", "tdx-openpcc", "tdx-trustee-v1"}) {
    const auto file = testkit::shared_file("evidence/azure/" + name + "/hcl_report.bin");
    if (!file) GTEST_SKIP() << "no shared evidence";
    FakeAzure vm;
    vm.reads.assign(kReportTries, testkit::read_file(*file));
    EXPECT_RULE(collected(vm), "collect.azure.user_data") << name;
  }
}

// A genuine report whose user data are taken for B: its genuine quote was made for another nonce.
TEST(AzureRecorded, a_quote_is_of_its_own_request) {
  for (const std::string name :
       {"snp-trustee-genoa", "snp-trustee-v1", "snp-trustee-v2-userdata", "tdx-azure-flashbots-a", "tdx-lunal-live"}) {
    const auto shared = [&](const std::string& file) { return testkit::shared_file("evidence/azure/" + name + "/" + file); };
    if (!shared("hcl_report.bin")) GTEST_SKIP() << "no shared evidence";
    FakeAzure vm;
    const Bytes report = testkit::read_file(*shared("hcl_report.bin"));
    vm.reads.assign(1, report);
    tpm_collect::Collected quote;
    quote.quote = testkit::read_file(*shared("tpm_quote.msg"));
    quote.signature = concat({Bytes{0, 0x14, 0, 0x0b, 1, 0}, testkit::read_file(*shared("tpm_quote.sig"))});  // the file is its number
    quote.values = *tpm::parse_values(testkit::read_file(*shared("pcrs.json")));
    vm.recorded = quote;
    const attest::Binding binding = azure::read_runtime(azure::parse_hcl(report)->json)->user_data;
    const auto refused = source_of(vm)->collect(binding);
    EXPECT_RULE(refused, "collect.azure.quote") << name;
    EXPECT_NE(refused.error().detail.find("another request"), std::string::npos) << refused.error().detail;
  }
}

TEST(OpenAzure, what_is_no_azure_vm) {
  FakeGuest kernel;
  const auto absent = open_azure_vm(kernel.guest());
  EXPECT_RULE(absent, "collect.azure.absent");
  EXPECT_EQ(absent.error().code, Code::unsupported);
  kernel.errors["open /dev/tpmrm0"] = {EACCES};
  const auto forbidden = open_azure_vm(kernel.guest());
  EXPECT_RULE(forbidden, "collect.azure.tpm");
  EXPECT_NE(forbidden.error().detail.find("Permission denied"), std::string::npos) << forbidden.error().detail;
  Guest guest = kernel.guest();
  guest.azure.device = "swtpm:path=/nonexistent/socket";
  EXPECT_RULE(open_azure_vm(guest), "collect.azure.tpm");
}

TEST(OpenAzure, a_tpm_without_a_paravisors_report) {
  const tpm_collect::Swtpm swtpm;
  ASSERT_OK(swtpm.open());
  FakeGuest kernel;
  Guest guest = kernel.guest();
  guest.azure.device = swtpm.tcti();
  const auto refused = open_azure_vm(guest);
  EXPECT_RULE(refused, "collect.azure.absent");
  EXPECT_NE(refused.error().detail.find("NV index 0x01400001"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(refused.error().code, Code::unsupported);
}

TEST(OpenAzure, auto_looks_there_after_the_kernels_own_interfaces) {
  FakeAzure vm;
  FakeGuest kernel;
  testkit::TestRandom random;
  const Guest guest{kernel, random, vm.means()};
  EXPECT_EQ((*open_source("auto", guest))->name(), Word("azure"));
  kernel.sev = testing_guest::SevDriver{};
  EXPECT_EQ((*open_source("auto", guest))->name(), Word("sev-guest"));
  kernel.sev.reset();
  vm.has_report = false;
  const auto none = open_source("auto", guest);
  EXPECT_RULE(none, "collect.none");
  EXPECT_NE(none.error().detail.find("no confidential VM of Azure's"), std::string::npos) << none.error().detail;
}

}  // namespace
}  // namespace openpcc::collect
