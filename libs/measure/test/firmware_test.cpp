#include "openpcc/measure/firmware.h"

#include "maker.h"

namespace openpcc::measure {
namespace {

using maker::Firmware;

template <class Change>
Bytes with(Change change) {
  Firmware f;
  change(f);
  return f.make();
}

TEST(FirmwareTable, entries_from_the_end) {
  const Bytes firmware = Firmware().make();
  const auto table = parse_firmware_table(firmware);
  ASSERT_OK(table);
  EXPECT_EQ(table->entries.size(), 4u);
  EXPECT_EQ(table->entries.front().guid, guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e"));
  EXPECT_EQ(table->find(guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e"))->size(), 4u);
  EXPECT_FALSE(table->find(guid("00000000-0000-0000-0000-000000000000")));
  EXPECT_TRUE(parse_firmware_table(with([](Firmware& f) { f.footer = false; }))->entries.empty());
}

TEST(FirmwareTable, sizes) {
  EXPECT_RULE(parse_firmware_table(Bytes()), "measure.fw.size");
  EXPECT_RULE(parse_firmware_table(Bytes(4095)), "measure.fw.size");
  EXPECT_RULE(parse_firmware_table(Bytes(kFirmwareBytesMax + 4096)), "measure.fw.size");
  for (const uint16_t size : {uint16_t{0}, uint16_t{17}, uint16_t{0xffff}, uint16_t{19}}) {
    EXPECT_RULE(parse_firmware_table(with([&](Firmware& f) { f.pages = 1, f.table_size = size; })), "measure.fw.table") << size;
  }
  for (const uint16_t size : {uint16_t{0}, uint16_t{17}, uint16_t{21}, uint16_t{23}, uint16_t{0xffff}}) {
    EXPECT_RULE(parse_firmware_table(with([&](Firmware& f) { f.first_entry_size = size; })), "measure.fw.table") << size;
  }
}

TEST(SevMetadata, fields) {
  const auto metadata = parse_sev_metadata(Firmware().make());
  ASSERT_OK(metadata);
  EXPECT_EQ(metadata->sections.size(), 4u);
  EXPECT_EQ(metadata->sections[1].gpa, 0x802000u);
  EXPECT_EQ(metadata->reset_eip, 0x0080b004u);
  EXPECT_EQ(metadata->hashes_gpa, 0x804c00u);
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.with_sev = false; })), "measure.fw.no_sev");
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.reset = false; })), "measure.fw.no_sev");
}

TEST(SevMetadata, head) {
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.sev_magic = "ASEX"; })), "measure.fw.sev");
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.sev_version = 2; })), "measure.fw.sev");
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.sev_size = 12; })), "measure.fw.sev");
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.sev_count = 65; })), "measure.fw.sev");
  EXPECT_RULE(parse_sev_metadata(with([](Firmware& f) { f.sev_count = 0xffffffff; })), "measure.fw.sev");
  for (const uint32_t back : {0u, 15u, 0x4001u, 0xffffffffu}) {
    EXPECT_RULE(parse_sev_metadata(with([&](Firmware& f) { f.sev_back = back; })), "measure.fw.sev") << back;
  }
}

TEST(SevMetadata, sections) {
  const auto section = [](SevSection s) { return parse_sev_metadata(with([&](Firmware& f) { f.sev[0] = s; })); };
  constexpr auto kMemory = SevSectionType::sec_mem;
  EXPECT_RULE(section({0x800000, 0x1000, static_cast<SevSectionType>(5)}), "measure.fw.sev_section");
  EXPECT_RULE(section({0x800000, 0x1000, static_cast<SevSectionType>(0)}), "measure.fw.sev_section");
  EXPECT_RULE(section({0x800001, 0x1000, kMemory}), "measure.fw.sev_section");
  EXPECT_RULE(section({0x800000, 0x1001, kMemory}), "measure.fw.sev_section");
  EXPECT_RULE(section({0xfffff000, 0x2000, kMemory}), "measure.fw.sev_section");
  EXPECT_RULE(section({0x10000000, 0x10000000, kMemory}), "measure.fw.sev_section") << "more pages than are taken";
  EXPECT_RULE(section({0x800000, 0x2000, SevSectionType::secrets}), "measure.fw.sev_section");
  EXPECT_RULE(section({0x802000, 0x1000, kMemory}), "measure.fw.overlap");
  EXPECT_RULE(section({0x700000, 0x103000, kMemory}), "measure.fw.overlap");
}

TEST(Tdvf, fields_and_head) {
  const auto sections = parse_tdvf(Firmware().make());
  ASSERT_OK(sections);
  EXPECT_EQ(sections->size(), 3u);
  EXPECT_TRUE((*sections)[0].extended());
  EXPECT_EQ((*sections)[1].type, TdvfType::td_hob);
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.with_tdx = false; })), "measure.fw.no_tdx");
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_magic = "TDVX"; })), "measure.fw.tdx");
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_version = 0; })), "measure.fw.tdx");
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_size = 1; })), "measure.fw.tdx");
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_count = 0x08000000; })), "measure.fw.tdx") << "32 times that is zero in 32 bits";
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_back = 0xffffffff; })), "measure.fw.tdx");
  EXPECT_RULE(parse_tdvf(with([](Firmware& f) { f.tdx_back = 3; })), "measure.fw.tdx");
}

TEST(Tdvf, sections) {
  const auto section = [](TdvfSection s) { return parse_tdvf(with([&](Firmware& f) { f.tdx[0] = s; })); };
  EXPECT_RULE(section({0, 0, 0, 0x1000, static_cast<TdvfType>(7), 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 0, 0x1000, TdvfType::bfv, 4}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 1, 0x1000, TdvfType::bfv, 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 0, 0x1001, TdvfType::bfv, 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0x3001, 0x1000, 0, 0x1000, TdvfType::bfv, 1}), "measure.fw.tdx_section") << "data outside the file";
  EXPECT_RULE(section({0xffffffff, 0xffffffff, 0, 0x1000, TdvfType::bfv, 1}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0x2000, 0, 0x1000, TdvfType::bfv, 1}), "measure.fw.tdx_section") << "more data than memory";
  EXPECT_RULE(section({0, 0, 0, 0xfffffffffffff000, TdvfType::bfv, 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 0xfff0000000000000, 0x1000, TdvfType::bfv, 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 0x10000000, 0x1001000, TdvfType::bfv, 1}), "measure.fw.tdx_section") << "more that is measured than is taken";
  EXPECT_RULE(section({0, 0, 0x10000000, 0x10000000, TdvfType::bfv, 0}), "measure.fw.tdx_section");
  EXPECT_RULE(section({0, 0, 0x80a000, 0x1000, TdvfType::bfv, 0}), "measure.fw.overlap");
}

}  // namespace
}  // namespace openpcc::measure
