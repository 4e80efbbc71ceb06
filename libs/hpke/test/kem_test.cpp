#include <algorithm>

#include "openpcc/hpke/hpke.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::hpke {
namespace {

using testkit::hex;
using testkit::TestRandom;

constexpr KemId kKems[] = {KemId::dhkem_x25519_hkdf_sha256, KemId::x_wing};
constexpr size_t kX25519Bytes = 32;

class EveryKem : public testing::TestWithParam<KemId> {
 protected:
  Bytes public_bytes() const { return {skR_.public_key().begin(), skR_.public_key().end()}; }

  TestRandom random_;
  const Suite suite_{GetParam(), KdfId::hkdf_sha256, AeadId::aes_256_gcm};
  const PrivateKey skR_ = PrivateKey::generate(GetParam(), random_);
};

INSTANTIATE_TEST_SUITE_P(All, EveryKem, testing::ValuesIn(kKems));

TEST_P(EveryKem, private_key_survives_export_and_import) {
  const PrivateKey again = PrivateKey::from_bytes(GetParam(), skR_.reveal_for_export());
  EXPECT_EQ(again.kem(), GetParam());
  EXPECT_TRUE(equal(again.public_key(), skR_.public_key()));
  EXPECT_EQ(again.public_key().size(), public_key_bytes(GetParam()));
}

TEST_P(EveryKem, derived_key_depends_on_every_byte_of_ikm) {
  const PrivateKey derived = PrivateKey::derive(GetParam(), Bytes(64, 1));
  EXPECT_TRUE(equal(derived.public_key(), PrivateKey::derive(GetParam(), Bytes(64, 1)).public_key()));
  EXPECT_FALSE(equal(derived.public_key(), PrivateKey::derive(GetParam(), Bytes(63, 1)).public_key()));
  EXPECT_FALSE(equal(derived.public_key(), PrivateKey::derive(GetParam(), Bytes(64, 2)).public_key()));
}

TEST_P(EveryKem, parsed_public_key_keeps_its_bytes) {
  const auto pkR = PublicKey::parse(GetParam(), skR_.public_key());
  ASSERT_OK(pkR);
  EXPECT_EQ(pkR->kem(), GetParam());
  EXPECT_TRUE(equal(pkR->bytes(), skR_.public_key()));
}

TEST_P(EveryKem, public_key_of_another_size_is_refused) {
  Bytes bytes = public_bytes();
  bytes.push_back(0);
  EXPECT_RULE(PublicKey::parse(GetParam(), bytes), "hpke.7.1.public_key");
  EXPECT_RULE(PublicKey::parse(GetParam(), ByteSpan(bytes).first(bytes.size() - 2)), "hpke.7.1.public_key");
  EXPECT_RULE(PublicKey::parse(GetParam(), {}), "hpke.7.1.public_key");
}

TEST_P(EveryKem, public_key_with_a_point_of_small_order_is_refused) {
  Bytes bytes = public_bytes();
  std::fill(bytes.end() - kX25519Bytes, bytes.end(), uint8_t{0});
  EXPECT_RULE(PublicKey::parse(GetParam(), bytes), "hpke.7.1.public_key");
}

TEST_P(EveryKem, enc_of_another_size_is_refused) {
  for (const size_t n : {size_t{0}, enc_bytes(GetParam()) - 1, enc_bytes(GetParam()) + 1}) {
    EXPECT_RULE(setup_recipient(suite_, skR_, Bytes(n), {}), "hpke.7.1.enc");
  }
}

TEST_P(EveryKem, enc_with_a_point_of_small_order_is_refused) {
  Bytes enc = encapsulate(*PublicKey::parse(GetParam(), skR_.public_key()), random_).enc;
  std::fill(enc.end() - kX25519Bytes, enc.end(), uint8_t{0});
  EXPECT_RULE(setup_recipient(suite_, skR_, enc, {}), "hpke.7.1.enc");
}

TEST_P(EveryKem, encapsulations_differ) {
  const auto pkR = PublicKey::parse(GetParam(), skR_.public_key());
  const Encapsulation first = encapsulate(*pkR, random_);
  const Encapsulation second = encapsulate(*pkR, random_);
  EXPECT_NE(first.enc, second.enc);
  EXPECT_FALSE(equals_ct(first.shared_secret.reveal(), second.shared_secret.reveal()));
}

TEST(XWing, public_key_with_an_ml_kem_coefficient_of_q_is_refused) {
  const PrivateKey skR = PrivateKey::from_bytes(KemId::x_wing, std::array<uint8_t, kPrivateKeyBytes>{});
  Bytes bytes(skR.public_key().begin(), skR.public_key().end());
  bytes[0] = 0x01;  // 12 bits little-endian: 3329 = 0xd01
  bytes[1] = static_cast<uint8_t>((bytes[1] & 0xf0) | 0x0d);
  EXPECT_RULE(PublicKey::parse(KemId::x_wing, bytes), "hpke.7.1.public_key");
}

}  // namespace
}  // namespace openpcc::hpke
