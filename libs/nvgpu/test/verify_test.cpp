#include "openpcc/nvgpu/verify.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using forge::Device;
using forge::kNow;
using forge::Maker;
using forge::Options;
using forge::refused;
namespace x = x509::forge;

Verification judge(const Device& device, const std::vector<Bytes>& certificates, UnixSeconds now = kNow) {
  const PinnedKey pin = forge::pin_of(device.maker->root_key);
  return verify(device.signed_report(), forge::pem_of(certificates), {}, now, {&pin, 1});
}

TEST(NvgpuVerify, devices_of_each_kind) {
  Options blackwell;
  blackwell.chip = "GB100";
  blackwell.tcb_info = true;
  for (const auto& [device, architecture] :
       {std::pair(Device(), Architecture::hopper), std::pair(Device(blackwell), Architecture::blackwell),
        std::pair(Device::a_switch(), Architecture::ls10)}) {
    const Verification verification = device.verify();
    ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
    EXPECT_EQ(verification.verified->device().architecture, architecture);
    EXPECT_EQ(verification.verified->window(), (x509::Window{kNow - 1000, kNow + 1000}));
    EXPECT_FALSE(verification.verified->revocation_checked());
  }
  const auto verification = Device().verify();
  const nvgpu::Device& device = verification.verified->device();
  EXPECT_EQ(device.chip, "GH100");
  EXPECT_EQ(to_hex(device.id), "5a5a5a5a5a5a5a5a");
  EXPECT_EQ(to_hex(device.ueid), "515a5a5a5a5a5a5a5a");
}

TEST(NvgpuVerify, a_root_that_is_not_pinned) {
  const Device device;
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), {}, kNow), "nvgpu.chain.root"));
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), {}, kNow, {}), "nvgpu.chain.root"));
}

TEST(NvgpuVerify, a_forged_chain_with_perfect_names) {
  const Maker impostor;
  const Device device({}, impostor);
  const PinnedKey pin = forge::pin_of(Maker::one().root_key);
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), {}, kNow, {&pin, 1}), "nvgpu.chain.root"));
  // The genuine root above the impostor's chain does not help it.
  std::vector<Bytes> certificates = device.certificates();
  certificates.back() = x::certificate(Maker::one().root, Maker::one().root_key);
  EXPECT_TRUE(refused(verify(device.signed_report(), forge::pem_of(certificates), {}, kNow, {&pin, 1}), "nvgpu.chain.signature"));
}

TEST(NvgpuVerify, nothing_is_looked_at_for_a_chain_that_nobody_vouches_for) {
  const Device device;
  const Bytes no_answer(8);
  Statements statements;
  statements.ocsp.push_back(no_answer);
  const PinnedKey pin = forge::pin_of(device.maker->root_key);
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), statements, kNow, {&pin, 1}), "nvgpu.ocsp.syntax"));
  for (const Error& error : verify(device.signed_report(), device.chain(), statements, kNow).failures) {
    EXPECT_FALSE(error.rule.id().starts_with("nvgpu.ocsp.")) << error.rule.id();
  }
}

TEST(NvgpuVerify, chains_of_another_shape) {
  const Device device;
  const std::vector<Bytes> whole = device.certificates();
  for (size_t missing = 0; missing < whole.size(); ++missing) {
    std::vector<Bytes> chain = whole;
    chain.erase(chain.begin() + static_cast<ptrdiff_t>(missing));
    EXPECT_TRUE(refused(judge(device, chain), "nvgpu.chain.count"));
  }
  std::vector<Bytes> longer = whole;
  longer.push_back(whole.back());
  EXPECT_TRUE(refused(judge(device, longer), "nvgpu.chain.count"));
  std::vector<Bytes> swapped = whole;
  std::swap(swapped[1], swapped[2]);
  EXPECT_TRUE(refused(judge(device, swapped), "nvgpu.chain.issuer"));
  const PinnedKey pin = forge::pin_of(device.maker->root_key);
  const auto with_text = [&](const Bytes& pem) { return verify(device.signed_report(), pem, {}, kNow, {&pin, 1}); };
  EXPECT_TRUE(refused(with_text({}), "nvgpu.chain.pem"));
  EXPECT_TRUE(refused(with_text(concat({device.chain(), as_bytes("text")})), "nvgpu.chain.pem"));
  EXPECT_TRUE(refused(with_text(Bytes(kChainBytesMax + 1, '\n')), "nvgpu.chain.pem"));
  EXPECT_TRUE(with_text(concat({device.chain(), as_bytes("\n\n")})).verified);
  std::vector<Bytes> cut = whole;
  cut[2].pop_back();
  EXPECT_TRUE(refused(judge(device, cut), "nvgpu.chain.syntax"));
}

TEST(NvgpuVerify, chains_that_do_not_link) {
  Device device;
  device.boot_rom.issuer = x::name("NVIDIA GH100 Provisioner ICA 2");
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.issuer"));
  device = Device();
  std::vector<Bytes> chain = device.certificates();
  chain[0] = x::certificate(device.leaf, device.leaf_key);
  EXPECT_TRUE(refused(judge(device, chain), "nvgpu.chain.signature"));
  chain[0] = x::certificate(device.leaf, x::Key(x509::Algorithm::ecdsa_sha256));
  EXPECT_TRUE(refused(judge(device, chain), "nvgpu.chain.syntax")) << "NVIDIA signs with P-384 and SHA-384";
  device = Device();
  device.boot_rom.extensions = {x::basic_constraints(false), x::key_usage(x::kSignsCertificates)};
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.ca"));
  device = Device();
  device.provisioner.extensions[0] = x::basic_constraints(true, 0);
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.ca")) << "its path length";
  device = Device();
  device.leaf.extensions.push_back(x::extension(testkit::hex("551d1e"), true, testkit::hex("3000")));
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.ca"));
  device = Device();
  device.leaf.extensions[0] = x::key_usage(x::kSignsCertificates);
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.ca")) << "the leaf's key is not for signing data";
  device = Device();
  device.leaf.extensions.push_back(x::basic_constraints(true));
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.ca")) << "a CA in a leaf's place";
  device = Device();
  device.boot_rom.spki = x::Key(x509::Algorithm::ecdsa_sha256).spki();
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.signature")) << "a key on another curve";
  device = Device();
  device.leaf.spki = x::Key(x509::Algorithm::ecdsa_sha256).spki();
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chain.key"));
}

TEST(NvgpuVerify, times) {
  Device device;
  EXPECT_TRUE(refused(device.verify(kNow - 1001), "nvgpu.chain.early"));
  EXPECT_TRUE(refused(device.verify(kNow + 1001), "nvgpu.chain.expired"));
  device.leaf.window = {kNow - 5, kNow + 5};
  EXPECT_EQ(device.verify().verified->window(), device.leaf.window);
  EXPECT_TRUE(refused(device.verify(kNow - 6), "nvgpu.chain.early"));
  EXPECT_TRUE(refused(device.verify(kNow + 6), "nvgpu.chain.expired"));
}

TEST(NvgpuVerify, chips) {
  Options options;
  options.chip = "GX999";
  EXPECT_TRUE(refused(Device(options).verify(), "nvgpu.chip.unknown"));
  Device device;
  device.boot_rom.subject = x::name("GB100 A01 GSP BROM");
  device.leaf.issuer = device.boot_rom.subject;
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chip.mismatch"));
  device = Device();
  device.boot_rom.serial = Bytes(7, 0x41);
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chip.mismatch")) << "no id in it";
  device = Device();
  device.remove(Field::driver_version);
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chip.mismatch")) << "a switch's report under a GPU's certificates";
  device = Device::a_switch();
  device.set(Field::driver_version, {'1', 0});
  EXPECT_TRUE(refused(device.verify(), "nvgpu.chip.mismatch"));
  device = Device::a_switch();
  device.set(Field::switch_pdi, Bytes(8, 0x78));
  EXPECT_TRUE(refused(device.verify(), "nvgpu.switch.pdi"));
}

TEST(NvgpuVerify, the_report_is_the_leafs) {
  const Device device;
  Bytes report = device.signed_report();
  const PinnedKey pin = forge::pin_of(device.maker->root_key);
  const auto judged = [&] { return verify(report, device.chain(), {}, kNow, {&pin, 1}); };
  report[10] ^= 1;
  EXPECT_TRUE(refused(judged(), "nvgpu.signature")) << "the request is signed too";
  report = device.signed_report();
  std::fill(report.end() - 96, report.end(), 0);
  EXPECT_TRUE(refused(judged(), "nvgpu.signature"));
  report = device.signed_report();
  std::swap_ranges(report.end() - 96, report.end() - 48, report.end() - 48);
  EXPECT_TRUE(refused(judged(), "nvgpu.signature")) << "R and S swapped";
  report = Device().signed_report();
  EXPECT_TRUE(refused(judged(), "nvgpu.signature")) << "of another device with the same names";
  report.pop_back();
  EXPECT_TRUE(refused(judged(), "nvgpu.size"));
}

// A peer refuses this by accident, through a type error.
TEST(NvgpuVerify, a_firmware_id_that_is_not_the_leafs) {
  for (const bool tcb_info : {false, true}) {
    Options options;
    options.tcb_info = tcb_info;
    Device device(options);
    device.set(Field::fwid, Bytes(48, 0xf2));
    EXPECT_TRUE(refused(device.verify(), "nvgpu.fwid"));
    device.remove(Field::fwid);
    EXPECT_TRUE(device.verify().verified) << "older drivers do not report it";
  }
}

TEST(NvgpuVerify, leaves_without_a_firmware_id) {
  const Bytes composite = testkit::hex("678105050401"), tcb_info = testkit::hex("67810505040101");
  const auto with = [](std::vector<Bytes> extensions) {
    Device device;
    device.leaf.extensions.resize(1);
    for (Bytes& extension : extensions) device.leaf.extensions.push_back(std::move(extension));
    return device.verify();
  };
  EXPECT_TRUE(refused(with({}), "nvgpu.fwid.syntax"));
  EXPECT_TRUE(refused(with({x::extension(composite, false, {}), x::extension(tcb_info, false, {})}), "nvgpu.fwid.syntax"));
  EXPECT_TRUE(refused(with({x::extension(composite, false, testkit::hex("3000"))}), "nvgpu.fwid.syntax"));
  EXPECT_TRUE(refused(with({x::extension(tcb_info, false, testkit::hex("3000"))}), "nvgpu.fwid.syntax"));
  const Bytes sha256 = x::sequence({testkit::hex("0609608648016503040201"), x::tlv(0x04, Bytes(32, 1))});
  EXPECT_TRUE(refused(with({x::extension(tcb_info, false, x::sequence({x::tlv(0xa6, sha256)}))}), "nvgpu.fwid.syntax"));
}

TEST(NvgpuVerify, a_set_pays_for_each_link_once) {
  const Device device;
  const PinnedKey pin = forge::pin_of(device.maker->root_key);
  CheckedLinks links;
  const auto judged = [&](const Device& d, const Bytes& chain) { return verify(d.signed_report(), chain, {}, kNow, {&pin, 1}, &links); };
  EXPECT_TRUE(judged(device, device.chain()).verified);
  EXPECT_TRUE(judged(device, device.chain()).verified);
  // What was checked once vouches for nothing else: another certificate, another issuer, another time.
  const Device other;
  EXPECT_TRUE(judged(other, other.chain()).verified);
  std::vector<Bytes> mixed = device.certificates();
  mixed[0] = other.certificates()[0];
  EXPECT_TRUE(refused(judged(other, forge::pem_of(mixed)), "nvgpu.chain.signature"));
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), {}, kNow + 2000, {&pin, 1}, &links), "nvgpu.chain.expired"));
  EXPECT_TRUE(refused(verify(device.signed_report(), device.chain(), {}, kNow, {}, &links), "nvgpu.chain.root"));
}

}  // namespace
}  // namespace openpcc::nvgpu
