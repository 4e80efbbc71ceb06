#include "openpcc/nitro/verify.h"

#include "nitro_forge.h"

namespace openpcc::nitro {
namespace {

using forge::kNow;
using forge::Maker;
namespace x = x509::forge;

TEST(NitroVerify, a_document_as_it_should_be) {
  Maker maker;
  const auto verified = maker.verify();
  ASSERT_OK(verified);
  EXPECT_EQ(verified->window(), (x509::Window{kNow - 1000, kNow + 996}));
  maker.open_map = true;
  maker.tagged = true;
  maker.pcrs_name = "nitrotpm_pcrs";
  EXPECT_OK(maker.verify());
}

TEST(NitroVerify, the_root_is_the_pinned_one) {
  Maker maker;
  const Bytes document = maker.document();
  EXPECT_RULE(verify(document, kNow), "nitro.chain.root");
  EXPECT_RULE(verify(document, kNow, {}), "nitro.chain.root");
  // AWS's root in its place does not help: it did not sign the next one.
  const auto file = testkit::shared_file("evidence/nitro/roots/aws_nitro_root_g1.der");
  if (!file) GTEST_SKIP() << "no shared evidence";
  std::vector<Bytes> bundle{forge::bytes(testkit::read_file(*file))};
  const std::vector<Bytes> chain = maker.chain();
  for (size_t i = 1; i < 4; ++i) bundle.push_back(forge::bytes(chain[i]));
  maker.set("cabundle", forge::array(bundle));
  EXPECT_RULE(verify(maker.document(), kNow), "nitro.chain.issuer");
}

TEST(NitroVerify, perfect_names_under_a_key_of_ones_own) {
  Maker maker;
  maker.fields[0].subject = maker.fields[0].issuer = maker.fields[1].issuer =
      x::sequence({x::tlv(0x31, x::sequence({testkit::hex("0603550406"), testkit::hex("13025553")})),
                   x::tlv(0x31, x::sequence({testkit::hex("060355040a"), x::tlv(0x0c, as_bytes("Amazon"))})),
                   x::tlv(0x31, x::sequence({testkit::hex("060355040b"), x::tlv(0x0c, as_bytes("AWS"))})),
                   x::tlv(0x31, x::sequence({testkit::hex("0603550403"), x::tlv(0x0c, as_bytes("aws.nitro-enclaves"))}))});
  EXPECT_OK(maker.verify());
  EXPECT_RULE(verify(maker.document(), kNow), "nitro.chain.root");
}

TEST(NitroVerify, certificates_of_another_kind) {
  Maker garbage;
  garbage.set("certificate", forge::bytes(Bytes(100, 0x30)));
  EXPECT_RULE(garbage.verify(), "nitro.chain.syntax");
  const x::Key p256(x509::Algorithm::ecdsa_sha256);
  Maker other_algorithm;
  other_algorithm.set("certificate", forge::bytes(x::certificate(other_algorithm.fields[4], p256)));
  EXPECT_RULE(other_algorithm.verify(), "nitro.chain.syntax");
  Maker leaf;
  leaf.fields[4].spki = p256.spki();
  EXPECT_RULE(leaf.verify(), "nitro.chain.key");
  Maker issuer;
  issuer.fields[3].spki = p256.spki();
  EXPECT_RULE(issuer.verify(), "nitro.chain.signature");
  Maker off_the_curve;
  off_the_curve.fields[2].spki.back() ^= 1;
  EXPECT_RULE(off_the_curve.verify(), "nitro.chain.signature");
}

TEST(NitroVerify, the_order_is_root_first) {
  Maker maker;
  const std::vector<Bytes> chain = maker.chain();
  maker.set("cabundle", forge::array({forge::bytes(chain[0]), forge::bytes(chain[2]), forge::bytes(chain[1]), forge::bytes(chain[3])}));
  EXPECT_RULE(maker.verify(), "nitro.chain.issuer");
  maker.set("cabundle", forge::array({forge::bytes(chain[3]), forge::bytes(chain[2]), forge::bytes(chain[1]), forge::bytes(chain[0])}));
  EXPECT_RULE(maker.verify(), "nitro.chain.root");
  maker.set("cabundle", forge::array({forge::bytes(chain[0]), forge::bytes(chain[1]), forge::bytes(chain[3])}));
  EXPECT_RULE(maker.verify(), "nitro.chain.issuer");
}

TEST(NitroVerify, every_link_is_signed) {
  for (size_t i = 0; i < 5; ++i) {
    Maker maker;
    std::vector<Bytes> chain = maker.chain();
    chain[i].back() ^= 1;
    std::vector<Bytes> bundle;
    for (size_t j = 0; j < 4; ++j) bundle.push_back(forge::bytes(chain[j]));
    maker.set("cabundle", forge::array(bundle));
    maker.set("certificate", forge::bytes(chain[4]));
    EXPECT_RULE(maker.verify(), "nitro.chain.signature");
  }
}

TEST(NitroVerify, who_may_sign_certificates) {
  for (size_t i = 0; i < 4; ++i) {
    Maker no_ca;
    no_ca.fields[i].extensions[0] = x::basic_constraints(false);
    EXPECT_RULE(no_ca.verify(), "nitro.chain.ca");
    Maker no_usage;
    no_usage.fields[i].extensions[1] = x::key_usage(x::kSignsLists);
    EXPECT_RULE(no_usage.verify(), "nitro.chain.ca");
    Maker critical;
    critical.fields[i].extensions.push_back(x::extension(testkit::hex("2a0304"), true, testkit::hex("0500")));
    EXPECT_RULE(critical.verify(), "nitro.chain.ca");
  }
  Maker too_long;
  too_long.fields[2].extensions[0] = x::basic_constraints(true, 0);
  EXPECT_RULE(too_long.verify(), "nitro.chain.ca");
  // An instance's leaf signs a certificate below itself, with a document's right name.
  Maker below_a_leaf;
  below_a_leaf.fields[3].extensions = below_a_leaf.fields[4].extensions;
  EXPECT_RULE(below_a_leaf.verify(), "nitro.chain.ca");
}

TEST(NitroVerify, what_the_leaf_is_for) {
  Maker ca;
  ca.fields[4].extensions[0] = x::basic_constraints(true);
  EXPECT_RULE(ca.verify(), "nitro.chain.ca");
  Maker other_use;
  other_use.fields[4].extensions[1] = x::key_usage(x::kSignsLists);
  EXPECT_RULE(other_use.verify(), "nitro.chain.ca");
  Maker no_use;
  no_use.fields[4].extensions.pop_back();
  EXPECT_RULE(no_use.verify(), "nitro.chain.ca");
  Maker strange;
  strange.fields[4].extensions[0] = x::extension(testkit::hex("551d13"), true, testkit::hex("3003020100"));
  EXPECT_RULE(strange.verify(), "nitro.chain.ca");
}

TEST(NitroVerify, the_leafs_key_signs_the_document) {
  Maker maker;
  const PinnedRoot root = maker.pin();
  Bytes flipped = maker.document(), zero = flipped, large = flipped;
  flipped.back() ^= 1;
  std::fill(zero.end() - 96, zero.end(), uint8_t{0});
  std::fill(large.end() - 96, large.end(), uint8_t{0xff});
  for (const Bytes& document : {flipped, zero, large}) EXPECT_RULE(verify(document, kNow, {&root, 1}), "nitro.signature");
  Maker another_key;
  another_key.keys.back() = x::Key(x509::Algorithm::ecdsa_sha384);
  EXPECT_RULE(another_key.verify(), "nitro.signature");
}

TEST(NitroVerify, in_time_alone) {
  Maker maker;
  EXPECT_OK(maker.verify(kNow - 1000));
  EXPECT_OK(maker.verify(kNow + 996));
  EXPECT_RULE(maker.verify(kNow - 1001), "nitro.chain.early");
  EXPECT_RULE(maker.verify(kNow + 997), "nitro.chain.expired");
  EXPECT_RULE(maker.verify(kNow + 1001), "nitro.chain.expired");
  maker.fields[4].window.from = kNow + 10;
  EXPECT_RULE(maker.verify(), "nitro.chain.early");
}

}  // namespace
}  // namespace openpcc::nitro
