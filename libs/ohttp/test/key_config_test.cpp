#include "support.h"

namespace openpcc::ohttp {
namespace {

using testkit::hex;

constexpr SymmetricAlgorithms kAes128{hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_128_gcm};
constexpr SymmetricAlgorithms kChaCha{hpke::KdfId::hkdf_sha256, hpke::AeadId::chacha20_poly1305};

constexpr std::string_view kPublicKey = "31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155";

// config_bytes is an X25519 configuration, written by hand, with the pairs given in hex.
Bytes config_bytes(std::string_view pairs, std::string_view kem = "0020", std::string_view public_key = kPublicKey) {
  const Bytes algorithms = hex(pairs);
  return ByteWriter().u8(7).bytes(hex(kem)).bytes(hex(public_key)).u16(static_cast<uint16_t>(algorithms.size())).bytes(algorithms).take();
}

Bytes listed(std::initializer_list<Bytes> configs) {
  ByteWriter w;
  for (const Bytes& c : configs) w.u16(static_cast<uint16_t>(c.size())).bytes(c);
  return w.take();
}

TEST(KeyConfig, parses_and_encodes_what_it_parsed) {
  const Bytes bytes = config_bytes("0001000100010003");
  const auto config = KeyConfig::parse(bytes);
  ASSERT_OK(config);
  EXPECT_EQ(config->key_id, 7);
  EXPECT_EQ(config->kem, hpke::KemId::dhkem_x25519_hkdf_sha256);
  EXPECT_EQ(to_hex(config->public_key), kPublicKey);
  EXPECT_EQ(config->algorithms, (std::vector{kAes128, kChaCha}));
  EXPECT_EQ(config->encode(), bytes);
}

TEST(KeyConfig, of_an_x_wing_key_survives_encoding) {
  testkit::TestRandom random;
  const GatewayKey key{200, hpke::PrivateKey::generate(hpke::KemId::x_wing, random), {kAes128}};
  const auto config = KeyConfig::parse(key.config().encode());
  ASSERT_OK(config);
  EXPECT_TRUE(equal(config->public_key, key.key.public_key()));
  EXPECT_EQ(config->kem, hpke::KemId::x_wing);
}

TEST(KeyConfig, leaves_out_pairs_that_we_do_not_speak_and_repeated_ones) {
  const auto config = KeyConfig::parse(config_bytes("0002000100010003ffffffff0001000300010001"));
  ASSERT_OK(config);
  EXPECT_EQ(config->algorithms, (std::vector{kChaCha, kAes128}));
}

TEST(KeyConfig, refuses_every_cut_and_every_extension) {
  const Bytes bytes = config_bytes("0001000100010003");
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_RULE(KeyConfig::parse(ByteSpan(bytes).first(n)), "ohttp.3.1.key_config");
  EXPECT_RULE(KeyConfig::parse(concat({bytes, hex("00")})), "ohttp.3.1.key_config");
}

TEST(KeyConfig, refuses_a_list_of_pairs_that_is_empty_uneven_or_all_unknown) {
  for (const char* pairs : {"", "0001", "000100", "000100010001", "0001ffff", "00030001"}) {
    EXPECT_RULE(KeyConfig::parse(config_bytes(pairs)), "ohttp.3.1.key_config") << pairs;
  }
}

TEST(KeyConfig, refuses_a_bad_public_key) {
  EXPECT_RULE(KeyConfig::parse(config_bytes("00010001", "0020", std::string(64, '0'))), "ohttp.3.1.key_config");
}

TEST(KeyConfig, refuses_an_unknown_kem) {
  for (const char* kem : {"0010", "0030", "0000", "ffff"}) EXPECT_RULE(KeyConfig::parse(config_bytes("00010001", kem)), "ohttp.3.1.kem");
}

TEST(KeyConfigs, skips_what_we_do_not_speak_and_keeps_the_order) {
  const Bytes x25519 = config_bytes("00010001");
  Bytes second = x25519;
  second[0] = 8;
  const auto configs = parse_key_configs(listed({config_bytes("00010001", "0030"), second, config_bytes("00030001"), x25519}));
  ASSERT_OK(configs);
  ASSERT_EQ(configs->size(), 2u);
  EXPECT_EQ(configs->at(0).key_id, 8);
  EXPECT_EQ(configs->at(1).key_id, 7);
  EXPECT_EQ(encode_key_configs(*configs), listed({second, x25519}));
}

TEST(KeyConfigs, an_empty_list_holds_nothing) {
  const auto configs = parse_key_configs({});
  ASSERT_OK(configs);
  EXPECT_TRUE(configs->empty());
}

TEST(KeyConfigs, refuses_a_truncated_list) {
  const Bytes list = listed({config_bytes("00010001")});
  for (size_t n = 1; n < list.size(); ++n) EXPECT_RULE(parse_key_configs(ByteSpan(list).first(n)), "ohttp.3.2.key_configs");
}

TEST(KeyConfigs, refuses_a_malformed_configuration) {
  EXPECT_RULE(parse_key_configs(listed({config_bytes("000100"), config_bytes("00010001")})), "ohttp.3.1.key_config");
}

TEST(KeyConfigs, refuses_more_than_64_kib_before_parsing) { EXPECT_RULE(parse_key_configs(Bytes(64 * 1024 + 1)), "ohttp.3.2.key_configs"); }

}  // namespace
}  // namespace openpcc::ohttp
