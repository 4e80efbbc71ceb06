// Vectors made by others: RFC 9180 with its successor's edge cases, draft-ietf-hpke-pq, X-Wing, and our own suite's.
#include "fixed_random.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/testkit/json.h"

namespace openpcc::hpke {
namespace {

using boost::json::value;
using testkit::hex_at;
using testkit::int_at;
using testkit::text_at;

bool has(const value& object, std::string_view key) { return object.as_object().contains(key); }

uint16_t id_at(const value& object, std::string_view key) { return object.at(key).to_number<uint16_t>(); }

PrivateKey private_key(KemId kem, ByteSpan bytes) { return PrivateKey::from_bytes(kem, *to_array<kPrivateKeyBytes>(bytes, "test.size")); }

// Both sides of one vector.
struct Pair {
  SenderContext sender;
  RecipientContext recipient;
};

// agree sets up both sides from the vector's keys and randomness, and checks every value on the way that the vector names.
Pair agree(const Suite& suite, ByteSpan skRm, ByteSpan randomness, const value& vector) {
  const Bytes info = hex_at(vector, "info");
  const Bytes enc = hex_at(vector, "enc");
  const PrivateKey skR = private_key(suite.kem, skRm);
  EXPECT_TRUE(equal(skR.public_key(), hex_at(vector, "pkRm")));
  FixedRandom random(randomness);
  Encapsulation made = encapsulate(*PublicKey::parse(suite.kem, skR.public_key()), random);
  EXPECT_TRUE(random.used_up());
  EXPECT_EQ(made.enc, enc);
  EXPECT_TRUE(equal(made.shared_secret.reveal(), hex_at(vector, "shared_secret")));
  Sender sender = setup_sender(suite, std::move(made), {info});
  auto recipient = setup_recipient(suite, skR, enc, {info});
  OPENPCC_CHECK(recipient.has_value());
  return {std::move(sender.context), std::move(*recipient)};
}

void check_message(Pair& pair, const value& message) {
  const Bytes aad = hex_at(message, "aad");
  const Bytes plaintext = hex_at(message, "pt");
  const Bytes expected = hex_at(message, "ct");
  Bytes sealed(plaintext.size() + crypto::kAeadTagBytes);
  pair.sender.seal(aad, plaintext, sealed);
  EXPECT_EQ(sealed, expected);
  Bytes opened(plaintext.size());
  EXPECT_OK(pair.recipient.open(aad, expected, opened));
  EXPECT_EQ(opened, plaintext);
}

// skip_message passes over a number that the vector says nothing about.
void skip_message(Pair& pair) {
  Bytes sealed(crypto::kAeadTagBytes);
  pair.sender.seal({}, {}, sealed);
  EXPECT_OK(pair.recipient.open({}, sealed, {}));
}

void check_messages(Pair& pair, const value& vector) {
  size_t next = 0;
  for (const value& message : vector.at("encryptions").as_array()) {
    const size_t sequence = has(message, "sequence_number") ? int_at(message, "sequence_number") : next;
    for (; next < sequence; ++next) skip_message(pair);
    check_message(pair, message);
    ++next;
  }
}

void check_exports(const Pair& pair, const value& vector) {
  for (const value& exported : vector.at("exports").as_array()) {
    const Bytes context = hex_at(exported, "exporter_context");
    Bytes out(int_at(exported, "L"));
    pair.sender.export_secret({context}, out);
    EXPECT_EQ(out, hex_at(exported, "exported_value"));
    pair.recipient.export_secret({context}, out);
    EXPECT_EQ(out, hex_at(exported, "exported_value"));
  }
}

// check_x_wing takes a whole vector in the form of draft-ietf-hpke-pq, where ikmE is the randomness of the encapsulation.
void check_x_wing(const Suite& suite, const value& vector) {
  const PrivateKey skR = PrivateKey::derive(suite.kem, hex_at(vector, "ikmR"));
  EXPECT_TRUE(equal(skR.reveal_for_export(), hex_at(vector, "skRm")));
  Pair pair = agree(suite, skR.reveal_for_export(), hex_at(vector, "ikmE"), vector);
  check_messages(pair, vector);
  check_exports(pair, vector);
}

TEST(Vectors, rfc_9180_base_mode_with_x25519) {
  OPENPCC_SHARED_JSON(file, "vectors/hpke-rfc9180/hpke_bis_vectors.json");
  int ran = 0;
  for (const value& vector : file.as_array()) {
    SCOPED_TRACE(text_at(vector, "suite"));
    const auto suite = parse_suite(id_at(vector, "kem_id"), id_at(vector, "kdf_id"), id_at(vector, "aead_id"));
    if (!suite || id_at(vector, "mode") != 0) continue;  // the file has PSK, P-256 and export-only ones too
    const PrivateKey skR = PrivateKey::derive(suite->kem, hex_at(vector, "ikmR"));
    EXPECT_TRUE(equal(skR.reveal_for_export(), hex_at(vector, "skRm")));
    const PrivateKey skE = PrivateKey::derive(suite->kem, hex_at(vector, "ikmE"));
    Pair pair = agree(*suite, skR.reveal_for_export(), skE.reveal_for_export(), vector);
    check_messages(pair, vector);
    check_exports(pair, vector);
    ++ran;
  }
  EXPECT_EQ(ran, 5);
}

TEST(Vectors, hpke_pq_with_x_wing_and_hkdf_sha256) {
  OPENPCC_SHARED_JSON(file, "vectors/hpke-pq/test-vectors.json");
  int ran = 0;
  for (const value& vector : file.as_array()) {
    const auto suite = parse_suite(id_at(vector, "kem_id"), id_at(vector, "kdf_id"), id_at(vector, "aead_id"));
    if (!suite) continue;
    check_x_wing(*suite, vector);
    ++ran;
  }
  EXPECT_EQ(ran, 1);
}

TEST(Vectors, hpke_pq_derives_x_wing_keys_whatever_the_kdf) {
  OPENPCC_SHARED_JSON(file, "vectors/hpke-pq/test-vectors.json");
  int ran = 0;
  for (const value& vector : file.as_array()) {
    if (id_at(vector, "kem_id") != static_cast<uint16_t>(KemId::x_wing)) continue;
    const PrivateKey skR = PrivateKey::derive(KemId::x_wing, hex_at(vector, "ikmR"));
    EXPECT_TRUE(equal(skR.reveal_for_export(), hex_at(vector, "skRm")));
    EXPECT_TRUE(equal(skR.public_key(), hex_at(vector, "pkRm")));
    FixedRandom random(hex_at(vector, "ikmE"));
    const Encapsulation made = encapsulate(*PublicKey::parse(KemId::x_wing, skR.public_key()), random);
    EXPECT_EQ(made.enc, hex_at(vector, "enc"));
    EXPECT_TRUE(equal(made.shared_secret.reveal(), hex_at(vector, "shared_secret")));
    ++ran;
  }
  EXPECT_EQ(ran, 2);
}

// tools/vectors/make-hpke.sh makes this file with two implementations that are not ours.
TEST(Vectors, our_own_suite) {
  const value file = testkit::read_json(OPENPCC_SPEC_VECTORS "/hpke-suite1.json");
  for (const value& vector : file.as_array()) {
    SCOPED_TRACE(text_at(vector, "name"));
    const auto suite = parse_suite(id_at(vector, "kem_id"), id_at(vector, "kdf_id"), id_at(vector, "aead_id"));
    ASSERT_OK(suite);
    EXPECT_EQ(*suite, (Suite{KemId::x_wing, KdfId::hkdf_sha256, AeadId::aes_256_gcm}));
    check_x_wing(*suite, vector);
  }
  EXPECT_EQ(file.as_array().size(), 5u);
}

TEST(Vectors, x_wing_draft) {
  OPENPCC_SHARED_JSON(file, "vectors/xwing/test-vectors.json");
  const Suite suite{KemId::x_wing, KdfId::hkdf_sha256, AeadId::aes_256_gcm};
  for (const value& vector : file.as_array()) {
    const PrivateKey skR = private_key(KemId::x_wing, hex_at(vector, "seed"));
    EXPECT_TRUE(equal(skR.public_key(), hex_at(vector, "pk")));
    FixedRandom random(hex_at(vector, "eseed"));
    Encapsulation made = encapsulate(*PublicKey::parse(KemId::x_wing, skR.public_key()), random);
    EXPECT_EQ(made.enc, hex_at(vector, "ct"));
    EXPECT_TRUE(equal(made.shared_secret.reveal(), hex_at(vector, "ss")));
    // The recipient's secret shows in what it exports.
    const Sender sender = setup_sender(suite, std::move(made), {});
    const auto recipient = setup_recipient(suite, skR, hex_at(vector, "ct"), {});
    ASSERT_OK(recipient);
    Bytes sent(32);
    Bytes received(32);
    sender.context.export_secret({}, sent);
    recipient->export_secret({}, received);
    EXPECT_EQ(sent, received);
  }
  EXPECT_EQ(file.as_array().size(), 3u);
}

}  // namespace
}  // namespace openpcc::hpke
