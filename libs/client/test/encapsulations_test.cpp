#include "openpcc/client/encapsulations.h"

#include <set>

#include "openpcc/testkit/testkit.h"

namespace openpcc::client {
namespace {

constexpr hpke::Suite kSuite{hpke::KemId::x_wing, hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_256_gcm};

struct Keys {
  testkit::TestRandom random;
  hpke::PrivateKey private_key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  hpke::PublicKey key = *hpke::PublicKey::parse(hpke::KemId::x_wing, private_key.public_key());
  hpke::PrivateKey other_private = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  hpke::PublicKey other = *hpke::PublicKey::parse(hpke::KemId::x_wing, other_private.public_key());
};

size_t make_all(Encapsulations& encapsulations, Random& random) {
  size_t made = 0;
  while (encapsulations.make_one(random)) ++made;
  return made;
}

TEST(Encapsulations, none_are_there_for_keys_that_nobody_named) {
  Keys keys;
  Encapsulations encapsulations;
  EXPECT_FALSE(encapsulations.make_one(keys.random));
  EXPECT_FALSE(encapsulations.take(keys.key));
}

TEST(Encapsulations, each_is_given_out_once) {
  Keys keys;
  Encapsulations encapsulations;
  encapsulations.keep({{keys.key, 3}, {keys.other, 1}});
  EXPECT_EQ(make_all(encapsulations, keys.random), 4u);
  std::set<Bytes> seen;
  for (int i = 0; i < 3; ++i) {
    const auto one = encapsulations.take(keys.key);
    ASSERT_TRUE(one);
    EXPECT_TRUE(seen.insert(one->enc).second);
  }
  EXPECT_FALSE(encapsulations.take(keys.key));
  EXPECT_EQ(make_all(encapsulations, keys.random), 3u);
}

TEST(Encapsulations, they_open_at_the_key_that_they_were_made_for) {
  Keys keys;
  Encapsulations encapsulations;
  encapsulations.keep({{keys.key, 1}, {keys.other, 1}});
  make_all(encapsulations, keys.random);
  auto one = encapsulations.take(keys.other);
  ASSERT_TRUE(one);
  hpke::Sender sender = hpke::setup_sender(kSuite, std::move(*one), {as_bytes("info")});
  Bytes sealed(5 + 16);
  sender.context.seal({}, as_bytes("hello"), sealed);
  auto recipient = hpke::setup_recipient(kSuite, keys.other_private, sender.enc, {as_bytes("info")});
  ASSERT_OK(recipient);
  Bytes opened(5);
  ASSERT_OK(recipient->open({}, sealed, opened));
  EXPECT_EQ(as_text(opened), "hello");
}

TEST(Encapsulations, the_poorest_key_comes_first) {
  Keys keys;
  Encapsulations encapsulations;
  encapsulations.keep({{keys.key, 8}, {keys.other, 2}});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(encapsulations.make_one(keys.random));
  EXPECT_TRUE(encapsulations.take(keys.other));
  EXPECT_TRUE(encapsulations.take(keys.key));
}

TEST(Encapsulations, keys_that_stay_keep_theirs_and_others_lose_them) {
  Keys keys;
  Encapsulations encapsulations;
  encapsulations.keep({{keys.key, 2}, {keys.other, 2}});
  make_all(encapsulations, keys.random);
  encapsulations.keep({{keys.key, 2}});
  EXPECT_FALSE(encapsulations.take(keys.other));
  EXPECT_EQ(make_all(encapsulations, keys.random), 0u);
  EXPECT_TRUE(encapsulations.take(keys.key));
}

}  // namespace
}  // namespace openpcc::client
