#include "openpcc/tpm/ak.h"

#include <algorithm>

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Machine;
using testkit::hex;
using x509::Algorithm;

constexpr uint32_t kUsual = 0x00050072;

TEST(AttestationKey, of_each_kind_with_its_name) {
  for (const Algorithm algorithm :
       {Algorithm::rsa_pkcs1_sha256, Algorithm::rsa_pss_sha384, Algorithm::ecdsa_sha256, Algorithm::ecdsa_sha384}) {
    const Machine m(algorithm);
    const Bytes area = m.public_area();
    const auto key = AttestationKey::from_public(area);
    ASSERT_OK(key);
    EXPECT_TRUE(equal(key->name(), concat({hex("000b"), digest(Hash::sha256, area)})));
    EXPECT_EQ(key->attributes()->bits, kUsual);
    EXPECT_EQ(key->bound()->scheme, m.scheme());
    EXPECT_EQ(key->bound()->hash, m.hash());
    const auto sized = AttestationKey::from_public(concat({ByteWriter().u16(static_cast<uint16_t>(area.size())).view(), area}));
    ASSERT_OK(sized);
    EXPECT_EQ(sized->fingerprint(), key->fingerprint());
  }
}

TEST(AttestationKey, a_key_that_could_sign_what_it_is_given_attests_nothing) {
  Machine m(Algorithm::ecdsa_sha256);
  EXPECT_OK(AttestationKey::from_public(m.public_area()));
  for (const uint32_t bit : {1u, 4u, 5u, 16u, 18u}) {  // fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign
    m.attributes = kUsual & ~(1u << bit);
    EXPECT_RULE(AttestationKey::from_public(m.public_area()), "tpm.ak.attributes") << bit;
  }
  for (const uint32_t bit : {0u, 3u, 8u, 9u, 12u, 17u, 19u, 20u, 31u}) {  // decrypt, x509sign and what is reserved
    m.attributes = kUsual | 1u << bit;
    EXPECT_RULE(AttestationKey::from_public(m.public_area()), "tpm.ak.attributes") << bit;
  }
  for (const uint32_t bit : {2u, 6u, 7u, 10u, 11u}) {
    m.attributes = kUsual ^ 1u << bit;
    EXPECT_OK(AttestationKey::from_public(m.public_area())) << bit;
  }
}

TEST(AttestationKey, each_form_that_is_none) {
  const Machine m(Algorithm::rsa_pkcs1_sha256), p256(Algorithm::ecdsa_sha256);
  const auto with = [](Bytes area, size_t at, std::initializer_list<uint8_t> bytes) {
    std::ranges::copy(bytes, area.begin() + static_cast<ptrdiff_t>(at));
    return AttestationKey::from_public(area);
  };
  const Bytes rsa = m.public_area(), ec = p256.public_area();
  for (size_t n = 0; n < rsa.size(); ++n) EXPECT_FALSE(AttestationKey::from_public(ByteSpan(rsa).first(n)));
  EXPECT_RULE(AttestationKey::from_public(ByteSpan(rsa).first(rsa.size() - 1)), "tpm.ak.syntax");
  EXPECT_RULE(AttestationKey::from_public(concat({rsa, Bytes(1)})), "tpm.ak.syntax");
  EXPECT_RULE(AttestationKey::from_public(Bytes(kPublicBytesMax + 1)), "tpm.ak.syntax");
  EXPECT_RULE(with(rsa, 0, {0, 8}), "tpm.ak.syntax");      // KEYEDHASH
  EXPECT_RULE(with(rsa, 2, {0, 0x12}), "tpm.ak.syntax");   // named by SM3
  EXPECT_RULE(with(rsa, 8, {1, 0}), "tpm.ak.syntax");      // a policy longer than a digest
  EXPECT_RULE(with(rsa, 10, {0, 6}), "tpm.ak.syntax");     // a storage key's AES
  EXPECT_RULE(with(rsa, 12, {0, 0x18}), "tpm.scheme");     // ECDSA
  EXPECT_RULE(with(rsa, 12, {0, 0x10}), "tpm.scheme");     // any scheme, which no restricted key has
  EXPECT_RULE(with(rsa, 14, {0, 4}), "tpm.scheme");        // SHA-1
  EXPECT_RULE(with(ec, 12, {0, 0x1a}), "tpm.scheme");      // ECDAA
  EXPECT_RULE(with(rsa, 16, {4, 0}), "tpm.ak.syntax");     // 1024 bits, and a modulus of 2048
  EXPECT_RULE(with(rsa, 18, {0, 0, 0, 3}), "tpm.ak.key");  // exponent
  EXPECT_OK(with(rsa, 18, {0, 1, 0, 1}));
  EXPECT_RULE(with(ec, 16, {0, 5}), "tpm.ak.syntax");     // P-521
  EXPECT_RULE(with(ec, 18, {0, 0x20}), "tpm.ak.syntax");  // a key derivation
  EXPECT_RULE(with(ec, 30, {0xff, 0xff}), "tpm.ak.key");  // not on the curve
}

TEST(AttestationKey, bare_keys) {
  const Machine m(Algorithm::rsa_pkcs1_sha256);
  const auto whole = AttestationKey::from_public(m.public_area());
  const auto spki = AttestationKey::from_spki(m.key.spki());
  ASSERT_OK(spki);
  EXPECT_EQ(spki->fingerprint(), whole->fingerprint());
  EXPECT_FALSE(spki->attributes());
  EXPECT_TRUE(spki->name().empty());
  const Bytes area = m.public_area();
  const auto numbers = AttestationKey::from_numbers(ByteSpan(area).subspan(24), Bytes{1, 0, 1});
  ASSERT_OK(numbers);
  EXPECT_EQ(numbers->fingerprint(), whole->fingerprint());
  EXPECT_RULE(AttestationKey::from_numbers(ByteSpan(area).subspan(24), Bytes{3}), "tpm.ak.key");
  EXPECT_RULE(AttestationKey::from_numbers(Bytes(128, 0xff), Bytes{1, 0, 1}), "tpm.ak.key");
  EXPECT_RULE(AttestationKey::from_numbers(Bytes(513, 0xff), Bytes{1, 0, 1}), "tpm.ak.key");
  EXPECT_RULE(AttestationKey::from_spki(Bytes(3)), "tpm.ak.syntax");
}

TEST(AttestationKey, files_of_each_form) {
  const Machine m(Algorithm::ecdsa_sha256);
  const auto fingerprint = m.ak().fingerprint();
  std::string pem = "-----BEGIN PUBLIC KEY-----\n" + to_base64(m.key.spki()) + "\n-----END PUBLIC KEY-----";
  for (const Bytes& file : {m.public_area(), m.key.spki(), Bytes(pem.begin(), pem.end())}) {
    const auto key = AttestationKey::read(file);
    ASSERT_OK(key);
    EXPECT_EQ(key->fingerprint(), fingerprint);
  }
  EXPECT_OK(AttestationKey::read(as_bytes(pem + "\r\n")));
  for (const std::string& bad :
       {pem + "x", pem.substr(0, 60), std::string("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"), std::string()}) {
    EXPECT_RULE(AttestationKey::read(as_bytes(bad)), "tpm.ak.syntax");
  }
  EXPECT_RULE(AttestationKey::read(Bytes(2 * kPublicBytesMax + 1)), "tpm.ak.syntax");
}

}  // namespace
}  // namespace openpcc::tpm
