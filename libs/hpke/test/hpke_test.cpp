#include "openpcc/hpke/hpke.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::hpke {
namespace {

using testkit::hex;
using testkit::TestRandom;

constexpr KemId kKems[] = {KemId::dhkem_x25519_hkdf_sha256, KemId::x_wing};
constexpr AeadId kAeads[] = {AeadId::aes_128_gcm, AeadId::aes_256_gcm, AeadId::chacha20_poly1305};

Bytes seal(SenderContext& sender, ByteSpan aad, ByteSpan plaintext) {
  Bytes out(plaintext.size() + crypto::kAeadTagBytes);
  sender.seal(aad, plaintext, out);
  return out;
}

Result<Bytes> open(RecipientContext& recipient, ByteSpan aad, ByteSpan sealed) {
  Bytes out(sealed.size() < crypto::kAeadTagBytes ? 0 : sealed.size() - crypto::kAeadTagBytes);
  OPENPCC_TRY(recipient.open(aad, sealed, out));
  return out;
}

template <class Context>
Bytes exported(const Context& context, std::initializer_list<ByteSpan> exporter_context) {
  Bytes out(32);
  context.export_secret(exporter_context, out);
  return out;
}

TEST(Suite, accepts_exactly_the_registered_ids_that_we_speak) {
  for (const KemId kem : kKems) {
    for (const AeadId aead : kAeads) {
      const auto suite = parse_suite(static_cast<uint16_t>(kem), 1, static_cast<uint16_t>(aead));
      ASSERT_OK(suite);
      EXPECT_EQ(*suite, (Suite{kem, KdfId::hkdf_sha256, aead}));
    }
  }
  for (const uint16_t kem : std::initializer_list<uint16_t>{0x0000, 0x0010, 0x0030, 0x0041, 0xffff})
    EXPECT_RULE(parse_kem(kem), "hpke.7.kem");
  EXPECT_RULE(parse_suite(0x0030, 1, 2), "hpke.7.kem");
  for (const uint16_t kdf : std::initializer_list<uint16_t>{0, 2, 3, 0x11}) EXPECT_RULE(parse_suite(0x647a, kdf, 2), "hpke.7.kdf");
  for (const uint16_t aead : std::initializer_list<uint16_t>{0, 4, 0xffff}) EXPECT_RULE(parse_suite(0x647a, 1, aead), "hpke.7.aead");
}

class EverySuite : public testing::TestWithParam<std::tuple<KemId, AeadId>> {
 protected:
  const Suite suite_{std::get<0>(GetParam()), KdfId::hkdf_sha256, std::get<1>(GetParam())};
  TestRandom random_;
  const PrivateKey skR_ = PrivateKey::generate(suite_.kem, random_);
  const PublicKey pkR_ = *PublicKey::parse(suite_.kem, skR_.public_key());
  const Bytes info_ = hex("00010203");
};

INSTANTIATE_TEST_SUITE_P(All, EverySuite, testing::Combine(testing::ValuesIn(kKems), testing::ValuesIn(kAeads)));

TEST_P(EverySuite, messages_and_exports_agree) {
  Sender sender = setup_sender(suite_, pkR_, {info_}, random_);
  EXPECT_EQ(sender.enc.size(), enc_bytes(suite_.kem));
  auto recipient = setup_recipient(suite_, skR_, sender.enc, {info_});
  ASSERT_OK(recipient);
  for (const char* text : {"", "one", "two"}) {
    const Bytes sealed = seal(sender.context, as_bytes("aad"), as_bytes(text));
    const auto opened = open(*recipient, as_bytes("aad"), sealed);
    ASSERT_OK(opened);
    EXPECT_EQ(as_text(*opened), text);
  }
  EXPECT_EQ(exported(sender.context, {as_bytes("a"), as_bytes("b")}), exported(*recipient, {as_bytes("ab")}));
  EXPECT_NE(exported(sender.context, {as_bytes("ab")}), exported(*recipient, {as_bytes("ac")}));
}

TEST_P(EverySuite, info_may_come_in_parts) {
  Sender sender = setup_sender(suite_, pkR_, {hex("0001"), hex("0203")}, random_);
  EXPECT_EQ(exported(*setup_recipient(suite_, skR_, sender.enc, {info_}), {}), exported(sender.context, {}));
}

TEST_P(EverySuite, other_info_key_or_enc_opens_nothing) {
  Sender sender = setup_sender(suite_, pkR_, {info_}, random_);
  const Bytes sealed = seal(sender.context, {}, as_bytes("text"));
  auto other_info = setup_recipient(suite_, skR_, sender.enc, {hex("00010204")});
  EXPECT_RULE(open(*other_info, {}, sealed), "hpke.5.2.open");
  auto other_key = setup_recipient(suite_, PrivateKey::generate(suite_.kem, random_), sender.enc, {info_});
  EXPECT_RULE(open(*other_key, {}, sealed), "hpke.5.2.open");
  for (const size_t at : {size_t{0}, sender.enc.size() - 2}) {
    Bytes bad = sender.enc;
    bad[at] ^= 1;
    auto other_enc = setup_recipient(suite_, skR_, bad, {info_});
    ASSERT_OK(other_enc);
    EXPECT_RULE(open(*other_enc, {}, sealed), "hpke.5.2.open");
  }
}

TEST_P(EverySuite, open_refuses_wrong_order_aad_and_bytes_and_then_goes_on) {
  Sender sender = setup_sender(suite_, pkR_, {info_}, random_);
  auto recipient = setup_recipient(suite_, skR_, sender.enc, {info_});
  const Bytes first = seal(sender.context, {}, as_bytes("first"));
  const Bytes second = seal(sender.context, {}, as_bytes("second"));
  EXPECT_RULE(open(*recipient, {}, second), "hpke.5.2.open");
  EXPECT_RULE(open(*recipient, hex("00"), first), "hpke.5.2.open");
  EXPECT_RULE(open(*recipient, {}, ByteSpan(first).first(15)), "hpke.5.2.open");
  EXPECT_RULE(open(*recipient, {}, ByteSpan(first).first(20)), "hpke.5.2.open");
  EXPECT_OK(open(*recipient, {}, first));
  EXPECT_RULE(open(*recipient, {}, first), "hpke.5.2.open");  // the same message again
  EXPECT_OK(open(*recipient, {}, second));
}

TEST_P(EverySuite, nonces_follow_the_sequence_past_one_byte) {
  Sender sender = setup_sender(suite_, pkR_, {info_}, random_);
  auto recipient = setup_recipient(suite_, skR_, sender.enc, {info_});
  Bytes last;
  for (int i = 0; i < 300; ++i) {
    const Bytes sealed = seal(sender.context, {}, as_bytes("same"));
    EXPECT_NE(sealed, last);
    EXPECT_OK(open(*recipient, {}, sealed));
    last = sealed;
  }
}

TEST_P(EverySuite, an_encapsulation_made_ahead_serves_as_well) {
  Encapsulation ahead = encapsulate(pkR_, random_);
  Sender sender = setup_sender(suite_, std::move(ahead), {info_});
  EXPECT_EQ(exported(*setup_recipient(suite_, skR_, sender.enc, {info_}), {}), exported(sender.context, {}));
}

TEST(ContextDeathTest, our_own_mistakes_end_the_process) {
  TestRandom random;
  const Suite suite{KemId::x_wing, KdfId::hkdf_sha256, AeadId::aes_256_gcm};
  const PrivateKey skR = PrivateKey::generate(KemId::dhkem_x25519_hkdf_sha256, random);
  const PublicKey pkR = *PublicKey::parse(skR.kem(), skR.public_key());
  EXPECT_DEATH(setup_sender(suite, pkR, {}, random), "suite.kem");
  EXPECT_DEATH((void)setup_recipient(suite, skR, Bytes(32), {}), "suite.kem");
  Encapsulation used = encapsulate(pkR, random);
  EXPECT_DEATH(setup_sender(suite, std::move(used), {}), "enc_bytes");
}

}  // namespace
}  // namespace openpcc::hpke
