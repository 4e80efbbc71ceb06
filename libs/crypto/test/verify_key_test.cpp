// Wycheproof's vectors, and what they leave out: keys. Each test asserts how many cases ran, so that a file of another shape cannot pass.
#include "openpcc/crypto/verify_key.h"

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
