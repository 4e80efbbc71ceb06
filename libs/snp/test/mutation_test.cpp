// Each byte of a genuine report and of what vouches for it, flipped: refused, and first by the rule that the specification's table names.
#include <algorithm>

#include "regions.h"
#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using x509::forge::Region;
using x509::forge::regions;

struct Sample {
  std::string name;
  Bytes report, vek, issuer, root, crl;
  UnixSeconds now = 0;

  Verification verify() const {
    return snp::verify(report, {vek, issuer, root, crl.empty() ? std::nullopt : std::optional<ByteSpan>(crl)}, now);
  }
};

std::vector<Sample> samples() {
  std::vector<Sample> out;
  const std::pair<const char*, const char*> reports[] = {{"v2-milan-aci", "milan"},       {"v3-milan-microsoft", "milan"},
                                                         {"v3-genoa-microsoft", "genoa"}, {"v5-genoa-live", "genoa"},
                                                         {"v5-turin-microsoft", "turin"}, {"v3-milan-aws-vlek-vmpl1", "milan"}};
  for (const auto& [report, line] : reports) {
    const auto folder = testkit::shared_file("evidence/snp");
    if (!folder) return out;
    const bool vlek = std::string_view(report).find("vlek") != std::string_view::npos;
    Sample s{report,
             testkit::read_file(*folder / "reports" / report / "report.bin"),
             testkit::read_file(*folder / "reports" / report / (vlek ? "vlek.der" : "vcek.der")),
             testkit::read_file(*folder / "roots" / line / (vlek ? "asvk.der" : "ask.der")),
             testkit::read_file(*folder / "roots" / line / "ark.der"),
             {}};
    s.now = x509::Certificate::parse(s.vek)->window().from;
    out.push_back(std::move(s));
  }
  return out;
}

bool comes_first(const Verification& verification, const std::vector<std::string>& rules) {
  return !verification.failures.empty() && std::ranges::find(rules, verification.failures.front().rule.id()) != rules.end();
}

// flip_and_expect flips all masked bits of the byte at `at` of one of the sample's parts, and then one of them.
void flip_and_expect(Sample& sample, Bytes Sample::* part, size_t at, const Region& region) {
  const auto expect = [&](uint8_t bits, const std::vector<std::string>& rules) {
    (sample.*part)[at] ^= bits;
    const Verification verification = sample.verify();
    EXPECT_TRUE(comes_first(verification, rules)) << sample.name << ", " << region.field << ", byte " << at << ", bits " << +bits << ": "
                                                  << (verification.failures.empty() ? "accepted" : describe(verification.failures.front()));
    (sample.*part)[at] ^= bits;
  };
  expect(region.mask, region.reasons);
  expect(static_cast<uint8_t>(region.mask & -region.mask), region.bit_reasons);
}

TEST(SnpMutation, reports) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (Sample& sample : all) {
    ASSERT_TRUE(sample.verify().verified) << sample.name;
    for (const Region& region : regions("snp_report", sample.report[0])) {
      for (const size_t at : std::set<size_t>{0, region.size / 2, region.size - 1}) {
        flip_and_expect(sample, &Sample::report, region.at + at, region);
      }
    }
  }
}

TEST(SnpMutation, every_bit_of_one_report) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  Sample& sample = all[3];
  std::vector<bool> covered(kReportBytes * 8);
  for (const Region& region : regions("snp_report", sample.report[0])) {
    for (size_t at = region.at; at < region.at + region.size; ++at) {
      flip_and_expect(sample, &Sample::report, at, region);
      for (size_t bit = 0; bit < 8; ++bit) covered[at * 8 + bit] = covered[at * 8 + bit] || (region.mask >> bit & 1) != 0;
    }
  }
  EXPECT_TRUE(std::ranges::all_of(covered, [](bool c) { return c; })) << "the table leaves bits out";
}

// place_of finds the octets of a certificate that a row of the tables means; {0, whole size} for "*".
std::optional<std::pair<size_t, size_t>> place_of(const x509::Certificate& certificate, const std::string& part) {
  const auto place = [&](ByteSpan view) { return std::pair(static_cast<size_t>(view.data() - certificate.der().data()), view.size()); };
  if (part == "*") return place(certificate.der());
  if (part == "signatureValue") return place(certificate.der().last(512));
  if (part.starts_with("extension:1.3.6.1.4.1.3704.1.")) {
    Bytes oid = testkit::hex("2b060104019c7801");
    std::istringstream rest(part.substr(29));
    for (std::string number; std::getline(rest, number, '.');) oid.push_back(static_cast<uint8_t>(std::stoi(number)));
    const x509::Extension* extension = certificate.extension(oid);
    return extension == nullptr ? std::nullopt : std::optional(place(extension->value));
  }
  return std::nullopt;  // the verifier in Python looks at these as well
}

void mutate_certificate(Sample& sample, Bytes Sample::* part, std::string_view table) {
  const auto original = x509::Certificate::parse(sample.*part);
  ASSERT_OK(original);
  for (const Region& region : regions(table, sample.report[0])) {
    const auto place = place_of(*original, region.part);
    if (!place) continue;
    const auto& [from, size] = *place;
    const size_t step = region.part == "*" ? 3 : std::max<size_t>(1, size / 8);
    for (size_t at = from; at < from + size; at += step) flip_and_expect(sample, part, at, region);
  }
}

TEST(SnpMutation, certificates) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (const size_t n : {1u, 4u, 5u}) {
    mutate_certificate(all[n], &Sample::vek, "snp_vek");
    mutate_certificate(all[n], &Sample::issuer, "snp_issuer");
    mutate_certificate(all[n], &Sample::root, "snp_root");
  }
}

TEST(SnpMutation, revocation_lists) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  Sample& sample = all[2];
  sample.crl = testkit::read_file(*testkit::shared_file("evidence/snp/crl/genoa-2026-08-19.crl.der"));
  sample.now = x509::Crl::parse(sample.crl)->window().from;
  ASSERT_TRUE(sample.verify().verified);
  for (const Region& region : regions("snp_crl", 0)) {
    const size_t size = sample.crl.size();
    for (size_t at = region.part == "*" ? 0 : size - 512; at < size; at += 3) flip_and_expect(sample, &Sample::crl, at, region);
  }
}

TEST(SnpMutation, cut_and_extended) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (Sample& sample : all) {
    sample.report.pop_back();
    EXPECT_TRUE(forge::refused(sample.verify(), "snp.length"));
    sample.report.resize(kReportBytes + 1);
    EXPECT_TRUE(forge::refused(sample.verify(), "snp.length"));
  }
}

}  // namespace
}  // namespace openpcc::snp
