#include "openpcc/measure/pe.h"

#include <memory>

#include "maker.h"

namespace openpcc::measure {
namespace {

using maker::Executable;

constexpr size_t kPe = 0x80, kOptional = kPe + 24, kDirectories = kOptional + 112, kTable = kDirectories + 128;

Bytes with(size_t at, uint32_t value, Bytes image = Executable().make()) {
  put_le<uint32_t>(MutableByteSpan(image).subspan(at), value);
  return image;
}

TEST(Pe, parts) {
  Executable e;
  e.certificates = Bytes(16, 0xcc);
  const Bytes file = e.make();
  const auto image = parse_pe(file);
  ASSERT_OK(image);
  ASSERT_EQ(image->sections.size(), 2u);
  EXPECT_EQ(image->sections[0].name, ".text");
  EXPECT_EQ(image->data(*image->section(".data")), Bytes(100, 0x11)) << "as long as it is in memory, not as in the file";
  EXPECT_EQ(image->section(".none"), nullptr);
  EXPECT_EQ(image->certificates_bytes, 16u);
}

TEST(Pe, pe32_and_no_sections) {
  Executable e;
  e.pe32 = true;
  EXPECT_OK(parse_pe(e.make()));
  e.sections.clear();
  EXPECT_OK(parse_pe(e.make()));
}

TEST(Pe, size) {
  const std::unique_ptr<uint8_t[]> untouched(new uint8_t[kImageBytesMax + 1]);  // no page of it is ever used
  EXPECT_RULE(parse_pe(ByteSpan(untouched.get(), kImageBytesMax + 1)), "measure.pe.size");
}

TEST(Pe, headers) {
  EXPECT_RULE(parse_pe(Bytes()), "measure.pe.header");
  EXPECT_RULE(parse_pe(Bytes(0x40)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(0x3c, 0xfffffff0)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kPe, 0)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kPe + 20, 0xffff)), "measure.pe.header") << "optional header over the end";
  EXPECT_RULE(parse_pe(with(kPe + 20, 1)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kPe + 20, 111)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kOptional, 0x107)), "measure.pe.header") << "a ROM image";
  EXPECT_RULE(parse_pe(with(kDirectories - 4, 4)), "measure.pe.header") << "no entry for certificates";
  EXPECT_RULE(parse_pe(with(kDirectories - 4, 0x20000000)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kOptional + 60, 0xffffffff)), "measure.pe.header");
  EXPECT_RULE(parse_pe(with(kOptional + 60, 0x80)), "measure.pe.header");
  const Bytes whole = Executable().make();
  for (size_t n = 0; n < kTable; n += 7) EXPECT_FALSE(parse_pe(ByteSpan(whole).first(n))) << n;
}

TEST(Pe, sections) {
  EXPECT_RULE(parse_pe(with(kPe + 6, 97)), "measure.pe.section");
  EXPECT_RULE(parse_pe(with(kPe + 6, 40)), "measure.pe.section") << "a table longer than the headers";
  EXPECT_RULE(parse_pe(with(kTable + 16, 0xffffffff)), "measure.pe.section");
  EXPECT_RULE(parse_pe(with(kTable + 20, 0xfffffff0)), "measure.pe.section");
  EXPECT_RULE(parse_pe(with(kTable + 20, 0x10)), "measure.pe.section") << "within the headers";
  EXPECT_RULE(parse_pe(with(kTable + 40 + 20, 512)), "measure.pe.section") << "two at one place";
}

TEST(Pe, certificates) {
  Executable e;
  e.certificates = Bytes(16, 0xcc);
  const Bytes file = e.make();
  EXPECT_RULE(parse_pe(with(kDirectories + 36, 8, file)), "measure.pe.certificates") << "bytes after them would not be measured";
  EXPECT_RULE(parse_pe(with(kDirectories + 32, 8, file)), "measure.pe.certificates");
  EXPECT_RULE(parse_pe(with(kDirectories + 36, 0xfffffff0, file)), "measure.pe.certificates");
}

TEST(Authenticode, covers_all_but_checksum_and_certificates) {
  Executable e;
  e.certificates = Bytes(16, 0xcc);
  e.trailer = Bytes(16, 0x77);
  const Bytes file = e.make();
  const auto of = [](const Bytes& bytes) {
    const auto image = parse_pe(bytes);
    return image ? to_hex(authenticode(*image, Bank::sha256)) : std::string();
  };
  const std::string digest = of(file);
  size_t covered = 0;
  for (size_t i = 0; i < file.size(); i += 3) {
    Bytes changed = file;
    changed[i] ^= 0x40;
    const bool free = (i >= kOptional + 64 && i < kOptional + 68) || i >= file.size() - 16;
    const std::string other = of(changed);
    EXPECT_TRUE(other.empty() || (other == digest) == free) << i;
    if (!other.empty() && !free) ++covered;
  }
  EXPECT_GT(covered, 500u);
}

TEST(Authenticode, does_not_pad) {
  Executable padded, plain;
  padded.trailer = Bytes{1, 2, 3, 0, 0, 0, 0, 0};
  plain.trailer = Bytes{1, 2, 3};
  const Bytes a = padded.make(), b = plain.make();
  EXPECT_NE(authenticode(*parse_pe(a), Bank::sha256), authenticode(*parse_pe(b), Bank::sha256));
}

TEST(Authenticode, sections_count_in_the_order_of_the_file) {
  const Bytes file = Executable().make();
  Bytes swapped = file;
  std::swap_ranges(swapped.begin() + kTable, swapped.begin() + kTable + 40, swapped.begin() + kTable + 40);
  Bytes by_hand = swapped;  // as the specification says it: headers without the two holes, then everything else
  by_hand.erase(by_hand.begin() + kDirectories + 32, by_hand.begin() + kDirectories + 40);
  by_hand.erase(by_hand.begin() + kOptional + 64, by_hand.begin() + kOptional + 68);
  EXPECT_EQ(authenticode(*parse_pe(swapped), Bank::sha256), digest(Bank::sha256, by_hand));
}

Bytes kernel(uint16_t protocol = 0x20f, uint16_t xloadflags = 2) {
  Bytes out(0x2000, 0x55);
  std::ranges::copy(std::string_view("HdrS"), out.begin() + 0x202);
  put_le<uint16_t>(MutableByteSpan(out).subspan(0x206), protocol);
  out[0x211] = 1;
  put_le<uint32_t>(MutableByteSpan(out).subspan(0x22c), 0x7fffffff);
  put_le<uint16_t>(MutableByteSpan(out).subspan(0x236), xloadflags);
  return out;
}

uint32_t initrd_at(const Bytes& kernel, const LinuxPatch& patch) {
  return le<uint32_t>(ByteSpan(*patched_kernel(kernel, patch)).subspan(0x218));
}

TEST(LinuxKernel, fields_that_qemu_writes) {
  const auto patched = patched_kernel(kernel(), {0x100000, uint64_t{4} << 30});
  ASSERT_OK(patched);
  const ByteSpan at(*patched);
  EXPECT_EQ(at[0x210], 0xb0);
  EXPECT_EQ(at[0x211], 0x81);
  EXPECT_EQ(le<uint32_t>(at.subspan(0x224)), 0xfe00u);
  EXPECT_EQ(le<uint32_t>(at.subspan(0x228)), 0x20000u);
  EXPECT_EQ(le<uint32_t>(at.subspan(0x21c)), 0x100000u);
  EXPECT_EQ(le<uint32_t>(at.subspan(0x218)), (0x80000000u - 0x28000 - 1 - 0x100000) & ~4095u);
}

TEST(LinuxKernel, initrd_depends_on_memory_below_its_threshold) {
  const Bytes k = kernel();
  EXPECT_EQ(initrd_at(k, {0x100000, uint64_t{0x80000000}}), initrd_at(k, {0x100000, uint64_t{0xb0000000}}))
      << "2 GiB is as a large machine";
  EXPECT_EQ(initrd_at(k, {0x100000, uint64_t{64} << 30}), initrd_at(k, {0x100000, uint64_t{0xb0000000}}));
  EXPECT_NE(initrd_at(k, {0x100000, uint64_t{1} << 30}), initrd_at(k, {0x100000, uint64_t{2} << 30}));
  EXPECT_NE(initrd_at(k, {0x100000, uint64_t{0xa0000000}}), initrd_at(k, {0x100000, uint64_t{0xb0000000}}));
}

TEST(LinuxKernel, initrd_limit_of_old_kernels) {
  EXPECT_EQ(initrd_at(kernel(0x20f, 0), {0x100000, uint64_t{4} << 30}), (0x80000000u - 0x28000 - 1 - 0x100000) & ~4095u);
  EXPECT_EQ(initrd_at(kernel(0x202, 0), {0x100000, uint64_t{4} << 30}), (0x37ffffffu - 0x100000) & ~4095u);
}

TEST(LinuxKernel, refusals) {
  EXPECT_RULE(patched_kernel(Bytes(0xfff), {}), "measure.kernel.header");
  EXPECT_RULE(patched_kernel(Bytes(0x2000), {}), "measure.kernel.header");
  EXPECT_RULE(patched_kernel(kernel(0x201), {}), "measure.kernel.header");
  EXPECT_RULE(patched_kernel(kernel(), {1, 0x28000}), "measure.kernel.memory");
  EXPECT_RULE(patched_kernel(kernel(), {uint64_t{1} << 40, uint64_t{1} << 41}), "measure.kernel.memory");
  EXPECT_OK(patched_kernel(kernel(), {0, 0}));
}

}  // namespace
}  // namespace openpcc::measure
