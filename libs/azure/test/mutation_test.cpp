// Each byte of a genuine report of the paravisor, flipped: refused, and first by the rule that the specification's table names.
#include <algorithm>

#include "azure_forge.h"
#include "regions.h"

namespace openpcc::azure {
namespace {

using x509::forge::Region;
using x509::forge::regions;

struct Sample {
  std::string name;
  Bytes hcl, vek, issuer, root, td_quote;
  UnixSeconds now = 0;

  int64_t type() const { return hcl[kDataAt + 8]; }
  Verification verify() const {
    Evidence evidence;
    evidence.hcl = hcl;
    evidence.snp = {vek, issuer, root, {}};
    evidence.td_quote = td_quote;
    return azure::verify(evidence, now);
  }
};

std::vector<Sample> samples() {
  std::vector<Sample> out;
  const auto folder = testkit::shared_file("evidence");
  if (!folder) return out;
  const auto read = [&](const std::string& name) { return testkit::read_file(*folder / name); };
  Sample snp{"snp-trustee-genoa",
             read("azure/snp-trustee-genoa/hcl_report.bin"),
             read("azure/snp-trustee-genoa/vcek.der"),
             read("snp/roots/genoa/ask.der"),
             read("snp/roots/genoa/ark.der"),
             {}};
  snp.now = x509::Certificate::parse(snp.vek)->window().from;
  out.push_back(std::move(snp));
  // A TD's quote is not genuine without collateral, which comes after what the table speaks of.
  out.push_back({"tdx-lunal-live", read("azure/tdx-lunal-live/hcl_report.bin"), {}, {}, {}, read("azure/tdx-lunal-live/td_quote.bin")});
  return out;
}

void flip_and_expect(Sample& sample, size_t at, const Region& region) {
  const auto expect = [&](uint8_t bits, const std::vector<std::string>& rules) {
    sample.hcl[at] ^= bits;
    const Verification verification = sample.verify();
    EXPECT_TRUE(!verification.failures.empty() && std::ranges::find(rules, verification.failures.front().rule.id()) != rules.end())
        << sample.name << ", " << region.field << ", byte " << at << ", bits " << +bits << ": "
        << (verification.failures.empty() ? "accepted" : describe(verification.failures.front()));
    sample.hcl[at] ^= bits;
  };
  expect(region.mask, region.reasons);
  expect(static_cast<uint8_t>(region.mask & -region.mask), region.bit_reasons);
}

// place_of finds where a region lies: offset and size.
std::pair<size_t, size_t> place_of(const Sample& sample, const Region& region) {
  const size_t json = parse_hcl(sample.hcl)->json.size();
  if (region.from == "report") return {kHeaderBytes + region.at, region.size};
  if (region.from == "data") return {kDataAt + region.at, region.size};
  if (region.from == "json") return {kJsonAt, json};
  if (region.from == "padding") return {kJsonAt + json, kHclBytes - kJsonAt - json};
  return {region.at, region.size};
}

TEST(AzureMutation, reports) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  for (Sample& sample : all) {
    for (const Region& region : regions("azure_hcl", sample.type())) {
      const auto [from, size] = place_of(sample, region);
      const size_t step = size > 200 ? 29 : size > 16 ? 7 : 1;
      for (size_t at = from; at < from + size; at += step) flip_and_expect(sample, at, region);
      flip_and_expect(sample, from + size - 1, region);
    }
  }
}

TEST(AzureMutation, every_byte_but_the_hardware_reports_is_covered) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  std::vector<bool> covered(kHclBytes);
  for (const Region& region : regions("azure_hcl", all.front().type())) {
    const auto [from, size] = place_of(all.front(), region);
    for (size_t at = from; at < from + size; ++at) covered[at] = true;
  }
  for (size_t at = 0; at < kHclBytes; ++at) {
    EXPECT_TRUE(covered[at] || (at >= kHeaderBytes && at < kDataAt)) << at;
  }
}

// The hardware report in it is judged as a bare one is: its own table tells the rest.
TEST(AzureMutation, the_hardware_report_in_it) {
  std::vector<Sample> all = samples();
  if (all.empty()) GTEST_SKIP() << "no shared evidence";
  Sample& sample = all.front();
  ASSERT_TRUE(sample.verify().verified);
  for (const Region& region : regions("snp_report", sample.hcl[kHeaderBytes])) {
    if (region.field == "REPORT_DATA") continue;
    flip_and_expect(sample, kHeaderBytes + region.at, region);
  }
}

}  // namespace
}  // namespace openpcc::azure
