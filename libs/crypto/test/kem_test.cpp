#include "openpcc/crypto/kem.h"

#include "openpcc/crypto/random.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

using testkit::hex;

template <size_t N>
std::array<uint8_t, N> array(std::string_view text) {
  return *to_array<N>(hex(text), "test.size");
}

TEST(X25519, example_of_rfc_7748_s6_1) {
  const X25519Private bob(array<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(to_hex(bob.public_key()), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const auto shared = bob.agree(array<32>("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  ASSERT_OK(shared);
  EXPECT_EQ(to_hex(shared->reveal()), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(X25519, agreement_refuses_every_point_of_small_order) {
  const X25519Private key(array<32>("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  for (const char* point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    EXPECT_RULE(key.agree(array<32>(point)), "crypto.x25519.zero");
  }
}

class MlKem768 : public testing::Test {
 protected:
  MlKem768() { random_.fill(seed_); }

  SystemRandom random_;
  std::array<uint8_t, 64> seed_{};
};

TEST_F(MlKem768, both_sides_agree_and_randomness_decides_the_ciphertext) {
  const MlKem768Private key(seed_);
  const auto public_key = MlKem768Public::parse(key.public_key());
  ASSERT_OK(public_key);
  const std::array<uint8_t, 32> randomness{1, 2, 3};
  std::array<uint8_t, kMlKem768CiphertextBytes> first{};
  std::array<uint8_t, kMlKem768CiphertextBytes> second{};
  const Secret<32> shared = public_key->encapsulate(randomness, first);
  EXPECT_TRUE(equals_ct(shared.reveal(), public_key->encapsulate(randomness, second).reveal()));
  EXPECT_EQ(first, second);
  EXPECT_TRUE(equals_ct(shared.reveal(), key.decapsulate(first)->reveal()));
}

TEST_F(MlKem768, wrong_ciphertext_is_rejected_implicitly) {
  const MlKem768Private key(seed_);
  std::array<uint8_t, kMlKem768CiphertextBytes> ciphertext{};
  const Secret<32> shared = MlKem768Public::parse(key.public_key())->encapsulate(std::array<uint8_t, 32>{}, ciphertext);
  ciphertext[0] ^= 1;
  const auto other = key.decapsulate(ciphertext);
  ASSERT_OK(other);
  EXPECT_FALSE(equals_ct(shared.reveal(), other->reveal()));
}

TEST_F(MlKem768, decapsulation_refuses_other_sizes) {
  const MlKem768Private key(seed_);
  for (const size_t n : {size_t{0}, kMlKem768CiphertextBytes - 1, kMlKem768CiphertextBytes + 1}) {
    EXPECT_RULE(key.decapsulate(Bytes(n)), "crypto.mlkem.ciphertext_size");
  }
}

TEST_F(MlKem768, public_key_of_wrong_size_or_with_a_coefficient_of_q_is_refused) {
  const MlKem768Private key(seed_);
  Bytes bytes(key.public_key().begin(), key.public_key().end());
  EXPECT_RULE(MlKem768Public::parse(ByteSpan(bytes).first(bytes.size() - 1)), "crypto.mlkem.public_key");
  EXPECT_RULE(MlKem768Public::parse({}), "crypto.mlkem.public_key");
  bytes[0] = 0x01;  // the first coefficient, 12 bits little-endian: 3329 = 0xd01
  bytes[1] = static_cast<uint8_t>((bytes[1] & 0xf0) | 0x0d);
  EXPECT_RULE(MlKem768Public::parse(bytes), "crypto.mlkem.public_key");
  bytes[0] = 0x00;  // 3328 is the largest good one
  EXPECT_OK(MlKem768Public::parse(bytes));
  bytes.push_back(0);
  EXPECT_RULE(MlKem768Public::parse(bytes), "crypto.mlkem.public_key");
}

TEST(SystemRandom, fills_every_byte_differently_each_time) {
  SystemRandom random;
  random.fill({});
  Bytes first(64);
  Bytes second(64);
  random.fill(first);
  random.fill(second);
  EXPECT_NE(first, second);
  EXPECT_NE(first, Bytes(64));
}

}  // namespace
}  // namespace openpcc::crypto
