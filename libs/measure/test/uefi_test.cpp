#include "openpcc/measure/uefi.h"

#include "maker.h"

namespace openpcc::measure {
namespace {

TEST(UefiGuid, text) {
  EXPECT_EQ(*efi_guid("8be4df61-93ca-11d2-aa0d-00e098032b8c"), guid(kGlobalVariable));
  EXPECT_EQ(to_hex(*efi_guid(kGlobalVariable)), "61dfe48bca93d211aa0d00e098032b8c");
  for (const std::string_view text :
       {"", "8be4df61", "8be4df6193ca11d2aa0d00e098032b8c", "8be4df61-93ca-11d2-aa0d-00e098032b8", "8be4df61-93ca-11d2-aa0d-00e098032b8c0",
        "8be4df6-193ca-11d2-aa0d-00e098032b8c", "gbe4df61-93ca-11d2-aa0d-00e098032b8c"}) {
    EXPECT_RULE(efi_guid(text), "measure.uefi.guid") << text;
  }
}

Bytes disk() {
  Bytes out(512 * 34);
  const MutableByteSpan header = MutableByteSpan(out).subspan(512);
  std::ranges::copy(std::string_view("EFI PART"), header.begin());
  put_le<uint32_t>(header.subspan(12), 92);
  put_le<uint64_t>(header.subspan(72), 2);
  put_le<uint32_t>(header.subspan(80), 128);
  put_le<uint32_t>(header.subspan(84), 128);
  out[1024 + 128] = 1;      // the second entry
  out[1024 + 5 * 128] = 2;  // and the sixth are in use
  return out;
}

template <class T>
Bytes with(size_t at, T value) {
  Bytes out = disk();
  put_le<T>(MutableByteSpan(out).subspan(512 + at), value);
  return out;
}

TEST(Gpt, header_and_entries_in_use) {
  const auto event = gpt_event(disk());
  ASSERT_OK(event);
  EXPECT_EQ(event->size(), 92u + 8 + 2 * 128);
  EXPECT_EQ((*event)[92], 2);
  EXPECT_EQ((*event)[100], 1);
  EXPECT_EQ((*event)[228], 2);
}

TEST(Gpt, refusals) {
  EXPECT_RULE(gpt_event(Bytes()), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(Bytes(4096)), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(with<uint32_t>(12, 512)), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(with<uint64_t>(72, 3)), "measure.uefi.gpt") << "the last entries are not there";
  EXPECT_RULE(gpt_event(with<uint64_t>(72, 0xffffffffffffffff)), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(with<uint64_t>(72, 0x80000000000000)), "measure.uefi.gpt") << "a product that is zero in 64 bits";
  EXPECT_RULE(gpt_event(with<uint32_t>(80, 0xffffffff)), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(with<uint32_t>(84, 127)), "measure.uefi.gpt");
  EXPECT_RULE(gpt_event(with<uint32_t>(84, 0xffffffff)), "measure.uefi.gpt");
}

TEST(Uki, sections_in_the_order_of_the_stub) {
  maker::Executable e;
  e.sections = {
      {".cmdline", Bytes{'q', 0}}, {".text", Bytes(9, 1)}, {".linux", Bytes(8, 2)}, {".pcrsig", Bytes(7, 3)}, {".osrel", Bytes(6, 4)}};
  const Bytes file = e.make();
  const auto image = parse_pe(file);
  ASSERT_OK(image);
  const auto events = uki_events(*image, Bank::sha256, "PCR11");
  ASSERT_OK(events);
  std::vector<std::string> names;
  for (const Extend& step : *events) names.push_back(step.what);
  EXPECT_EQ(names, (std::vector<std::string>{"name of section .linux", "section .linux", "name of section .osrel", "section .osrel",
                                             "name of section .cmdline", "section .cmdline"}));
  EXPECT_EQ((*events)[0].digest, digest(Bank::sha256, as_bytes(std::string_view(".linux\0", 7))));
  EXPECT_EQ((*events)[5].digest, digest(Bank::sha256, Bytes{'q', 0}));
  EXPECT_EQ((*events)[5].size, 2u);
}

TEST(Uki, sections_that_an_older_stub_does_not_measure) {
  maker::Executable e;
  e.sections = {{".linux", Bytes(8, 2)}, {".sbat", Bytes(8, 3)}, {".uname", Bytes(8, 4)}};
  const auto events_with = [&](std::string_view magic) {
    maker::Executable with = e;
    with.sections.emplace_back(".sdmagic", Bytes(as_bytes(magic).begin(), as_bytes(magic).end()));
    const Bytes file = with.make();
    return uki_events(*parse_pe(file), Bank::sha256, "PCR11")->size();
  };
  EXPECT_EQ(events_with("#### LoaderInfo: systemd-stub 252.39-1 ####"), 2u);
  EXPECT_EQ(events_with("#### LoaderInfo: systemd-stub 254 ####"), 6u);
  EXPECT_EQ(events_with("#### LoaderInfo: systemd-stub unknown ####"), 6u);
  EXPECT_EQ(events_with("another"), 6u);
}

TEST(Uki, refusals) {
  maker::Executable e;
  const Bytes none = e.make();
  EXPECT_RULE(uki_events(*parse_pe(none), Bank::sha256, "PCR11"), "measure.uefi.uki");
  e.sections = {{".linux", Bytes(8, 2)}, {".linux", Bytes(8, 3)}};
  const Bytes twice = e.make();
  EXPECT_RULE(uki_events(*parse_pe(twice), Bank::sha256, "PCR11"), "measure.uefi.uki");
  e.sections.pop_back();
  Bytes large = e.make();
  put_le<uint32_t>(MutableByteSpan(large).subspan(0x80 + 24 + 112 + 128 + 8), 0xffffffff);
  EXPECT_RULE(uki_events(*parse_pe(large), Bank::sha256, "PCR11"), "measure.uefi.uki") << "a section of 4 GiB in memory";
}

}  // namespace
}  // namespace openpcc::measure
