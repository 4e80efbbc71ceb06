#include "openpcc/collect/shelf.h"

#include "openpcc/attest/hardware_types.h"
#include "openpcc/tdx/collateral.h"
#include "openpcc/testkit/samples.h"
#include "snp_forge.h"

namespace openpcc::collect {
namespace {

using snp::forge::Line;
using snp::forge::Machine;
using snp::forge::VekOptions;
using testkit::evidence_file;
namespace x = x509::forge;

bool available() { return testkit::shared_file("evidence/EXPECTED.json").has_value(); }
attest::Item report_of(Bytes bytes) { return {std::string(attest::kSnpReportType), std::move(bytes)}; }
attest::Item quote_of(const std::string& name) {
  return {std::string(attest::kTdxQuoteType), evidence_file("tdx/quotes/" + name + "/quote.bin")};
}

// Signatures differ each time: a certificate is made once, and compared as it was made.
std::vector<Bytes> of(const Machine& machine) {
  const bool vlek = machine.options.kind == snp::SigningKey::vlek;
  return {machine.vek_der(), vlek ? machine.line.asvk_der() : machine.line.ask_der(), machine.line.ark_der()};
}

TEST(Shelf, of_many_certificates_the_chips_at_its_tcb) {
  VekOptions usual, other_chip, before, provider;
  other_chip.hwid = Bytes(64, 0x5b);
  before.tcb.microcode = 218;
  provider.kind = snp::SigningKey::vlek;
  std::vector<Bytes> items;
  std::vector<std::pair<Machine, std::vector<Bytes>>> machines;
  for (const VekOptions& options : {other_chip, before, provider, usual}) {
    Machine machine(Line::one(snp::Product::genoa), options);
    const Bytes report = machine.signed_report();
    EXPECT_RULE(staple(report_of(report), items), "collect.staple.missing");
    const std::vector<Bytes> own = of(machine);
    std::ranges::copy(own, std::back_inserter(items));
    machines.emplace_back(std::move(machine), own);
  }
  for (const auto& [machine, own] : machines) {
    const auto device = staple(report_of(machine.signed_report()), items);
    ASSERT_OK(device);
    EXPECT_EQ(device->chain[0].bytes, own[0]);
    EXPECT_EQ(device->chain[0].media_type, attest::kCertificateType);
    EXPECT_EQ(x509::Certificate::parse(device->chain[1].bytes)->common_name(), x509::Certificate::parse(own[1])->common_name());
    EXPECT_EQ(x509::Certificate::parse(device->chain[2].bytes)->common_name(), "ARK-Genoa");
  }
}

TEST(Shelf, a_chip_that_hides_its_id_fits_by_its_tcb) {
  Machine chip = Machine::of(snp::Product::genoa);
  chip.set(0x48, {2});
  chip.set(0x1a0, Bytes(64, 0));
  EXPECT_OK(staple(report_of(chip.signed_report()), of(chip)));
}

TEST(Shelf, of_two_certificates_the_newer) {
  Machine chip = Machine::of(snp::Product::turin);
  const Bytes older = chip.vek_der();
  chip.vek.window.from += 10;
  std::vector<Bytes> items = of(chip);
  items.push_back(older);
  EXPECT_EQ(staple(report_of(chip.signed_report()), items)->chain[0].bytes, items.front());
}

TEST(Shelf, an_issuer_is_who_signed_not_who_has_the_name) {
  const Machine chip = Machine::of(snp::Product::genoa);
  std::vector<Bytes> items = of(chip);
  x::CertificateFields impostor = chip.line.ask;
  impostor.window.from += 10;
  impostor.spki = chip.line.asvk_key.spki();
  items.push_back(x::certificate(impostor, chip.line.ark_key));
  EXPECT_EQ(staple(report_of(chip.signed_report()), items)->chain[1].bytes, items[1]);
}

TEST(Shelf, the_newest_list_that_the_root_signed) {
  const Machine chip = Machine::of(snp::Product::genoa);
  std::vector<Bytes> items = of(chip);
  const auto list = [&](UnixSeconds from, const x::Key& key) { return x::crl({chip.line.ark.subject, from, from + 100'000, {}, {}}, key); };
  const Bytes newer = list(snp::forge::kNow - 10, chip.line.ark_key);
  for (const Bytes& crl : {list(snp::forge::kNow - 20, chip.line.ark_key), newer, list(snp::forge::kNow, chip.line.ask_key),
                           Line::one(snp::Product::turin).crl()}) {
    items.push_back(crl);
  }
  const auto device = staple(report_of(chip.signed_report()), items);
  ASSERT_OK(device);
  EXPECT_EQ(device->collateral.at("crl").bytes, newer);
  EXPECT_EQ(device->collateral.at("crl").media_type, attest::kCrlType);
}

TEST(Shelf, what_is_missing_is_named) {
  const Machine chip = Machine::of(snp::Product::genoa);
  const auto detail = [&](const std::vector<Bytes>& items, const Machine& machine) {
    const auto device = staple(report_of(machine.signed_report()), items);
    EXPECT_RULE(device, "collect.staple.missing");
    return device ? std::string() : device.error().detail;
  };
  const std::string vcek = detail({}, chip);
  for (const std::string& word : {to_hex(Bytes(64, 0x5a)), std::string("Genoa"), std::string("microcode 219")})
    EXPECT_NE(vcek.find(word), std::string::npos) << vcek;
  EXPECT_NE(detail({chip.vek_der()}, chip).find("ASK"), std::string::npos);
  EXPECT_NE(detail({chip.vek_der(), chip.line.ask_der()}, chip).find("ARK"), std::string::npos);
  VekOptions options;
  options.kind = snp::SigningKey::vlek;
  EXPECT_NE(detail({}, Machine(Line::one(snp::Product::milan), options)).find("VLEK"), std::string::npos);
  Machine old = Machine::of(snp::Product::milan);
  old.set(0x00, {2});
  old.set(0x188, {0, 0, 0});
  EXPECT_NE(detail({}, old).find("REPORTED_TCB 04"), std::string::npos) << "a report of version 2 does not say its product";
}

TEST(Shelf, what_is_no_report) {
  EXPECT_RULE(staple(report_of(Bytes(10, 0)), {}), "collect.staple.report");
  EXPECT_RULE(staple({std::string(attest::kTdxQuoteType), Bytes(10, 0)}, {}), "collect.staple.report");
}

TEST(Shelf, an_enclaves_quote_is_no_nodes) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  EXPECT_RULE(staple(quote_of("v3-sgx-phala"), {}), "collect.staple.report");
}

TEST(Shelf, recorded_chips_each_find_their_certificate) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  const std::string names[] = {"v3-genoa-microsoft", "v5-genoa-live",   "v5-genoa-live-evidence", "v5-genoa-oak",   "v3-genoa-veraison",
                               "v3-milan-aci",       "v3-milan-oak-cb", "v5-turin-microsoft",     "v2-milan-virtee"};
  std::vector<Bytes> items;
  for (const std::string& name : names) items.push_back(evidence_file("snp/reports/" + name + "/vcek.der"));
  for (const std::string line : {"milan", "genoa", "turin"}) {
    for (const std::string file : {"ask", "asvk", "ark"}) items.push_back(evidence_file("snp/roots/" + line + "/" + file + ".der"));
    items.push_back(evidence_file("snp/crl/" + line + "-2026-08-19.crl.der"));
  }
  for (const std::string& name : names) {
    const Bytes vcek = evidence_file("snp/reports/" + name + "/vcek.der");
    const auto device = staple(report_of(evidence_file("snp/reports/" + name + "/report.bin")), items);
    ASSERT_OK(device) << name;
    const snp::Collateral collateral{device->chain[0].bytes, device->chain[1].bytes, device->chain[2].bytes,
                                     device->collateral.at("crl").bytes};
    const UnixSeconds now = x509::Crl::parse(device->collateral.at("crl").bytes)->window().from + 100;
    EXPECT_TRUE(snp::verify(device->report.bytes, collateral, now).verified) << name;
  }
}

// document puts a corpus document's value and signature back into the form in which Intel serves it.
Bytes document(const std::string& set, const std::string& member, const std::string& name) {
  const std::string folder = "tdx/collateral/" + set + "/" + name;
  const std::string text = "{\"" + member + "\":" + std::string(as_text(evidence_file(folder + ".json"))) + ",\"signature\":\"" +
                           std::string(as_text(evidence_file(folder + ".sig.hex"))).substr(0, 128) + "\"}";
  return Bytes(text.begin(), text.end());
}

void add_set(std::vector<Bytes>& items, const std::string& set) {
  items.push_back(document(set, "tcbInfo", "tcb_info"));
  items.push_back(document(set, "enclaveIdentity", "qe_identity"));
  for (const std::string file : {"tcb_signing_chain.pem", "root_ca_crl.der", "pck_crl.der", "pck_crl_issuer_chain.pem"}) {
    items.push_back(evidence_file("tdx/collateral/" + set + "/" + file));
  }
}

TEST(Shelf, a_quotes_collateral_among_that_of_other_platforms) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  std::vector<Bytes> items;
  for (const std::string set : {"phala-tdx-B0C06F", "google-2023-50806f", "phala-sgx-00A067"}) add_set(items, set);
  const auto device = staple(quote_of("v4-phala"), items);
  ASSERT_OK(device);
  EXPECT_EQ(device->collateral.at("tcb-info").bytes, document("phala-tdx-B0C06F", "tcbInfo", "tcb_info"));
  EXPECT_EQ(device->collateral.at("pck-crl").bytes, evidence_file("tdx/collateral/phala-tdx-B0C06F/pck_crl.der"));
  EXPECT_EQ(device->collateral.size(), 5u);
  EXPECT_TRUE(device->chain.empty());
}

TEST(Shelf, what_is_missing_for_a_quote_is_named) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  const std::string set = "phala-tdx-B0C06F";
  std::vector<Bytes> items;
  const auto detail = [&] {
    const auto device = staple(quote_of("v4-phala"), items);
    EXPECT_RULE(device, "collect.staple.missing");
    return device ? std::string() : device.error().detail;
  };
  EXPECT_NE(detail().find("b0c06f000000"), std::string::npos);
  items.push_back(document(set, "tcbInfo", "tcb_info"));
  EXPECT_NE(detail().find("identity"), std::string::npos);
  items.push_back(document("phala-sgx-00A067", "enclaveIdentity", "qe_identity"));
  EXPECT_NE(detail().find("identity"), std::string::npos) << "an SGX enclave's is another";
  items.push_back(document(set, "enclaveIdentity", "qe_identity"));
  EXPECT_NE(detail().find("signed TCB info"), std::string::npos);
  items.push_back(evidence_file("tdx/collateral/" + set + "/tcb_signing_chain.pem"));
  const auto device = staple(quote_of("v4-phala"), items);
  ASSERT_OK(device) << "lists are left out where there are none: a policy decides";
  EXPECT_EQ(device->collateral.size(), 3u);
}

}  // namespace
}  // namespace openpcc::collect
