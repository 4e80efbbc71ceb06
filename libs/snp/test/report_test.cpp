#include "openpcc/snp/report.h"

#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using forge::Machine;

Bytes good() { return Machine::of(Product::milan).signed_report(); }
Bytes with(size_t at, std::initializer_list<uint8_t> bytes, Bytes report = good()) {
  std::ranges::copy(bytes, report.begin() + static_cast<ptrdiff_t>(at));
  return report;
}

TEST(SnpReport, fields_come_from_their_offsets) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0x00, {5});
  machine.set(0x04, {1, 2, 3, 4});
  machine.set(0x08, {9, 1, 0x0b, 0x03});
  machine.set(0x10, Bytes(16, 0x10));
  machine.set(0x20, Bytes(16, 0x20));
  machine.set(0x30, {2});
  machine.set(0x48, {0x03});
  machine.set(0xc0, Bytes(32, 0xc0));
  machine.set(0xe0, Bytes(48, 0xe0));
  machine.set(0x110, Bytes(48, 0x11));
  machine.set(0x140, Bytes(32, 0x14));
  machine.set(0x1e8, {3, 2, 1});
  machine.set(0x1ec, {6, 5, 4});
  machine.set(0x1f8, {0xaa});
  machine.set(0x200, {0xbb});
  const auto report = parse_report(machine.signed_report());
  ASSERT_OK(report);
  EXPECT_EQ(report->version, 5u);
  EXPECT_EQ(report->guest_svn, 0x04030201u);
  EXPECT_EQ(report->policy.abi_minor(), 9);
  EXPECT_EQ(report->policy.abi_major(), 1);
  EXPECT_TRUE(report->policy.smt());
  EXPECT_TRUE(report->policy.reserved_one());
  EXPECT_FALSE(report->policy.migrate_ma());
  EXPECT_TRUE(report->policy.debug());
  EXPECT_TRUE(report->policy.ciphertext_hiding());
  EXPECT_TRUE(report->policy.page_swap_disable());
  EXPECT_TRUE(report->policy.reserved_zero());
  EXPECT_EQ(report->family_id[15], 0x10);
  EXPECT_EQ(report->image_id[15], 0x20);
  EXPECT_EQ(report->vmpl, 2u);
  EXPECT_TRUE(report->author_key_en);
  EXPECT_TRUE(report->mask_chip_key);
  EXPECT_TRUE(report->platform_info.alias_check_complete());
  EXPECT_EQ(report->report_data[63], 0xd0);
  EXPECT_EQ(report->measurement[47], 0x3e);
  EXPECT_EQ(report->host_data[31], 0xc0);
  EXPECT_EQ(report->id_key_digest[47], 0xe0);
  EXPECT_EQ(report->author_key_digest[47], 0x11);
  EXPECT_EQ(report->report_id[31], 0x14);
  EXPECT_EQ(report->report_id_ma[31], 0xff);
  EXPECT_EQ(report->cpuid_family, 0x19);
  EXPECT_EQ(report->chip_id[63], 0x5a);
  EXPECT_EQ(report->current_version.text(), "1.2.3");
  EXPECT_EQ(report->committed_version.text(), "4.5.6");
  EXPECT_EQ(report->launch_mit_vector, 0xaau);
  EXPECT_EQ(report->current_mit_vector, 0xbbu);
  EXPECT_EQ(read_tcb(report->reported_tcb, Product::milan), (Tcb{0, 4, 1, 24, 219}));
}

TEST(SnpReport, has_exactly_one_size) {
  for (const size_t n : {0u, 1u, 1183u, 1185u, 4096u}) {
    Bytes report = good();
    report.resize(n);
    EXPECT_RULE(parse_report(report), "snp.length");
  }
}

TEST(SnpReport, of_other_versions_and_algorithms) {
  for (const int version : {0, 1, 6, 255}) EXPECT_RULE(parse_report(with(0, {static_cast<uint8_t>(version)})), "snp.version");
  EXPECT_RULE(parse_report(with(1, {1})), "snp.version");
  EXPECT_RULE(parse_report(with(0x34, {2})), "snp.signature_algo");
  for (const int key : {2, 3, 7}) EXPECT_RULE(parse_report(with(0x48, {static_cast<uint8_t>(key << 2)})), "snp.signing_key");
}

TEST(SnpReport, reserved_bytes) {
  for (const size_t at : {0x49u, 0x4cu, 0x18bu, 0x19fu, 0x1ebu, 0x1efu, 0x208u, 0x29fu, 0x330u, 0x49fu}) {
    EXPECT_RULE(parse_report(with(at, {1})), "snp.reserved") << at;
  }
  EXPECT_RULE(parse_report(with(0x48, {0x20})), "snp.reserved");
  EXPECT_RULE(parse_report(with(0, {2})), "snp.reserved") << "a version 2 report says nothing of the CPU";
  EXPECT_RULE(parse_report(with(0x1f8, {1})), "snp.reserved") << "mitigations are of version 5";
  EXPECT_OK(parse_report(with(0x1f8, {1}, with(0, {5}))));
  EXPECT_OK(parse_report(with(0, {4})));
}

TEST(SnpReport, signature_has_one_encoding) {
  for (const size_t at : {0x2d0u, 0x2e7u, 0x318u, 0x32fu}) EXPECT_RULE(parse_report(with(at, {1})), "snp.signature_encoding") << at;
  Bytes zero = good();
  std::fill_n(zero.begin() + 0x2a0, 72, 0);
  EXPECT_RULE(parse_report(zero), "snp.signature_encoding");
}

TEST(SnpReport, response_of_the_driver) {
  const Bytes report = good();
  EXPECT_EQ(strip_response(report)->size(), kReportBytes);
  Bytes header(32, 0);
  header[4] = 0xa0;
  header[5] = 0x04;
  EXPECT_EQ(to_hex(*strip_response(concat({header, report}))), to_hex(report));
  EXPECT_EQ(to_hex(*strip_response(concat({header, report, Bytes(2784, 0)}))), to_hex(report));
  EXPECT_RULE(strip_response(concat({header, report, Bytes{1}})), "snp.length");
  header[0] = 1;
  EXPECT_RULE(strip_response(concat({header, report})), "snp.length");
  EXPECT_RULE(strip_response(Bytes(100)), "snp.length");
}

TEST(SnpTcb, layouts_and_order) {
  const RawTcb raw{1, 2, 3, 4, 0, 0, 7, 8};
  EXPECT_EQ(read_tcb(raw, Product::turin), (Tcb{1, 2, 3, 4, 8}));
  EXPECT_EQ(read_tcb(raw, Product::genoa), (Tcb{0, 1, 2, 7, 8}));
  EXPECT_TRUE(uses_reserved(raw, Product::genoa));
  EXPECT_TRUE(uses_reserved(raw, Product::turin));
  EXPECT_FALSE(uses_reserved({1, 2, 3, 4, 0, 0, 0, 8}, Product::turin));
  EXPECT_FALSE(uses_reserved({1, 2, 0, 0, 0, 0, 7, 8}, Product::milan));
  EXPECT_TRUE((Tcb{0, 4, 0, 24, 219}).at_least({0, 4, 0, 24, 219}));
  EXPECT_FALSE((Tcb{0, 255, 255, 23, 255}).at_least({0, 4, 0, 24, 219})) << "no component makes up for another";
}

TEST(SnpProduct, of_cpus) {
  EXPECT_EQ(product_of_cpu(0x19, 0x00), Product::milan);
  EXPECT_EQ(product_of_cpu(0x19, 0x0f), Product::milan);
  EXPECT_EQ(product_of_cpu(0x19, 0x11), Product::genoa);
  EXPECT_EQ(product_of_cpu(0x19, 0xa0), Product::genoa);
  EXPECT_EQ(product_of_cpu(0x19, 0xaf), Product::genoa);
  EXPECT_EQ(product_of_cpu(0x1a, 0x11), Product::turin);
  for (const auto& [family, model] :
       {std::pair{0x19, 0x20}, {0x19, 0x9f}, {0x19, 0xb0}, {0x1a, 0x12}, {0x1a, 0x50}, {0x17, 0x31}, {0, 0}}) {
    EXPECT_EQ(product_of_cpu(static_cast<uint8_t>(family), static_cast<uint8_t>(model)), std::nullopt);
  }
}

}  // namespace
}  // namespace openpcc::snp
