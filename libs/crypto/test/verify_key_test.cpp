// Wycheproof's vectors, and what they leave out: keys. Each test asserts how many cases ran, so that a file of another shape cannot pass.
#include "openpcc/crypto/verify_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "openpcc/crypto/hash.h"
#include "openpcc/testkit/json.h"

namespace openpcc::crypto {
namespace {

using testkit::hex_at;
using testkit::text_at;

struct Counts {
  int good = 0;
  int refused = 0;
};

// check counts a case whose result must be as the file says.
void check(Counts& counts, const boost::json::value& test, const Result<>& result, std::string_view rule) {
  SCOPED_TRACE(testing::Message() << "tcId " << testkit::int_at(test, "tcId"));
  if (text_at(test, "result") == "valid") {
    ++counts.good;
    EXPECT_OK(result);
  } else {
    ++counts.refused;
    EXPECT_RULE(result, rule);
  }
}

Counts run_ecdsa(const boost::json::value& file, Curve curve) {
  Counts counts;
  for (const auto& group : file.at("testGroups").as_array()) {
    const Bytes point = hex_at(group.at("publicKey"), "uncompressed");
    const auto key = EcdsaPublic::from_point(curve, ByteSpan(point).subspan(1));
    EXPECT_OK(key);
    if (!key) continue;
    for (const auto& test : group.at("tests").as_array()) {
      check(counts, test, key->verify(hex_at(test, "msg"), hex_at(test, "sig")), "crypto.ecdsa.signature");
    }
  }
  return counts;
}

TEST(EcdsaPublic, p256_of_wycheproof) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
  const Counts counts = run_ecdsa(file, Curve::p256);
  EXPECT_EQ(counts.good, 173);
  EXPECT_EQ(counts.refused, 89);
}

TEST(EcdsaPublic, p384_of_wycheproof) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/ecdsa_secp384r1_sha384_p1363_test.json");
  const Counts counts = run_ecdsa(file, Curve::p384);
  EXPECT_EQ(counts.good, 193);
  EXPECT_EQ(counts.refused, 87);
}

void run_pss(const boost::json::value& file) {
  Counts counts;
  for (const auto& group : file.at("testGroups").as_array()) {
    const auto key = RsaPublic::from_numbers(hex_at(group.at("publicKey"), "modulus"), hex_at(group.at("publicKey"), "publicExponent"));
    ASSERT_OK(key);
    for (const auto& test : group.at("tests").as_array()) {
      check(counts, test, key->verify_pss_sha384(hex_at(test, "msg"), hex_at(test, "sig")), "crypto.rsa.signature");
    }
  }
  EXPECT_EQ(counts.good, 95);
  EXPECT_EQ(counts.refused, 46);
}

TEST(RsaPublic, pss_of_wycheproof) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/rsa_pss_4096_sha384_mgf1_48_test.json");
  run_pss(file);
}

TEST(RsaPublic, pss_of_wycheproof_with_a_short_key) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/rsa_pss_2048_sha384_mgf1_48_test.json");
  run_pss(file);
}

// A TPM salts with as many bytes as the digest has, or with as many as fit, which is one of the vectors' refused ones.
TEST(RsaPublic, pss_of_a_tpm) {
  OPENPCC_SHARED_JSON(file, "vectors/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json");
  Counts counts;
  for (const auto& group : file.at("testGroups").as_array()) {
    const auto key = RsaPublic::from_numbers(hex_at(group.at("publicKey"), "modulus"), hex_at(group.at("publicKey"), "publicExponent"));
    ASSERT_OK(key);
    for (const auto& test : group.at("tests").as_array()) {
      const Result<> checked = key->verify_pss_tpm(RsaDigest::sha256, hex_at(test, "msg"), hex_at(test, "sig"));
      if (text_at(test, "comment") == "s_len changed to 222") {
        EXPECT_OK(checked);
      } else {
        check(counts, test, checked, "crypto.rsa.signature");
      }
    }
  }
  EXPECT_EQ(counts.good, 63);
  EXPECT_EQ(counts.refused, 44);
}

// RsaKey signs whatever encoding it is given.
class RsaKey {
 public:
  RsaKey() : key_(EVP_RSA_gen(2048u)) { OPENPCC_CHECK(key_ != nullptr); }
  RsaKey(const RsaKey&) = delete;
  RsaKey& operator=(const RsaKey&) = delete;
  ~RsaKey() { EVP_PKEY_free(key_); }

  RsaPublic public_key() const {
    BIGNUM* n = nullptr;
    OPENPCC_CHECK(EVP_PKEY_get_bn_param(key_, OSSL_PKEY_PARAM_RSA_N, &n) == 1);
    Bytes modulus(256);
    OPENPCC_CHECK(BN_bn2binpad(n, modulus.data(), 256) == 256);
    BN_free(n);
    return *RsaPublic::from_numbers(modulus, Bytes{1, 0, 1});
  }
  // sign makes a proper signature, or one with the salt's length given.
  Bytes sign(const EVP_MD* md, ByteSpan message, std::optional<int> salt = std::nullopt) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* parameters = nullptr;
    OPENPCC_CHECK(EVP_DigestSignInit(context, &parameters, md, nullptr, key_) == 1);
    if (salt) {
      OPENPCC_CHECK(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1);
      OPENPCC_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, *salt) == 1);
    }
    Bytes out(256);
    size_t size = out.size();
    OPENPCC_CHECK(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()) == 1 && size == 256);
    EVP_MD_CTX_free(context);
    return out;
  }
  Bytes raise(ByteSpan encoded) const {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key_, nullptr);
    OPENPCC_CHECK(EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1);
    Bytes out(256);
    size_t size = out.size();
    OPENPCC_CHECK(EVP_PKEY_sign(context, out.data(), &size, encoded.data(), encoded.size()) == 1);
    EVP_PKEY_CTX_free(context);
    return out;
  }

 private:
  EVP_PKEY* key_;
};

TEST(RsaPublic, pkcs1_has_one_encoding) {
  const RsaKey key;
  const RsaPublic of_key = key.public_key();
  const Bytes message{1, 2, 3};
  EXPECT_OK(of_key.verify_pkcs1(RsaDigest::sha256, message, key.sign(EVP_sha256(), message)));
  EXPECT_OK(of_key.verify_pkcs1(RsaDigest::sha384, message, key.sign(EVP_sha384(), message)));
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha384, message, key.sign(EVP_sha256(), message)), "crypto.rsa.signature");
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, Bytes{1, 2}, key.sign(EVP_sha256(), message)), "crypto.rsa.signature");
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, message, Bytes(255, 1)), "crypto.rsa.signature");
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, message, Bytes(256, 0xff)), "crypto.rsa.signature") << "above the modulus";

  const Sha256Digest digest = sha256(message);
  const auto encoded = [&](size_t ones, ByteSpan info, ByteSpan rest) {
    Bytes out = concat({Bytes{0, 1}, Bytes(ones, 0xff), Bytes{0}, info, digest, rest});
    out.resize(256);
    return key.raise(out);
  };
  const Bytes info = testkit::hex("3031300d060960864801650304020105000420");
  EXPECT_OK(of_key.verify_pkcs1(RsaDigest::sha256, message, encoded(202, info, {})));
  const Bytes without_null = testkit::hex("302f300b0609608648016503040201042000");
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, message, encoded(204, ByteSpan(without_null).first(17), {})), "crypto.rsa.signature");
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, message, encoded(8, info, Bytes(194, 7))), "crypto.rsa.signature") << "short padding";
  EXPECT_RULE(of_key.verify_pkcs1(RsaDigest::sha256, message, encoded(201, info, Bytes{0})), "crypto.rsa.signature");
}

TEST(RsaPublic, salts_of_a_tpm) {
  const RsaKey key;
  const RsaPublic of_key = key.public_key();
  const Bytes message{1, 2, 3};
  for (const int salt : {32, 222}) EXPECT_OK(of_key.verify_pss_tpm(RsaDigest::sha256, message, key.sign(EVP_sha256(), message, salt)));
  for (const int salt : {48, 206}) EXPECT_OK(of_key.verify_pss_tpm(RsaDigest::sha384, message, key.sign(EVP_sha384(), message, salt)));
  for (const int salt : {0, 31, 33, 221}) {
    EXPECT_RULE(of_key.verify_pss_tpm(RsaDigest::sha256, message, key.sign(EVP_sha256(), message, salt)), "crypto.rsa.signature");
  }
  EXPECT_RULE(of_key.verify_pss_sha384(message, key.sign(EVP_sha384(), message, 206)), "crypto.rsa.signature");
}

TEST(EcdsaPublic, a_point_must_be_on_the_curve) {
  EXPECT_RULE(EcdsaPublic::from_point(Curve::p256, Bytes(64, 0)), "crypto.ecdsa.point");
  EXPECT_RULE(EcdsaPublic::from_point(Curve::p256, Bytes(64, 0xff)), "crypto.ecdsa.point");
  EXPECT_RULE(EcdsaPublic::from_point(Curve::p384, Bytes(96, 1)), "crypto.ecdsa.point");
  for (const size_t size : {0u, 63u, 65u, 96u}) EXPECT_RULE(EcdsaPublic::from_point(Curve::p256, Bytes(size, 1)), "crypto.ecdsa.point");
}

TEST(EcdsaPublic, a_point_has_one_encoding) {
  // The point of P-256 with x = 0; x = p would be the same one.
  const Bytes y = testkit::hex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
  EXPECT_OK(EcdsaPublic::from_point(Curve::p256, concat({Bytes(32, 0), y})));
  const Bytes p = testkit::hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
  EXPECT_RULE(EcdsaPublic::from_point(Curve::p256, concat({p, y})), "crypto.ecdsa.point");
}

TEST(RsaPublic, weak_and_odd_keys_are_refused) {
  const auto key = [](size_t bits, uint8_t low, ByteSpan exponent) {
    Bytes n(bits / 8, 0xa5);
    n.back() = low;
    return RsaPublic::from_numbers(n, exponent);
  };
  const Bytes f4 = {1, 0, 1};
  EXPECT_OK(key(2048, 1, f4));
  EXPECT_OK(key(4096, 1, f4));
  EXPECT_RULE(key(1024, 1, f4), "crypto.rsa.key");
  EXPECT_RULE(key(8192, 1, f4), "crypto.rsa.key");
  EXPECT_RULE(key(2048, 2, f4), "crypto.rsa.key");
  EXPECT_RULE(key(2048, 1, Bytes{3}), "crypto.rsa.key");
  EXPECT_RULE(key(2048, 1, Bytes(9, 1)), "crypto.rsa.key");
  EXPECT_RULE(RsaPublic::from_numbers({}, {}), "crypto.rsa.key");
}

}  // namespace
}  // namespace openpcc::crypto
