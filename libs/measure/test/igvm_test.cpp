// Self-made files only: nobody has published an IGVM file with the digest that it leads to.
#include "openpcc/measure/igvm.h"

#include "maker.h"
#include "openpcc/measure/snp.h"

namespace openpcc::measure {
namespace {

constexpr uint32_t kSnp = 1, kTdx = 2;

maker::Igvm sample() {
  maker::Igvm out;
  out.platform(kSnp, 2).platform(kTdx, 3).area(7, 0x2000);
  out.page(0x100000, kSnp | kTdx, Bytes(4096, 0xaa)).page(0x101000, kSnp | kTdx, Bytes(10, 0xbb)).page(0x102000, kSnp | kTdx, {});
  out.page(0x103000, kSnp, {}, 0, 1)
      .page(0x104000, kSnp, Bytes(4096, 1), 0, 2)
      .page(0x105000, kSnp, {}, 2)
      .page(0x106000, kSnp | kTdx, {}, 4);
  out.insert(0x200000, kSnp | kTdx, 7).processor(0xfffffffff000, kSnp, vmsa_page(Vmm::qemu, {}));
  return out;
}

crypto::Sha384Digest padded(Bytes contents) {
  contents.resize(4096);
  return crypto::sha384(contents);
}

TEST(Igvm, snp_pages_in_the_order_of_the_file) {
  const Bytes file = sample().make();
  const auto igvm = parse_igvm(file);
  ASSERT_OK(igvm);
  std::vector<Page> pages{{PageType::normal, 0x100000, padded(Bytes(4096, 0xaa)), "", "", 0},
                          {PageType::normal, 0x101000, padded(Bytes(10, 0xbb)), "", "", 0},
                          {PageType::normal, 0x102000, padded({}), "", "", 0},
                          {PageType::secrets, 0x103000, {}, "", "", 0},
                          {PageType::cpuid, 0x104000, {}, "", "", 0},
                          {PageType::unmeasured, 0x105000, {}, "", "", 0},
                          {PageType::unmeasured, 0x200000, {}, "", "", 0},
                          {PageType::unmeasured, 0x201000, {}, "", "", 0},
                          {PageType::vmsa, 0xfffffffff000, padded(vmsa_page(Vmm::qemu, {})), "", "", 0}};
  const auto measured = igvm_snp(*igvm, false);
  ASSERT_OK(measured);
  EXPECT_EQ(to_hex(measured->value("MEASUREMENT")), to_hex(launch_digest(pages).value("MEASUREMENT")));
  EXPECT_EQ(measured->trace.size(), pages.size());
  EXPECT_EQ(measured->proofs.at(0).pair, "") << "verified on self-made samples only";
  pages[2] = {PageType::zero, 0x102000, {}, "", "", 0};
  EXPECT_EQ(to_hex(igvm_snp(*igvm, true)->value("MEASUREMENT")), to_hex(launch_digest(pages).value("MEASUREMENT"))) << "--native-zero";
}

TEST(Igvm, mrtd_adds_parameters_without_measuring_them) {
  const Bytes file = sample().make();
  const auto igvm = parse_igvm(file);
  ASSERT_OK(igvm);
  const auto measured = igvm_mrtd(*igvm);
  ASSERT_OK(measured);
  ASSERT_EQ(measured->trace.size(), 5u);
  EXPECT_EQ(measured->trace[2].what, "page added and extended") << "zeros are measured as such";
  EXPECT_EQ(measured->trace[3].what, "page added");
  EXPECT_EQ(measured->trace[4].gpa, 0x201000u);
}

TEST(Igvm, platforms) {
  maker::Igvm own;
  own.platform(1, 0).page(0x1000, 1, {});
  const Bytes file = own.make();
  EXPECT_RULE(igvm_snp(*parse_igvm(file), false), "measure.igvm.platform");
  EXPECT_RULE(igvm_mrtd(*parse_igvm(file)), "measure.igvm.platform");
}

template <class T>
Bytes with(size_t at, T value, bool seal) {
  Bytes out = sample().make();
  put_le<T>(MutableByteSpan(out).subspan(at), value);
  if (seal) maker::Igvm::seal(out);
  return out;
}

TEST(Igvm, head) {
  EXPECT_RULE(parse_igvm(Bytes()), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(Bytes(23)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(0, 0, true)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(4, 2, true)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(8, 25, true)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(8, 0xffffffff, true)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(12, 0xffffffff, true)), "measure.igvm.header");
  EXPECT_RULE(parse_igvm(with<uint32_t>(16, 1, false)), "measure.igvm.size");
  EXPECT_RULE(parse_igvm(Bytes(kIgvmBytesMax + 1)), "measure.igvm.size");
  EXPECT_RULE(parse_igvm(with<uint32_t>(40, 0x12345678, false)), "measure.igvm.checksum");
}

Bytes only(uint32_t type, Bytes body) {
  maker::Igvm out;
  out.platform(kSnp, 2);
  out.headers.emplace_back(type, std::move(body));
  return out.make();
}

TEST(Igvm, directives) {
  for (const uint32_t type : {1u, 0x301u, 0x302u, 0x303u, 0x304u})
    EXPECT_RULE(parse_igvm(only(type, Bytes(3))), "measure.igvm.directive") << type;
  EXPECT_RULE(parse_igvm(with<uint32_t>(24 + 4, 0xffffffff, true)), "measure.igvm.directive") << "a header longer than the rest";
  maker::Igvm a, b, c, d, e, f, g;
  EXPECT_RULE(parse_igvm(a.page(0x1001, 1, {}).make()), "measure.igvm.directive");
  EXPECT_RULE(parse_igvm(b.page(0x1000, 1, {}, 1).make()), "measure.igvm.directive") << "pages of 2 MiB are not known here";
  EXPECT_RULE(parse_igvm(c.page(0x1000, 1, {}, 0, 4).make()), "measure.igvm.directive");
  EXPECT_RULE(parse_igvm(d.insert(0x1000, 1, 9).make()), "measure.igvm.directive") << "no such area";
  EXPECT_RULE(parse_igvm(e.area(1, 0x1000).area(1, 0x1000).make()), "measure.igvm.directive");
  EXPECT_RULE(parse_igvm(f.area(1, 0xfffffffffffff000).make()), "measure.igvm.directive");
  g.area(1, 0x8000000);
  for (uint64_t i = 0; i < 3; ++i) g.insert(i << 32, 1, 1);
  EXPECT_RULE(parse_igvm(g.make()), "measure.igvm.directive") << "384 MiB";
  Bytes outside(24);
  put_le<uint32_t>(MutableByteSpan(outside).subspan(12), 0x7fffffff);
  EXPECT_RULE(parse_igvm(only(0x302, outside)), "measure.igvm.directive") << "data outside the file";
}

TEST(Igvm, unknown_headers) {
  EXPECT_RULE(parse_igvm(only(0x3ff, Bytes(8))), "measure.igvm.type");
  EXPECT_OK(parse_igvm(only(0x800003ff, Bytes(8)))) << "the top bit lets it be ignored";
  EXPECT_OK(parse_igvm(only(0x101, Bytes(16)))) << "a guest policy is not measured";
}

TEST(Igvm, too_much_to_measure_for_tdx) {
  maker::Igvm own;
  own.platform(kTdx, 3);
  for (uint64_t i = 0; i <= kExtendedPagesMax; ++i) own.page(i << 12, kTdx, {});
  const Bytes file = own.make();
  EXPECT_RULE(igvm_mrtd(*parse_igvm(file)), "measure.igvm.directive");
}

}  // namespace
}  // namespace openpcc::measure
