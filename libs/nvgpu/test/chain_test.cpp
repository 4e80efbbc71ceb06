// Revocation along a device's chain. No signed answer of NVIDIA's responder is published, so these are of our own making.
#include "openpcc/nvgpu/chain.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using forge::Device;
using forge::kNow;
using forge::refused;
using x509::forge::OcspFields;
namespace x = x509::forge;

constexpr size_t kBootRom = 1, kProvisioner = 2, kIdentity = 3;

Verification with_answer(const Device& device, const std::function<void(OcspFields&)>& change, UnixSeconds now = kNow) {
  return device.verify(now, {device.answer(kIdentity, change)});
}

// The boot ROM's, too, which names no responder on Hopper: it alone is of one chip, and outlives its firmware.
TEST(NvgpuRevocation, every_certificate_between_leaf_and_root_is_answered_for) {
  const Device device;
  const Verification one = device.verify(kNow, {device.answer(kIdentity)});
  ASSERT_TRUE(one.verified);
  EXPECT_FALSE(one.verified->revocation_checked()) << "the provisioner is not answered for";
  EXPECT_FALSE(device.verify(kNow, {device.answer(kProvisioner), device.answer(kIdentity)}).verified->revocation_checked())
      << "nor the chip";
  const Verification all = device.verify(kNow, {device.answer(kBootRom), device.answer(kProvisioner), device.answer(kIdentity)});
  ASSERT_TRUE(all.verified);
  EXPECT_TRUE(all.verified->revocation_checked());
  EXPECT_EQ(all.verified->window(), (x509::Window{kNow - 10, kNow + 9}));
  EXPECT_FALSE(device.verify().verified->revocation_checked());
}

TEST(NvgpuRevocation, what_an_answer_says) {
  const Device device;
  EXPECT_TRUE(refused(with_answer(device, [](OcspFields& f) { f.status = x::revoked(kNow); }), "nvgpu.ocsp.revoked"));
  EXPECT_TRUE(refused(with_answer(device, [](OcspFields& f) { f.status = x::revoked(kNow, 6); }), "nvgpu.ocsp.revoked")) << "held";
  EXPECT_TRUE(refused(with_answer(device, [](OcspFields& f) { f.status = {0x82, 0}; }), "nvgpu.ocsp.revoked")) << "unknown";
  EXPECT_TRUE(refused(with_answer(device, [](OcspFields& f) { f.serial = {99}; }), "nvgpu.ocsp.certificate"));
  EXPECT_TRUE(refused(with_answer(device, [](OcspFields& f) { f.next_update.reset(); }), "nvgpu.ocsp.syntax"));
  EXPECT_TRUE(refused(with_answer(device, nullptr, kNow - 11), "nvgpu.ocsp.early"));
  EXPECT_TRUE(refused(with_answer(device, nullptr, kNow + 10), "nvgpu.ocsp.expired"));
  EXPECT_TRUE(refused(device.verify(kNow, {Bytes{0x30, 0x00}}), "nvgpu.ocsp.syntax"));
  // Of two answers the bad one counts.
  const Bytes revoked = device.answer(kIdentity, [](OcspFields& f) { f.status = x::revoked(kNow); });
  EXPECT_TRUE(refused(device.verify(kNow, {device.answer(kIdentity), device.answer(kProvisioner), revoked}), "nvgpu.ocsp.revoked"));
}

// However far away its next update: who shows a statement chooses which.
TEST(NvgpuRevocation, statements_count_for_a_time) {
  const Device device;
  const auto since = [](UnixSeconds age) {
    return [age](OcspFields& f) {
      f.this_update = kNow - age;
      f.next_update = kNow + 1'000'000'000;
    };
  };
  const Verification last = with_answer(device, since(kRevocationAge_s));
  ASSERT_TRUE(last.verified);
  EXPECT_EQ(last.verified->window().to, kNow);
  EXPECT_TRUE(refused(with_answer(device, since(kRevocationAge_s + 1)), "nvgpu.ocsp.age"));
  const auto& maker = *device.maker;
  const auto list = [&](UnixSeconds age) { return x::crl({maker.root.subject, kNow - age, kNow + 1'000'000'000, {}, {}}, maker.root_key); };
  EXPECT_EQ(device.verify(kNow, {}, {list(kRevocationAge_s)}).verified->window().to, kNow);
  EXPECT_TRUE(refused(device.verify(kNow, {}, {list(kRevocationAge_s + 1)}), "nvgpu.crl.age"));
  const Bytes old = list(kRevocationAge_s + 1);
  const PinnedKey pin = forge::pin_of(maker.root_key);
  EXPECT_TRUE(nvgpu::verify(device.signed_report(), device.chain(), {{}, {old}, kRevocationAge_s + 1}, kNow, {&pin, 1}).verified)
      << "as demanded";
}

TEST(NvgpuRevocation, who_may_answer) {
  const Device device, other;
  const auto by = [&](const x::Key& signer, const std::vector<Bytes>& certificates) {
    OcspFields fields{.issuer_name = device.maker->identity.issuer,
                      .issuer_spki = device.maker->root.spki,
                      .serial = device.maker->identity.serial,
                      .this_update = kNow - 10,
                      .next_update = kNow + 10,
                      .certificates = certificates};
    return device.verify(kNow, {x::ocsp(fields, signer)});
  };
  EXPECT_TRUE(refused(by(other.leaf_key, {}), "nvgpu.ocsp.signature"));
  x::CertificateFields appointed{x::name("responder"), device.maker->root.subject, {9}, {kNow - 15, kNow + 5}, other.leaf_key.spki(), {}};
  EXPECT_TRUE(refused(by(other.leaf_key, {x::certificate(appointed, device.maker->root_key)}), "nvgpu.ocsp.responder"));
  appointed.extensions = {x::extension(testkit::hex("551d25"), false, x::sequence({testkit::hex("06082b06010505070309")}))};
  EXPECT_TRUE(refused(by(other.leaf_key, {x::certificate(appointed, other.leaf_key)}), "nvgpu.ocsp.responder"));
  const Verification good = by(other.leaf_key, {x::certificate(appointed, device.maker->root_key)});
  ASSERT_TRUE(good.verified);
  EXPECT_EQ(good.verified->window(), (x509::Window{kNow - 10, kNow + 5}));
  appointed.extensions.push_back(x::key_usage(x::kSignsLists));
  EXPECT_TRUE(refused(by(other.leaf_key, {x::certificate(appointed, device.maker->root_key)}), "nvgpu.ocsp.responder"));
  appointed.extensions.back() = x::key_usage(0x80);
  EXPECT_TRUE(by(other.leaf_key, {x::certificate(appointed, device.maker->root_key)}).verified);
  appointed.window.from = kNow - 9;
  EXPECT_TRUE(refused(by(other.leaf_key, {x::certificate(appointed, device.maker->root_key)}), "nvgpu.ocsp.responder"))
      << "not yet appointed when it signed";
}

TEST(NvgpuRevocation, lists_of_issuers) {
  const Device device;
  const auto& maker = *device.maker;
  const auto of = [](const x::CertificateFields& issuer, const x::Key& key, const std::vector<Bytes>& serials) {
    return x::crl({issuer.subject, kNow - 10, kNow + 10, serials, {}}, key);
  };
  const Bytes roots = of(maker.root, maker.root_key, {{77}}), identitys = of(maker.identity, maker.identity_key, {});
  const Bytes chip = device.answer(kBootRom);
  const Verification all = device.verify(kNow, {chip}, {roots, identitys});
  ASSERT_TRUE(all.verified);
  EXPECT_TRUE(all.verified->revocation_checked());
  EXPECT_FALSE(device.verify(kNow, {chip}, {roots}).verified->revocation_checked());
  EXPECT_TRUE(device.verify(kNow, {chip, device.answer(kProvisioner)}, {roots}).verified->revocation_checked()) << "one of each";
  EXPECT_TRUE(refused(device.verify(kNow, {}, {of(maker.root, maker.root_key, {maker.identity.serial})}), "nvgpu.crl.revoked"));
  EXPECT_TRUE(refused(device.verify(kNow - 11, {}, {roots}), "nvgpu.crl.early"));
  EXPECT_TRUE(refused(device.verify(kNow + 10, {}, {roots}), "nvgpu.crl.expired"));
  EXPECT_TRUE(refused(device.verify(kNow, {}, {of(maker.root, maker.identity_key, {})}), "nvgpu.crl.signature"));
  EXPECT_TRUE(refused(device.verify(kNow, {}, {of(device.leaf, device.leaf_key, {})}), "nvgpu.crl.issuer"));
  EXPECT_TRUE(refused(device.verify(kNow, {}, {Bytes{0x30, 0x00}}), "nvgpu.crl.syntax"));
  Device without;
  without.provisioner.extensions.at(1) = x::key_usage(x::kSignsCertificates);
  const Bytes unentitled = x::crl({without.provisioner.subject, kNow - 10, kNow + 10, {}, {}}, maker.provisioner_key);
  EXPECT_TRUE(refused(without.verify(kNow, {}, {unentitled}), "nvgpu.crl.signature")) << "its key is for certificates alone";
}

TEST(NvgpuRoots, are_those_of_the_corpus) {
  const auto folder = testkit::shared_file("evidence/nvidia/roots");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const auto pin = [&](const char* file) {
    return crypto::sha256(x509::Certificate::parse_pem(testkit::read_file(*folder / file), 1)->front().spki());
  };
  EXPECT_EQ(device_roots()[0], pin("device_identity_root.pem"));
  EXPECT_EQ(device_roots()[0], pin("switch_device_root.pem"));
  EXPECT_EQ(manifest_roots()[0], pin("rim_root.pem"));
}

}  // namespace
}  // namespace openpcc::nvgpu
