#include "openpcc/note/checkpoint.h"

#include <boost/json.hpp>

#include "openpcc/testkit/testkit.h"

namespace openpcc::note {
namespace {

using testkit::TestRandom;

SignerKey beacon_key(std::string_view name = "example.org/beacon", KeyType type = KeyType::cosignature_v1) {
  TestRandom random(7);
  return *SignerKey::generate(name, type, random);
}

TEST(Checkpoint, round_trip) {
  const Checkpoint checkpoint{"example.org/log", 18446744073709551615u, crypto::sha256(as_bytes("root"))};
  const auto again = Checkpoint::parse(checkpoint.body());
  ASSERT_OK(again);
  EXPECT_EQ(again->origin, checkpoint.origin);
  EXPECT_EQ(again->size, checkpoint.size);
  EXPECT_EQ(again->root, checkpoint.root);
}

TEST(Checkpoint, refuses_every_other_spelling) {
  const std::string root = to_base64(Bytes(32, 1));
  EXPECT_OK(Checkpoint::parse("o\n0\n" + root + "\n"));
  for (const std::string& body :
       {"o\n00\n" + root + "\n", "o\n+1\n" + root + "\n", "o\n1 \n" + root + "\n", "o\n\n" + root + "\n",
        "o\n18446744073709551616\n" + root + "\n", "o\n1\n" + root, "o\n1\n" + root + "\nextension\n", "\n1\n" + root + "\n",
        "o\n1\n" + to_base64(Bytes(31, 1)) + "\n", "o\n1\n" + root + "=\n", std::string(256, 'o') + "\n1\n" + root + "\n"}) {
    EXPECT_RULE(Checkpoint::parse(body), "note.checkpoint.syntax") << body;
  }
}

TEST(Checkpoint, shared_vectors) {
  const auto path = testkit::shared_file("vectors/c2sp-tlog/tlog.json");
  if (!path) GTEST_SKIP() << "shared vectors are absent";
  const auto vectors = boost::json::parse(as_text(testkit::read_file(*path)));
  for (const auto& entry : vectors.at("checkpoint_parse").as_array()) {
    // The roots of these are not 32 bytes, which their parser did not look at: ours refuses the good ones too.
    EXPECT_RULE(Checkpoint::parse(std::string_view(entry.at("text").as_string())), "note.checkpoint.syntax");
  }
  for (const auto& entry : vectors.at("witness_session").as_array()) {
    const std::string_view request = entry.at("request").as_string();
    const std::string_view note = request.substr(request.find("\n\n") + 2);
    EXPECT_OK(Checkpoint::parse(note.substr(0, note.find("\n\n") + 1)));
  }
}

TEST(Beacon, says_when_it_was_made) {
  TestRandom random;
  const SignerKey key = beacon_key();
  const std::string note = make_beacon(17, 1'700'000'000, key, random);
  const auto beacon = verify_beacon(as_bytes(note), key.verifier());
  ASSERT_OK(beacon);
  EXPECT_EQ(beacon->counter(), 17u);
  EXPECT_EQ(beacon->time(), 1'700'000'000);
  const std::string body = note.substr(0, note.find("\n\n") + 1);
  EXPECT_EQ(beacon->freshness(), crypto::sha256(as_bytes(body)));
}

TEST(Beacon, is_unpredictable) {
  TestRandom random;
  const SignerKey key = beacon_key();
  const auto a = verify_beacon(as_bytes(make_beacon(1, 5, key, random)), key.verifier());
  const auto b = verify_beacon(as_bytes(make_beacon(1, 5, key, random)), key.verifier());
  EXPECT_NE(a->freshness(), b->freshness());
}

TEST(Beacon, refusals) {
  TestRandom random;
  const SignerKey key = beacon_key();
  const SignerKey plain = beacon_key("example.org/beacon", KeyType::ed25519);
  const std::string note = make_beacon(1, 5, key, random);
  EXPECT_RULE(verify_beacon(as_bytes(note), plain.verifier()), "note.beacon.key_type");
  EXPECT_RULE(verify_beacon(as_bytes(note), beacon_key("example.org/other").verifier()), "note.verify.unsigned");
  EXPECT_RULE(verify_beacon(as_bytes(sign("no checkpoint\n", {&key}, 5)), key.verifier()), "note.checkpoint.syntax");
  const Checkpoint foreign{"example.org/log", 1, {}};
  EXPECT_RULE(verify_beacon(as_bytes(sign(foreign.body(), {&key}, 5)), key.verifier()), "note.beacon.origin");
}

}  // namespace
}  // namespace openpcc::note
