#include "openpcc/attest/platform.h"

#include <boost/json.hpp>

#include "azure_forge.h"
#include "nitro_forge.h"
#include "openpcc/attest/hardware_types.h"
#include "snp_forge.h"

namespace openpcc::attest {
namespace {

using appraisal::State;

struct Files {
  std::vector<Bytes> items;
  UnixSeconds now = 0;
};

// genuine is one of the shared corpus' machines: report, VCEK, ASK, ARK.
std::optional<Files> genuine(const std::string& report, const std::string& line) {
  const auto folder = testkit::shared_file("evidence/snp");
  if (!folder) return std::nullopt;
  Files out;
  for (const std::string& file : {"reports/" + report + "/report.bin", "reports/" + report + "/vcek.der", "roots/" + line + "/ask.der",
                                  "roots/" + line + "/ark.der"}) {
    out.items.push_back(testkit::read_file(*folder / file));
  }
  out.now = x509::Certificate::parse(out.items[1])->window().from;
  return out;
}

PlatformVerdict judged(const Files& files) {
  auto verdict = verify_platform(files.items, files.now, {});
  OPENPCC_CHECK(verdict.has_value());
  return std::move(*verdict);
}

TEST(Platform, a_genuine_report_in_any_order_of_files) {
  auto files = genuine("v5-turin-microsoft", "turin");
  if (!files) GTEST_SKIP() << "no shared evidence";
  std::ranges::reverse(files->items);
  const PlatformVerdict verdict = judged(*files);
  EXPECT_EQ(verdict.outcome, Outcome::accept);
  EXPECT_EQ(verdict.kind, "AMD SEV-SNP report, version 5, Turin");
  EXPECT_EQ(verdict.findings.front().state, State::passed);
  EXPECT_NE(verdict.text(false).find("GENUINE"), std::string::npos);
  const auto json = boost::json::parse(verdict.json());
  EXPECT_EQ(json.at("exit_code").as_int64(), 0);
  EXPECT_TRUE(json.at("genuine").as_bool());
}

TEST(Platform, certificates_as_pem_in_one_file_and_a_drivers_response) {
  auto files = genuine("v3-milan-microsoft", "milan");
  if (!files) GTEST_SKIP() << "no shared evidence";
  std::string pem;
  for (size_t i = 1; i < 4; ++i) pem += x509::forge::pem(files->items[i]);
  Bytes response(32, 0);
  response[4] = 0xa0;
  response[5] = 0x04;
  files->items = {Bytes(pem.begin(), pem.end()), concat({response, files->items[0]})};
  EXPECT_EQ(judged(*files).outcome, Outcome::accept);
}

TEST(Platform, genuine_is_not_yet_acceptable) {
  auto files = genuine("v2-milan-gsg-debug", "milan");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const PlatformVerdict verdict = judged(*files);
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  ASSERT_NE(appraisal::refusal(verdict.findings), nullptr);
  EXPECT_EQ(appraisal::refusal(verdict.findings)->rule.id(), "snp.policy.debug");
  EXPECT_NE(verdict.text(false).find("GENUINE, BUT NOT ACCEPTABLE"), std::string::npos);
}

TEST(Platform, the_certificate_of_the_right_kind_is_chosen) {
  auto files = genuine("v3-milan-microsoft", "milan");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const auto folder = *testkit::shared_file("evidence/snp");
  files->items.insert(files->items.begin(), testkit::read_file(folder / "reports/v3-milan-aws-vlek-vmpl1/vlek.der"));
  files->items.insert(files->items.begin(), testkit::read_file(folder / "roots/milan/asvk.der"));
  files->items.insert(files->items.begin(), testkit::read_file(folder / "roots/genoa/ark.der"));
  EXPECT_EQ(judged(*files).outcome, Outcome::accept);
}

// vcek_like is a certificate of the genuine one's chip and TCB but for what the options change, and of nobody's making.
Bytes vcek_like(ByteSpan genuine, void (*change)(snp::forge::VekOptions&)) {
  const auto vek = snp::read_vek(*x509::Certificate::parse(genuine));
  snp::forge::VekOptions options;
  options.tcb = vek->tcb;
  options.hwid = vek->hwid;
  change(options);
  return snp::forge::Machine(snp::forge::Line::one(vek->product), options).vek_der();
}

// A chip has a certificate for each TCB that it was ever at, and a folder may hold those of many chips.
TEST(Platform, the_certificate_of_the_chip_at_its_reported_tcb_is_chosen) {
  auto files = genuine("v3-genoa-microsoft", "genoa");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const Bytes vcek = files->items[1];
  files->items.insert(files->items.begin(), {vcek_like(vcek, [](auto& options) { options.tcb.microcode += 1; }),
                                             vcek_like(vcek, [](auto& options) { options.hwid[0] ^= 1; }),
                                             vcek_like(vcek, [](auto& options) { options.window = {0, 1}; })});
  EXPECT_EQ(judged(*files).outcome, Outcome::accept);
  std::ranges::reverse(files->items);
  EXPECT_EQ(judged(*files).outcome, Outcome::accept);
}

// Where none fits, the refusal is of the one that fits best: the chip's.
TEST(Platform, the_certificate_that_fits_best_is_refused_by_name) {
  auto files = genuine("v3-genoa-microsoft", "genoa");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const Bytes vcek = files->items[1];
  files->items[1] = vcek_like(vcek, [](auto& options) { options.tcb.microcode += 1; });
  files->items.insert(files->items.begin(), vcek_like(vcek, [](auto& options) { options.hwid[0] ^= 1; }));
  std::set<std::string_view> rules;
  for (const auto& finding : judged(*files).findings) rules.insert(finding.rule.id());
  EXPECT_TRUE(rules.contains("snp.tcb.certificate"));
  EXPECT_FALSE(rules.contains("snp.chip_id.mismatch"));
}

TEST(Platform, of_issuers_with_one_name_the_one_that_signed_is_chosen) {
  auto files = genuine("v3-genoa-microsoft", "genoa");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const snp::forge::Line& line = snp::forge::Line::one(snp::Product::genoa);
  for (const size_t place : {2u, 3u}) {
    const auto certificate = x509::Certificate::parse(files->items[place]);
    x509::forge::CertificateFields namesake = place == 2 ? line.ask : line.ark;
    namesake.subject = Bytes(certificate->subject().begin(), certificate->subject().end());
    namesake.issuer = Bytes(certificate->issuer().begin(), certificate->issuer().end());
    files->items.insert(files->items.begin(), x509::forge::certificate(namesake, line.ark_key));
    std::ranges::rotate(files->items, files->items.begin() + 1);
  }
  std::ranges::reverse(files->items);
  EXPECT_EQ(judged(*files).outcome, Outcome::accept);
}

TEST(Platform, what_is_missing_or_wrong_is_told) {
  const snp::forge::Machine machine = snp::forge::Machine::of(snp::Product::milan);
  Files files{{machine.signed_report()}, snp::forge::kNow};
  PlatformVerdict verdict = judged(files);
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_EQ(verdict.findings.front().rule.id(), "snp.chain.missing");
  files.items = {machine.signed_report(), machine.vek_der(), machine.line.ask_der(), machine.line.ark_der()};
  verdict = judged(files);
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_EQ(verdict.findings.front().rule.id(), "snp.chain.root");
  EXPECT_NE(verdict.text(false).find("NOT GENUINE"), std::string::npos);
  EXPECT_FALSE(boost::json::parse(verdict.json()).at("genuine").as_bool());
}

TEST(Platform, what_cannot_be_read_has_outcomes_of_its_own) {
  Bytes report = snp::forge::Machine::of(snp::Product::milan).signed_report();
  report[0] = 9;
  EXPECT_EQ(judged({{report}, 0}).outcome, Outcome::reject) << "certificates are missing as well";
  const auto files = genuine("v3-milan-microsoft", "milan");
  if (!files) GTEST_SKIP() << "no shared evidence";
  Files altered = *files;
  altered.items[0][0] = 9;
  EXPECT_EQ(judged(altered).outcome, Outcome::unsupported);
  altered = *files;
  altered.items[0][0x4c] = 1;
  EXPECT_EQ(judged(altered).outcome, Outcome::malformed);
}

// A genuine document of a release enclave, made at `now`.
std::optional<Files> genuine_document() {
  const auto file = testkit::shared_file("evidence/nitro/sparsity-2.cose");
  if (!file) return std::nullopt;
  Files out{{testkit::read_file(*file)}, 0};
  out.now = static_cast<UnixSeconds>(nitro::parse_document(out.items[0])->timestamp_ms / 1000);
  return out;
}

TEST(Platform, a_nitro_document) {
  const auto files = genuine_document();
  if (!files) GTEST_SKIP() << "no shared evidence";
  const PlatformVerdict verdict = judged(*files);
  EXPECT_EQ(verdict.outcome, Outcome::accept);
  EXPECT_EQ(verdict.kind, "AWS Nitro document, Nitro enclave");
  EXPECT_TRUE(verdict.genuine && verdict.window);
}

TEST(Platform, a_nitro_document_that_is_old_was_genuine) {
  auto files = genuine_document();
  if (!files) GTEST_SKIP() << "no shared evidence";
  files->now += 600;
  EXPECT_EQ(appraisal::refusal(judged(*files).findings)->rule.id(), "nitro.time");
  files->now += 86'400;
  const PlatformVerdict verdict = judged(*files);
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_EQ(verdict.findings.front().aspect, appraisal::Aspect::signatures);
  EXPECT_EQ(appraisal::refusal(verdict.findings)->rule.id(), "nitro.chain.expired");
  EXPECT_NE(verdict.text(false).find("NOT SHOWN TO BE GENUINE"), std::string::npos);
}

TEST(Platform, a_nitro_document_must_be_what_is_demanded) {
  const auto files = genuine_document();
  if (!files) GTEST_SKIP() << "no shared evidence";
  const auto document = nitro::parse_document(files->items[0]);
  const auto refusal = [&](const PlatformDemands& demands) {
    const auto verdict = verify_platform(files->items, files->now, demands);
    const appraisal::Finding* finding = appraisal::refusal(verdict->findings);
    return finding == nullptr ? std::string_view() : finding->rule.id();
  };
  PlatformDemands demands;
  demands.expect_measurement(Bytes(48, 1));
  EXPECT_EQ(refusal(demands), "nitro.pcr");
  demands.expect_measurement(Bytes(document->pcrs.at(0).begin(), document->pcrs.at(0).end()));
  EXPECT_EQ(refusal(demands), "");
  demands.expect_report_data({});
  EXPECT_EQ(refusal(demands), "nitro.user_data");
}

TEST(Platform, nitro_documents_of_ones_own_and_broken_ones) {
  nitro::forge::Maker maker;
  PlatformVerdict verdict = judged({{maker.document()}, nitro::forge::kNow});
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_EQ(verdict.findings.front().rule.id(), "nitro.chain.root");
  maker.set("extra", nitro::forge::number(1));
  EXPECT_EQ(judged({{maker.document()}, nitro::forge::kNow}).outcome, Outcome::unsupported);
  const Bytes cut = nitro::forge::Maker().document();
  EXPECT_EQ(judged({{Bytes(cut.begin(), cut.begin() + 900)}, 0}).outcome, Outcome::malformed);
}

// A genuine VM's files with the issuer and the root of its chip.
std::optional<Files> genuine_vm() {
  const auto folder = testkit::shared_file("evidence");
  if (!folder) return std::nullopt;
  Files out;
  for (const char* file :
       {"azure/snp-trustee-genoa/hcl_report.bin", "azure/snp-trustee-genoa/vcek.der", "snp/roots/genoa/ask.der", "snp/roots/genoa/ark.der",
        "azure/snp-trustee-genoa/tpm_quote.msg", "azure/snp-trustee-genoa/tpm_quote.sig", "azure/snp-trustee-genoa/pcrs.json"}) {
    out.items.push_back(testkit::read_file(*folder / file));
  }
  out.now = x509::Certificate::parse(out.items[1])->window().from;
  return out;
}

TEST(Platform, an_azure_vm_in_any_order_of_files) {
  auto files = genuine_vm();
  if (!files) GTEST_SKIP() << "no shared evidence";
  std::ranges::reverse(files->items);
  const PlatformVerdict verdict = judged(*files);
  EXPECT_EQ(verdict.outcome, Outcome::accept) << verdict.text(false);
  EXPECT_EQ(verdict.kind, "Azure confidential VM, SEV-SNP");
  EXPECT_NE(verdict.text(false).find("by the paravisor's word"), std::string::npos);
}

TEST(Platform, parts_of_an_azure_vm) {
  const auto files = genuine_vm();
  if (!files) GTEST_SKIP() << "no shared evidence";
  for (const size_t part : {4u, 5u, 6u}) {
    Files less = *files, more = *files, alone{{files->items[1], files->items[part]}, files->now};
    less.items.erase(less.items.begin() + static_cast<ptrdiff_t>(part));
    EXPECT_RULE(verify_platform(less.items, less.now, {}), "platform.tpm_parts");
    more.items.push_back(more.items[part]);
    EXPECT_RULE(verify_platform(more.items, more.now, {}), "platform.several");
    if (part == 4) continue;  // a TPM's quote is evidence of its own
    EXPECT_RULE(verify_platform(alone.items, alone.now, {}), "platform.none");
  }
  Files with_td = *files;
  with_td.items.push_back(testkit::read_file(*testkit::shared_file("evidence/tdx/quotes/v4-cos113-google/quote.bin")));
  EXPECT_RULE(verify_platform(with_td.items, with_td.now, {}), "platform.unknown_item") << "no TD is behind SEV-SNP";
  Files bare = *files;
  bare.items.resize(4);
  EXPECT_EQ(appraisal::refusal(judged(bare).findings)->rule.id(), "azure.quote.missing");
  // PCR values beside a bare report are nobody's word.
  const auto report = genuine("v3-genoa-microsoft", "genoa");
  Files mixed = *report;
  mixed.items.push_back(files->items[6]);
  EXPECT_RULE(verify_platform(mixed.items, mixed.now, {}), "platform.unknown_item");
}

TEST(Platform, an_azure_vm_must_be_what_is_demanded) {
  const auto files = genuine_vm();
  if (!files) GTEST_SKIP() << "no shared evidence";
  PlatformDemands paravisor, user_data, product;
  product.snp.products = {snp::Product::turin};
  paravisor.expect_measurement(Bytes(48, 1));
  user_data.expect_report_data({1});
  EXPECT_EQ(appraisal::refusal(verify_platform(files->items, files->now, paravisor)->findings)->rule.id(), "snp.measurement");
  EXPECT_EQ(appraisal::refusal(verify_platform(files->items, files->now, user_data)->findings)->rule.id(), "azure.user_data");
  EXPECT_EQ(appraisal::refusal(verify_platform(files->items, files->now, product)->findings)->rule.id(), "snp.product.excluded");
}

TEST(Platform, azure_vms_of_ones_own_and_broken_ones) {
  azure::forge::Vm vm;
  const azure::forge::Owned owned = vm.evidence();
  Files files{{owned.hcl, owned.vek, owned.issuer, owned.root, *owned.ak_certificate}, vm.now()};
  EXPECT_EQ(judged(files).findings.front().rule.id(), "snp.chain.root");
  files.items[0].push_back(0);
  EXPECT_EQ(judged(files).outcome, Outcome::malformed);
  files.items[0] = owned.hcl;
  files.items[0][4] = 9;
  EXPECT_EQ(judged(files).outcome, Outcome::unsupported);
}

TEST(Platform, what_has_no_verifier_is_named) {
  const std::pair<Bytes, const char*> all[] = {
      {testkit::hex("d9018fa219acca"), "Arm CCA token"},
      {concat({as_bytes(R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"})")}), "Sigstore bundle"}};
  for (const auto& [bytes, kind] : all) {
    const PlatformVerdict verdict = judged({{bytes}, 0});
    EXPECT_EQ(verdict.outcome, Outcome::unsupported);
    EXPECT_EQ(verdict.kind, kind);
    EXPECT_EQ(verdict.findings.front().rule.id(), "platform.unsupported");
    testkit::note_tripped("platform.unsupported");
  }
}

TEST(Platform, one_report_at_a_time) {
  const Bytes report = snp::forge::Machine::of(snp::Product::milan).signed_report();
  EXPECT_RULE(verify_platform(std::vector<Bytes>{report, report}, 0, {}), "platform.several");
  EXPECT_RULE(verify_platform(std::vector<Bytes>{{1, 2, 3}}, 0, {}), "platform.none");
  EXPECT_RULE(verify_platform(std::vector<Bytes>{report, {1, 2, 3}}, 0, {}), "platform.unknown_item");
  EXPECT_RULE(verify_platform(std::vector<Bytes>(kPlatformItemsMax + 1), 0, {}), "platform.too_many");
}

// device_of puts the files of a report into the one form.
Device device_of(const Files& files) {
  Device out;
  out.report = {std::string(kSnpReportType), files.items[0]};
  for (size_t i = 1; i < files.items.size(); ++i) out.chain.push_back({std::string(kCertificateType), files.items[i]});
  return out;
}

TEST(Bundle, is_judged_as_its_files_are) {
  auto files = genuine("v3-genoa-microsoft", "genoa");
  if (!files) GTEST_SKIP() << "no shared evidence";
  const PlatformVerdict apart = judged(*files);
  files->items = {encode_platform(device_of(*files))};
  EXPECT_EQ(recognise(files->items[0]), PlatformItem::bundle);
  EXPECT_TRUE(is_evidence(PlatformItem::bundle));
  const PlatformVerdict whole = judged(*files);
  EXPECT_EQ(whole.json(), apart.json());
}

TEST(Bundle, comes_back_as_it_was) {
  Device device;
  device.report = {"a/b", {1, 2, 3}};
  device.chain = {{"c/d", {4}}, {"c/d", {5}}};
  device.collateral["crl"] = {"e/f", {6}};
  const auto back = parse_platform(encode_platform(device));
  ASSERT_OK(back);
  EXPECT_EQ(back->report.bytes, device.report.bytes);
  EXPECT_EQ(back->chain.size(), 2u);
  EXPECT_EQ(back->collateral.at("crl").media_type, "e/f");
}

TEST(Bundle, holds_a_cpu_and_nothing_else) {
  EXPECT_RULE(parse_platform(as_bytes("{}")), "attest.cmw.missing");
  EXPECT_RULE(parse_platform(as_bytes("[]")), "attest.cmw.json");
  EXPECT_RULE(parse_platform(as_bytes(R"({"cpu":{}})")), "attest.cmw.device");
  EXPECT_RULE(parse_platform(as_bytes(R"({"cpu":{"report":["a","AA"]},"keys":["a","AA"]})")), "attest.cmw.member");
  EXPECT_RULE(parse_platform(Bytes(kEvidenceBytesMax + 1, ' ')), "attest.cmw.too_large");
  EXPECT_NE(recognise(as_bytes(R"({"cpu":{},"keys":[]})")), PlatformItem::bundle) << "a node's evidence is for a policy";
}

TEST(Bundle, of_another_kind_than_it_says_or_inside_another) {
  const snp::forge::Machine machine = snp::forge::Machine::of(snp::Product::milan);
  Device device;
  device.report = {std::string(kTdxQuoteType), machine.signed_report()};
  EXPECT_RULE(verify_platform(std::vector<Bytes>{encode_platform(device)}, 0, {}), "platform.bundle_type");
  device.report.media_type = kSnpReportType;
  EXPECT_OK(verify_platform(std::vector<Bytes>{encode_platform(device)}, 0, {}));
  const Bytes inner = encode_platform(device);
  device.collateral["crl"] = {std::string(kCrlType), inner};
  EXPECT_RULE(verify_platform(std::vector<Bytes>{encode_platform(device)}, 0, {}), "platform.several");
  device.collateral.clear();
  for (size_t i = 0; i < kPlatformItemsMax; ++i) device.collateral["x" + std::to_string(i)] = {std::string(kCrlType), {1}};
  EXPECT_RULE(verify_platform(std::vector<Bytes>{encode_platform(device)}, 0, {}), "platform.too_many");
  EXPECT_RULE(verify_platform(std::vector<Bytes>{Bytes{'{', '"', 'c', 'p', 'u', '"'}}, 0, {}), "attest.cmw.json");
}

}  // namespace
}  // namespace openpcc::attest
