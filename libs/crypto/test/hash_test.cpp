#include "openpcc/crypto/hash.h"

#include "openpcc/crypto/sha1.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

using testkit::hex;

TEST(Sha256, examples_of_fips_180) {
  EXPECT_EQ(to_hex(sha256(ByteSpan{})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha1, examples_of_fips_180) {
  EXPECT_EQ(to_hex(sha1(ByteSpan{})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(to_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Sha256, pieces_parts_and_copies_make_the_same_digest) {
  const Bytes message(1000, 0x5a);
  const Sha256Digest whole = sha256(message);
  Sha256 hash;
  hash.update(ByteSpan(message).first(1)).update({}).update(ByteSpan(message).subspan(1, 600));
  Sha256 copy = hash;
  Sha256 assigned;
  assigned = hash;
  EXPECT_EQ(hash.update(ByteSpan(message).subspan(601)).finish(), whole);
  EXPECT_EQ(copy.update(ByteSpan(message).subspan(601)).finish(), whole);
  EXPECT_EQ(assigned.update(ByteSpan(message).subspan(601)).finish(), whole);
  EXPECT_EQ(sha256({ByteSpan(message).first(64), ByteSpan(message).subspan(64)}), whole);
}

TEST(Sha256, lp_is_a_length_and_the_piece) {
  EXPECT_EQ(Sha256().lp(as_bytes("abc")).finish(), sha256(hex("00000003616263")));
  EXPECT_EQ(Sha256().lp({}).finish(), sha256(hex("00000000")));
}

TEST(Digests, examples_of_fips_180_and_202) {
  EXPECT_EQ(to_hex(sha384(as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(
      to_hex(sha512(as_bytes("abc"))),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(to_hex(sha3_256({as_bytes("a"), as_bytes("bc")})), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
  Bytes out(64);
  shake256(ByteSpan{}, out);
  EXPECT_EQ(
      to_hex(out),
      "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762fd75dc4ddd8c0f200cb05019d67b592f6fc821c49479ab48640292eacb3b7c4be");
}

TEST(Hmac, examples_of_rfc_4231) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want "), as_bytes("for nothing?")}).reveal()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const Bytes long_key(131, 0xaa);
  EXPECT_EQ(to_hex(hmac_sha256(long_key, {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")}).reveal()),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hkdf, example_1_of_rfc_5869) {
  const Bytes ikm(22, 0x0b);
  const Secret<32> prk = hkdf_extract(hex("000102030405060708090a0b0c"), {ByteSpan(ikm).first(10), ByteSpan(ikm).subspan(10)});
  EXPECT_EQ(to_hex(prk.reveal()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  Bytes okm(42);
  hkdf_expand(prk.reveal(), {hex("f0f1f2f3f4"), hex("f5f6f7f8f9")}, okm);
  EXPECT_EQ(to_hex(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(HkdfDeathTest, longest_output_is_8160_bytes) {
  const Bytes prk(32);
  Bytes out(kHkdfOutputBytesMax);
  hkdf_expand(prk, {}, out);
  out.push_back(0);
  EXPECT_DEATH(hkdf_expand(prk, {}, out), "kHkdfOutputBytesMax");
}

}  // namespace
}  // namespace openpcc::crypto
