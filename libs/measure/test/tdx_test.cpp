#include "openpcc/measure/tdx.h"

#include "maker.h"

namespace openpcc::measure {
namespace {

using maker::Firmware;

// mrtd_by_hand hashes the records as Intel's specification lists them.
Bytes record(std::string_view operation, uint64_t gpa) {
  Bytes out(operation.begin(), operation.end());
  out.resize(16);
  append_le<uint64_t>(out, gpa);
  out.resize(128);
  return out;
}

TEST(Mrtd, two_orders_of_one_firmware) {
  Firmware f;
  f.tdx = {{0x1000, 0x1080, 0x100000, 0x2000, TdvfType::bfv, 1},
           {0, 0, 0x809000, 0x1000, TdvfType::td_hob, 0},
           {0, 0, 0x900000, 0x1000, TdvfType::perm_mem, 2}};
  const Bytes firmware = f.make();
  const auto sections = parse_tdvf(firmware);
  ASSERT_OK(sections);
  std::array<Bytes, 2> pages{page_of(ByteSpan(firmware).subspan(0x1000, 0x1000)), page_of(ByteSpan(firmware).subspan(0x2000, 0x80))};
  Bytes one, two;
  for (size_t page = 0; page < 2; ++page) {
    append(one, record("MEM.PAGE.ADD", 0x100000 + page * 0x1000));
    append(two, record("MEM.PAGE.ADD", 0x100000 + page * 0x1000));
    for (size_t chunk = 0; chunk < 16; ++chunk) {
      append(one, record("MR.EXTEND", 0x100000 + page * 0x1000 + chunk * 256));
      append(one, ByteSpan(pages[page]).subspan(chunk * 256, 256));
    }
  }
  for (size_t chunk = 0; chunk < 32; ++chunk) {
    append(two, record("MR.EXTEND", 0x100000 + chunk * 256));
    append(two, ByteSpan(pages[chunk / 16]).subspan(chunk % 16 * 256, 256));
  }
  append(one, record("MEM.PAGE.ADD", 0x809000));
  append(two, record("MEM.PAGE.ADD", 0x809000));
  Trace trace;
  EXPECT_EQ(mrtd(firmware, *sections, Passes::one, trace), digest(Bank::sha384, one));
  ASSERT_EQ(trace.size(), 3u) << "what is added later is not measured";
  EXPECT_EQ(trace[1].digest, digest(Bank::sha384, pages[1]));
  EXPECT_EQ(trace[2].what, "page added");
  EXPECT_EQ(mrtd(firmware, *sections, Passes::two, trace), digest(Bank::sha384, two));
}

TEST(TdHob, layout_by_memory) {
  const Bytes firmware = Firmware().make();
  const auto sections = *parse_tdvf(firmware);
  const auto small = td_hob(sections, uint64_t{1} << 30);
  ASSERT_OK(small);
  EXPECT_EQ(small->size(), 56u + 5 * 48) << "free, block, free, temporary, free";
  EXPECT_EQ(le<uint64_t>(ByteSpan(*small).subspan(48)), 0x809000u + small->size() + 8);
  EXPECT_EQ(td_hob(sections, uint64_t{4} << 30)->size(), 56u + 6 * 48) << "and what lies above 4 GiB";
  EXPECT_EQ(td_hob(sections, 0xb0000000 - 0x1000)->size(), 56u + 5 * 48);
}

TEST(TdHob, refusals) {
  const Bytes firmware = Firmware().make();
  auto sections = *parse_tdvf(firmware);
  for (const uint64_t memory : {uint64_t{0}, uint64_t{0x811000}, (uint64_t{1} << 30) + 1, uint64_t{0xfffffffffffff000}}) {
    EXPECT_RULE(td_hob(sections, memory), "measure.tdx.memory") << memory;
  }
  sections.erase(sections.begin() + 1);
  EXPECT_RULE(td_hob(sections, uint64_t{1} << 30), "measure.fw.tdx_section");
}

constexpr std::string_view kDescription =
    "mrtd: >-\n  000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n"
    "cfv: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n"
    "hob:\n  bytes: >-\n    00000000000000000000000000000000\n  length_offset: 8\n  ram_threshold: 4096\n";

std::string changed(std::string_view from, std::string_view to) {
  std::string out(kDescription);
  return out.replace(out.find(from), from.size(), to);
}

TEST(Gcp, description) {
  const auto gcp = parse_gcp(kDescription);
  ASSERT_OK(gcp);
  EXPECT_EQ(gcp->mrtd[47], 0x2f);
  EXPECT_EQ(to_hex(*gcp_hob(*gcp, 0x3000)), "00000000000000000020000000000000");
  EXPECT_RULE(gcp_hob(*gcp, 4096), "measure.tdx.memory");
  EXPECT_RULE(gcp_hob(*gcp, 4097), "measure.tdx.memory");
}

TEST(Gcp, refusals) {
  EXPECT_RULE(parse_gcp(""), "measure.gcp.format");
  EXPECT_RULE(parse_gcp("mrtd"), "measure.gcp.format");
  EXPECT_RULE(parse_gcp("mrtd: >-\n"), "measure.gcp.format");
  EXPECT_RULE(parse_gcp("  mrtd: 00\n"), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(std::string(1u << 17, '\n')), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(std::string(kDescription) + "more: 1\n"), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(std::string(kDescription) + "cfv: 1\n"), "measure.gcp.format") << "twice";
  EXPECT_RULE(parse_gcp(changed("length_offset: 8", "length_offset: 9")), "measure.gcp.format") << "the length would reach over the end";
  EXPECT_RULE(parse_gcp(changed("length_offset: 8", "length_offset: 18446744073709551615")), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(changed("length_offset: 8", "length_offset: -8")), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(changed("length_offset", "length")), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(changed("cfv: 00", "cfv: 0")), "measure.gcp.format");
  EXPECT_RULE(parse_gcp(changed("cfv: 00", "cfv: ")), "measure.gcp.format");
}

TEST(TdxRelease, from_all_registers) {
  Measurement m;
  m.registers = {{"MRTD", Bytes(48, 1)}, {"RTMR0", Bytes(48, 2)}, {"RTMR2", Bytes(48, 3)}};
  Bytes message;
  append(message, as_bytes(std::string_view("openpcc tdx release v1\0", 23)));
  for (const int value : {1, 2, 0, 3, 0}) message.insert(message.end(), 48, static_cast<uint8_t>(value));
  const auto release = release_digest(m);
  EXPECT_EQ(to_hex(release), to_hex(digest(Bank::sha384, message)));
}

}  // namespace
}  // namespace openpcc::measure
