#include "openpcc/tpm/verify.h"

#include <algorithm>

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Machine;
using forge::refused;
using x509::Algorithm;

constexpr Algorithm kAll[] = {Algorithm::rsa_pkcs1_sha256, Algorithm::rsa_pkcs1_sha384, Algorithm::rsa_pss_sha384, Algorithm::ecdsa_sha256,
                              Algorithm::ecdsa_sha384};

TEST(Verify, each_scheme_and_key) {
  for (const Algorithm algorithm : kAll) {
    const Machine m(algorithm);
    const Verification verification = m.verify();
    ASSERT_TRUE(verification.verified) << static_cast<int>(algorithm) << describe(verification.failures.front());
    EXPECT_EQ(verification.verified->values(), m.pcrs);
    ASSERT_NE(verification.verified->value(Hash::sha256, 4), nullptr);
    EXPECT_EQ(verification.verified->value(Hash::sha256, 3), nullptr);
    EXPECT_EQ(verification.verified->value(Hash::sha1, 4), nullptr);
    EXPECT_EQ(verification.verified->value(Hash::sha256, 260), nullptr);
    EXPECT_EQ(verification.verified->key().spki().size(), m.key.spki().size());
    EXPECT_TRUE(equal(verification.verified->key().spki(), m.key.spki())) << "our DER is that of OpenSSL";
  }
}

TEST(Verify, banks_are_joined_in_the_order_of_the_quote) {
  Machine m(Algorithm::ecdsa_sha256);
  m.pcrs = forge::values(Hash::sha1, {3});
  m.pcrs.merge(forge::values(Hash::sha256, {0, 9}));
  m.selections = {{Hash::sha256, 0x201}, {Hash::sha1, 0x8}};
  EXPECT_TRUE(m.verify().verified);
  std::swap(m.selections[0], m.selections[1]);
  EXPECT_TRUE(m.verify().verified);
  const Bytes quote = m.quote(), signature = m.signature_of(quote);
  std::swap(m.selections[0], m.selections[1]);
  m.digest = parse_quote(quote)->pcr_digest;
  EXPECT_TRUE(refused(m.verify(), "tpm.digest"));
}

TEST(Verify, another_key_or_another_quote) {
  const Machine m(Algorithm::ecdsa_sha256), other(Algorithm::ecdsa_sha256);
  EXPECT_TRUE(refused(verify(m.quote(), m.signature(), other.ak(), m.pcrs), "tpm.signature"));
  Bytes quote = m.quote();
  quote[10] ^= 1;
  EXPECT_TRUE(refused(verify(quote, m.signature(), m.ak(), m.pcrs), "tpm.signature"));
}

TEST(Verify, a_scheme_that_is_not_the_keys) {
  const Machine p256(Algorithm::ecdsa_sha256), p384(Algorithm::ecdsa_sha384), rsa(Algorithm::rsa_pkcs1_sha256);
  EXPECT_TRUE(refused(verify(p256.quote(), p384.signature_of(p256.quote()), p256.ak(), p256.pcrs), "tpm.scheme"));
  EXPECT_TRUE(refused(verify(p256.quote(), rsa.signature_of(p256.quote()), p256.ak(), p256.pcrs), "tpm.scheme"));
  EXPECT_TRUE(refused(verify(rsa.quote(), p256.signature_of(rsa.quote()), rsa.ak(), rsa.pcrs), "tpm.scheme"));
  // Without a public area the key is bound to no scheme, but its kind still is.
  const auto bare = AttestationKey::from_spki(p256.key.spki());
  ASSERT_OK(bare);
  EXPECT_TRUE(refused(verify(p256.quote(), p384.signature_of(p256.quote()), *bare, p256.pcrs), "tpm.scheme"));
  EXPECT_TRUE(refused(verify(p256.quote(), rsa.signature_of(p256.quote()), *bare, p256.pcrs), "tpm.scheme"));
  EXPECT_TRUE(verify(p256.quote(), p256.signature(), *bare, p256.pcrs).verified);
}

// A key bound to PKCS #1 with SHA-256 that signed with SHA-384 is another machine's policy, not this key's.
TEST(Verify, a_digest_that_is_not_the_keys) {
  const Machine m(Algorithm::rsa_pkcs1_sha256);
  Bytes signature = m.signature();
  signature[3] = 0x0c;
  EXPECT_TRUE(refused(verify(m.quote(), signature, m.ak(), m.pcrs), "tpm.scheme"));
}

TEST(Verify, values_are_of_exactly_the_selected_pcrs) {
  const Machine m(Algorithm::ecdsa_sha256);
  const auto with = [&](auto change) {
    Banks values = m.pcrs;
    change(values);
    return verify(m.quote(), m.signature(), m.ak(), values);
  };
  EXPECT_TRUE(refused(with([](Banks& v) { v[Hash::sha256].erase(4); }), "tpm.pcrs"));
  EXPECT_TRUE(refused(with([](Banks& v) { v[Hash::sha256][8] = Bytes(32); }), "tpm.pcrs")) << "a value that nobody signed";
  EXPECT_TRUE(refused(with([](Banks& v) { v[Hash::sha1][8] = Bytes(20); }), "tpm.pcrs")) << "a bank that nobody signed";
  EXPECT_TRUE(refused(with([](Banks& v) { v[Hash::sha256][4].pop_back(); }), "tpm.pcrs"));
  EXPECT_TRUE(refused(with([](Banks& v) { v = {}; }), "tpm.pcrs"));
  EXPECT_TRUE(refused(with([](Banks& v) { v[Hash::sha256][4][0] ^= 1; }), "tpm.digest"));
  EXPECT_TRUE(refused(with([](Banks& v) { std::swap(v[Hash::sha256][4], v[Hash::sha256][7]); }), "tpm.digest"));
}

TEST(Verify, everything_that_is_wrong_is_told) {
  const Machine m(Algorithm::ecdsa_sha256), other(Algorithm::ecdsa_sha256);
  Banks values = m.pcrs;
  values[Hash::sha256][0][0] ^= 1;
  const Verification verification = verify(m.quote(), other.signature_of(m.quote()), m.ak(), values);
  ASSERT_EQ(verification.failures.size(), 2u);
  EXPECT_EQ(verification.failures[0].rule.id(), "tpm.signature");
  EXPECT_EQ(verification.failures[1].rule.id(), "tpm.digest");
  EXPECT_EQ(verify(Bytes(3), Bytes(3), m.ak(), values).failures.size(), 2u);
}

}  // namespace
}  // namespace openpcc::tpm
