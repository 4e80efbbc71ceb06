#include "openpcc/attest/platform.h"

#include <boost/json.hpp>

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
