#include "openpcc/crypto/aead.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

using testkit::hex;

constexpr AeadId kAll[] = {AeadId::aes_128_gcm, AeadId::aes_256_gcm, AeadId::chacha20_poly1305};

Bytes key_of(AeadId id) { return Bytes(aead_key_bytes(id), 0x42); }

TEST(Aead, seals_the_example_of_rfc_8439_s2_8_2) {
  Aead aead(AeadId::chacha20_poly1305, hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  const std::string_view text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
  Bytes out(text.size() + kAeadTagBytes);
  aead.seal(hex("070000004041424344454647"), hex("50515253c0c1c2c3c4c5c6c7"), as_bytes(text), out);
  EXPECT_EQ(to_hex(ByteSpan(out).first(16)), "d31a8d34648e60db7b86afbc53ef7ec2");
  EXPECT_EQ(to_hex(ByteSpan(out).last(16)), "1ae10b594f09e26a7e902ecbd0600691");
}

TEST(Aead, one_object_seals_and_opens_in_any_order_and_in_place) {
  const Bytes nonce(kAeadNonceBytes, 7);
  const Bytes aad = hex("aabb");
  for (const AeadId id : kAll) {
    Aead aead(id, key_of(id));
    for (const size_t n : {0u, 1u, 16u, 1000u}) {
      const Bytes plaintext(n, 0x61);
      Bytes buffer = plaintext;
      buffer.resize(n + kAeadTagBytes);
      aead.seal(nonce, aad, ByteSpan(buffer).first(n), buffer);
      Bytes apart(n + kAeadTagBytes);
      aead.seal(nonce, aad, plaintext, apart);
      EXPECT_EQ(buffer, apart);
      EXPECT_OK(aead.open(nonce, aad, buffer, MutableByteSpan(buffer).first(n)));
      EXPECT_TRUE(equal(ByteSpan(buffer).first(n), plaintext));
    }
  }
}

TEST(Aead, open_refuses_any_changed_part_and_leaves_zeros) {
  const Bytes nonce(kAeadNonceBytes, 7);
  const Bytes other_nonce(kAeadNonceBytes, 8);
  const Bytes plaintext = hex("0102030405");
  for (const AeadId id : kAll) {
    Aead aead(id, key_of(id));
    Bytes sealed(plaintext.size() + kAeadTagBytes);
    aead.seal(nonce, {}, plaintext, sealed);
    Bytes out(plaintext.size(), 0xff);
    EXPECT_RULE(aead.open(other_nonce, {}, sealed, out), "crypto.aead.tag");
    EXPECT_EQ(out, Bytes(plaintext.size()));
    EXPECT_RULE(aead.open(nonce, hex("00"), sealed, out), "crypto.aead.tag");
    for (size_t i = 0; i < sealed.size(); ++i) {
      Bytes bad = sealed;
      bad[i] ^= 1;
      EXPECT_RULE(aead.open(nonce, {}, bad, out), "crypto.aead.tag");
    }
    Aead other_key(id, Bytes(aead_key_bytes(id), 0x43));
    EXPECT_RULE(other_key.open(nonce, {}, sealed, out), "crypto.aead.tag");
    EXPECT_OK(aead.open(nonce, {}, sealed, out));  // a refusal spoils nothing
    EXPECT_EQ(out, plaintext);
  }
}

TEST(Aead, open_refuses_less_than_a_tag) {
  Aead aead(AeadId::aes_256_gcm, key_of(AeadId::aes_256_gcm));
  EXPECT_RULE(aead.open(Bytes(kAeadNonceBytes), {}, Bytes(15), {}), "crypto.aead.short");
  EXPECT_RULE(aead.open(Bytes(kAeadNonceBytes), {}, {}, {}), "crypto.aead.short");
}

TEST(AeadDeathTest, our_own_mistakes_end_the_process) {
  Aead aead(AeadId::aes_128_gcm, key_of(AeadId::aes_128_gcm));
  Bytes out(16);
  EXPECT_DEATH(Aead(AeadId::aes_256_gcm, Bytes(16)), "aead_key_bytes");
  EXPECT_DEATH(aead.seal(Bytes(11), {}, {}, out), "kAeadNonceBytes");
  EXPECT_DEATH(aead.seal(Bytes(12), {}, Bytes(1), out), "kAeadTagBytes");
}

}  // namespace
}  // namespace openpcc::crypto
