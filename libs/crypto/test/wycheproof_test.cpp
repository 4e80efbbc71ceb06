// Project Wycheproof's vectors of our algorithms. Each test also asserts how many cases ran, so that a file of another shape cannot pass.
#include "openpcc/crypto/aead.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/kem.h"
#include "openpcc/crypto/sign.h"
#include "openpcc/testkit/json.h"

namespace openpcc::crypto {
namespace {

using boost::json::value;
using testkit::hex_at;
using testkit::int_at;
using testkit::text_at;

// for_each_case calls back with the group and the case.
template <class Run>
void for_each_case(const value& file, Run run) {
  for (const value& group : file.at("testGroups").as_array()) {
    for (const value& test : group.at("tests").as_array()) {
      SCOPED_TRACE(testing::Message() << "tcId " << int_at(test, "tcId"));
      run(group, test);
    }
  }
}

bool is_valid(const value& test) { return text_at(test, "result") == "valid"; }

template <size_t N>
std::array<uint8_t, N> array_at(const value& test, std::string_view key) {
  const auto out = to_array<N>(hex_at(test, key), "test.size");
  OPENPCC_CHECK(out.has_value());
  return *out;
}

void check_aead(AeadId id, const value& test) {
  Aead aead(id, hex_at(test, "key"));
  const Bytes nonce = hex_at(test, "iv");
  const Bytes aad = hex_at(test, "aad");
  const Bytes plaintext = hex_at(test, "msg");
  const Bytes expected = concat({hex_at(test, "ct"), hex_at(test, "tag")});
  Bytes sealed(plaintext.size() + kAeadTagBytes);
  aead.seal(nonce, aad, plaintext, sealed);
  EXPECT_EQ(sealed == expected, is_valid(test));
  Bytes opened(plaintext.size());
  const Result<> result = aead.open(nonce, aad, expected, opened);
  if (is_valid(test)) {
    EXPECT_OK(result);
    EXPECT_EQ(opened, plaintext);
  } else {
    EXPECT_RULE(result, "crypto.aead.tag");
  }
}

TEST(Wycheproof, aes_gcm) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/aes_gcm_test.json");
  int ran = 0;
  for_each_case(file, [&](const value& group, const value& test) {
    if (int_at(group, "ivSize") != 96 || int_at(group, "keySize") == 192) return;
    check_aead(int_at(group, "keySize") == 128 ? AeadId::aes_128_gcm : AeadId::aes_256_gcm, test);
    ++ran;
  });
  EXPECT_EQ(ran, 133);
}

TEST(Wycheproof, chacha20_poly1305) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/chacha20_poly1305_test.json");
  int ran = 0;
  for_each_case(file, [&](const value& group, const value& test) {
    if (int_at(group, "ivSize") != 96) return;
    check_aead(AeadId::chacha20_poly1305, test);
    ++ran;
  });
  EXPECT_EQ(ran, 316);
}

TEST(Wycheproof, x25519) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/x25519_test.json");
  int ran = 0;
  for_each_case(file, [&](const value&, const value& test) {
    const auto shared = X25519Private(array_at<32>(test, "private")).agree(array_at<32>(test, "public"));
    if (hex_at(test, "shared") == Bytes(32)) {
      EXPECT_RULE(shared, "crypto.x25519.zero");
    } else {
      ASSERT_OK(shared);  // "acceptable" ones are unusual, not wrong
      EXPECT_TRUE(equal(shared->reveal(), hex_at(test, "shared")));
    }
    ++ran;
  });
  EXPECT_EQ(ran, 518);
}

TEST(Wycheproof, ed25519) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/ed25519_test.json");
  int ran = 0;
  for_each_case(file, [&](const value& group, const value& test) {
    const auto key = array_at<32>(group.at("publicKey"), "pk");
    const Result<> result = ed25519_verify(key, hex_at(test, "msg"), hex_at(test, "sig"));
    if (is_valid(test)) {
      EXPECT_OK(result);
    } else {
      EXPECT_RULE(result, "crypto.ed25519.signature");
    }
    ++ran;
  });
  EXPECT_EQ(ran, 151);
}

TEST(Wycheproof, hkdf_sha256) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/hkdf_sha256_test.json");
  int ran = 0;
  for_each_case(file, [&](const value&, const value& test) {
    Bytes okm(int_at(test, "size"));
    EXPECT_EQ(okm.size() <= kHkdfOutputBytesMax, is_valid(test));
    if (!is_valid(test)) return;  // over the maximum, where the process ends
    hkdf_expand(hkdf_extract(hex_at(test, "salt"), {hex_at(test, "ikm")}).reveal(), {hex_at(test, "info")}, okm);
    EXPECT_EQ(okm, hex_at(test, "okm"));
    ++ran;
  });
  EXPECT_EQ(ran, 83);
}

TEST(Wycheproof, hmac_sha256) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/hmac_sha256_test.json");
  int ran = 0;
  for_each_case(file, [&](const value& group, const value& test) {
    const Secret<32> tag = hmac_sha256(hex_at(test, "key"), {hex_at(test, "msg")});
    EXPECT_EQ(equal(tag.reveal().first(int_at(group, "tagSize") / 8), hex_at(test, "tag")), is_valid(test));
    ++ran;
  });
  EXPECT_EQ(ran, 174);
}

TEST(Wycheproof, ml_kem_768_key_generation) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/mlkem_768_keygen_seed_test.json");
  int ran = 0;
  for_each_case(file, [&](const value&, const value& test) {
    EXPECT_TRUE(equal(MlKem768Private(array_at<64>(test, "seed")).public_key(), hex_at(test, "ek")));
    ++ran;
  });
  EXPECT_EQ(ran, 100);
}

TEST(Wycheproof, ml_kem_768_decapsulation) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/mlkem_768_test.json");
  int ran = 0;
  int seeds_of_another_size = 0;
  for_each_case(file, [&](const value&, const value& test) {
    const auto seed = to_array<64>(hex_at(test, "seed"), "test.size");
    if (!seed) {  // the type of our constructor's argument refuses these
      EXPECT_FALSE(is_valid(test));
      ++seeds_of_another_size;
      return;
    }
    const auto shared = MlKem768Private(*seed).decapsulate(hex_at(test, "c"));
    if (is_valid(test)) {
      ASSERT_OK(shared);
      EXPECT_TRUE(equal(shared->reveal(), hex_at(test, "K")));
    } else {
      EXPECT_RULE(shared, "crypto.mlkem.ciphertext_size");
    }
    ++ran;
  });
  EXPECT_EQ(ran + seeds_of_another_size, 193);
  EXPECT_GT(ran, 101);
}

TEST(Wycheproof, ml_kem_768_encapsulation) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/mlkem_768_encaps_test.json");
  int ran = 0;
  for_each_case(file, [&](const value&, const value& test) {
    const auto key = MlKem768Public::parse(hex_at(test, "ek"));
    if (is_valid(test)) {
      ASSERT_OK(key);
      std::array<uint8_t, kMlKem768CiphertextBytes> ciphertext{};
      const Secret<32> shared = key->encapsulate(array_at<32>(test, "m"), ciphertext);
      EXPECT_TRUE(equal(ciphertext, hex_at(test, "c")));
      EXPECT_TRUE(equal(shared.reveal(), hex_at(test, "K")));
    } else {
      EXPECT_RULE(key, "crypto.mlkem.public_key");
    }
    ++ran;
  });
  EXPECT_EQ(ran, 265);
}

}  // namespace
}  // namespace openpcc::crypto
