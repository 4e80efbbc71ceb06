#include "openpcc/azure/hcl.h"

#include "azure_forge.h"

namespace openpcc::azure {
namespace {

Bytes with(Bytes bytes, size_t at, uint8_t value) {
  bytes[at] = value;
  return bytes;
}

TEST(AzureHcl, every_field_is_read) {
  forge::Vm vm;
  const Bytes bytes = vm.evidence().hcl;
  const auto report = parse_hcl(bytes);
  ASSERT_OK(report);
  EXPECT_EQ(report->version, 2u);
  EXPECT_EQ(report->hardware, Hardware::snp);
  EXPECT_EQ(report->hash_type, HashType::sha256);
  EXPECT_EQ(report->report.size(), snp::kReportBytes);
  EXPECT_EQ(as_text(report->json), vm.json_text());
  EXPECT_TRUE(equal(report->report_data(), report->bound()));
  EXPECT_OK(parse_hcl(with(bytes, 4, 1)));
}

TEST(AzureHcl, a_report_of_a_td) {
  forge::Vm vm(Hardware::tdx);
  const Bytes bytes = vm.evidence().hcl;
  const auto report = parse_hcl(bytes);
  ASSERT_OK(report);
  EXPECT_EQ(report->report.size(), kTdReportBytes);
  const auto td = read_td_report(report->report);
  ASSERT_OK(td);
  const auto quoted = std::get<tdx::TdReport>(tdx::parse_quote(vm.td->quote())->body);
  EXPECT_EQ(td->mrtd, quoted.mrtd);
  EXPECT_EQ(td->rtmr, quoted.rtmr);
  EXPECT_EQ(td->reportdata, quoted.reportdata);
  EXPECT_EQ(td->tdattributes, quoted.tdattributes);
  EXPECT_EQ(td->tee_tcb_svn, quoted.tee_tcb_svn);
}

TEST(AzureHcl, the_header_has_one_form) {
  forge::Vm vm;
  const Bytes bytes = vm.evidence().hcl;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_RULE(parse_hcl(longer), "azure.hcl.size");
  EXPECT_RULE(parse_hcl(ByteSpan(bytes).first(2599)), "azure.hcl.size");
  EXPECT_RULE(parse_hcl({}), "azure.hcl.size");
  EXPECT_RULE(parse_hcl(with(bytes, 0, 'h')), "azure.hcl.magic");
  EXPECT_RULE(parse_hcl(with(bytes, 4, 0)), "azure.hcl.version");
  EXPECT_RULE(parse_hcl(with(bytes, 4, 3)), "azure.hcl.version");
  EXPECT_RULE(parse_hcl(with(bytes, kDataAt + 4, 2)), "azure.hcl.version");
  EXPECT_RULE(parse_hcl(with(bytes, 12, 1)), "azure.hcl.request");
  EXPECT_RULE(parse_hcl(with(bytes, 16, 1)), "azure.hcl.status");
  EXPECT_RULE(parse_hcl(with(bytes, 31, 1)), "azure.hcl.status");
  EXPECT_RULE(parse_hcl(with(bytes, kDataAt + 8, 3)), "azure.hcl.report_type");
  for (const uint8_t type : {uint8_t{0}, uint8_t{4}}) EXPECT_RULE(parse_hcl(with(bytes, kDataAt + 12, type)), "azure.hcl.hash_type");
}

TEST(AzureHcl, the_lengths_fit_each_other) {
  forge::Vm vm;
  const Bytes bytes = vm.evidence().hcl;
  for (const size_t at : {size_t{8}, kDataAt, kDataAt + 16}) {
    EXPECT_RULE(parse_hcl(with(bytes, at, static_cast<uint8_t>(bytes[at] + 1))), "azure.hcl.length");
    EXPECT_RULE(parse_hcl(with(bytes, at + 3, 0xff)), "azure.hcl.length");
  }
  // All three agree on more than there is, and on nothing.
  Bytes beyond = bytes, none = bytes;
  for (const auto& [at, extra] : {std::pair<size_t, size_t>{8, kJsonAt}, {kDataAt, kDataHeaderBytes}, {kDataAt + 16, 0}}) {
    for (size_t i = 0; i < 4; ++i) {
      beyond[at + i] = static_cast<uint8_t>((kHclBytes - kJsonAt + 1 + extra) >> (8 * i));
      none[at + i] = static_cast<uint8_t>(extra >> (8 * i));
    }
  }
  EXPECT_RULE(parse_hcl(beyond), "azure.hcl.length");
  EXPECT_RULE(parse_hcl(none), "azure.hcl.length");
}

TEST(AzureHcl, nothing_stands_in_the_padding) {
  forge::Vm vm, of_td(Hardware::tdx);
  EXPECT_RULE(parse_hcl(with(vm.evidence().hcl, kHclBytes - 1, 1)), "azure.hcl.padding");
  EXPECT_RULE(parse_hcl(with(vm.evidence().hcl, kJsonAt + vm.json_text().size(), ' ')), "azure.hcl.padding");
  EXPECT_RULE(parse_hcl(with(of_td.evidence().hcl, kHeaderBytes + kTdReportBytes, 1)), "azure.hcl.padding");
}

TEST(AzureHcl, the_hash_that_is_named) {
  const std::pair<HashType, size_t> types[] = {{HashType::sha256, 32}, {HashType::sha384, 48}, {HashType::sha512, 64}};
  for (const auto& [type, size] : types) {
    HclReport report;
    report.hash_type = type;
    report.json = as_bytes("{}");
    const ReportData bound = report.bound();
    EXPECT_EQ(std::ranges::count(ByteSpan(bound).subspan(size), 0), static_cast<ptrdiff_t>(64 - size));
    EXPECT_NE(bound[size - 1] | bound[size - 2], 0);
  }
}

TEST(AzureHcl, a_tdreport_is_whole) {
  forge::Vm vm(Hardware::tdx);
  const Bytes bytes = vm.evidence().hcl;
  const Bytes report(bytes.begin() + kHeaderBytes, bytes.begin() + kHeaderBytes + kTdReportBytes);
  for (const size_t at : {0u, 32u, 80u, 256u, 494u, 512u, 1023u})
    EXPECT_RULE(read_td_report(with(report, at, static_cast<uint8_t>(report[at] ^ 1))), "azure.tdreport");
  EXPECT_RULE(read_td_report(ByteSpan(report).first(1023)), "azure.tdreport");
}

}  // namespace
}  // namespace openpcc::azure
