#include "openpcc/crypto/sign.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

using testkit::hex;

class Ed25519 : public testing::Test {
 protected:
  const Ed25519Private key_{*to_array<32>(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"), "test.size")};
};

TEST_F(Ed25519, example_1_of_rfc_8032_s7_1) {
  EXPECT_EQ(to_hex(key_.public_key()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Ed25519Signature signature = key_.sign({});
  EXPECT_EQ(
      to_hex(signature),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_OK(ed25519_verify(key_.public_key(), {}, signature));
}

TEST_F(Ed25519, verification_refuses_other_messages_keys_and_signatures) {
  const Bytes message = hex("010203");
  const Ed25519Signature signature = key_.sign(message);
  EXPECT_OK(ed25519_verify(key_.public_key(), message, signature));
  EXPECT_RULE(ed25519_verify(key_.public_key(), hex("010204"), signature), "crypto.ed25519.signature");
  EXPECT_RULE(ed25519_verify(Ed25519Private(std::array<uint8_t, 32>{}).public_key(), message, signature), "crypto.ed25519.signature");
  for (size_t i = 0; i < signature.size(); ++i) {
    Ed25519Signature bad = signature;
    bad[i] ^= 0x10;
    EXPECT_RULE(ed25519_verify(key_.public_key(), message, bad), "crypto.ed25519.signature");
  }
}

TEST_F(Ed25519, verification_refuses_other_sizes) {
  const Ed25519Signature signature = key_.sign({});
  EXPECT_RULE(ed25519_verify(key_.public_key(), {}, {}), "crypto.ed25519.signature");
  EXPECT_RULE(ed25519_verify(key_.public_key(), {}, ByteSpan(signature).first(63)), "crypto.ed25519.signature");
  EXPECT_RULE(ed25519_verify(key_.public_key(), {}, concat({signature, hex("00")})), "crypto.ed25519.signature");
}

TEST_F(Ed25519, verification_refuses_a_key_that_is_no_point) {
  Ed25519Public none{};
  none.fill(0xff);
  EXPECT_RULE(ed25519_verify(none, {}, key_.sign({})), "crypto.ed25519.signature");
}

}  // namespace
}  // namespace openpcc::crypto
