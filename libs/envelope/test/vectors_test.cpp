// spec/vectors/envelope.json: what opens is made again byte for byte and opened; what must not open is refused by exactly its rule.
#include <boost/json.hpp>
#include <map>

#include "fixture.h"

namespace openpcc::envelope {
namespace {

namespace json = boost::json;

struct VectorNode {
  NodeId id;
  forge::Bytes32 salt;
  hpke::PrivateKey key;
  hpke::PublicKey public_key;

  NodeKey node_key() const { return {id, &key}; }
  Recipient recipient() const { return {id, &public_key, Secret<32>::copy_of(salt), std::nullopt}; }
};

class EnvelopeVectors : public testing::Test {
 protected:
  void SetUp() override {
    const Bytes text = testkit::read_file(OPENPCC_ENVELOPE_VECTORS);
    ASSERT_FALSE(text.empty());
    vectors_ = json::parse(as_text(text));
    for (const json::value& v : list("nodes")) {
      const auto seed = to_array<32>(hex(v, "private_key"), "test.size");
      auto key = hpke::PrivateKey::from_bytes(hpke::KemId::x_wing, *seed);
      auto public_key = hpke::PublicKey::parse(hpke::KemId::x_wing, hex(v, "public_key"));
      ASSERT_OK(public_key);
      EXPECT_TRUE(equal(key.public_key(), public_key->bytes()));
      nodes_.emplace(text_of(v, "name"), VectorNode{*to_array<32>(hex(v, "node_id"), "test.size"),
                                                    *to_array<32>(hex(v, "salt"), "test.size"), std::move(key), std::move(*public_key)});
    }
  }

  const json::array& list(std::string_view name) const { return vectors_.at(name).as_array(); }
  static std::string text_of(const json::value& v, std::string_view name) { return std::string(v.at(name).as_string()); }
  static Bytes hex(const json::value& v, std::string_view name) { return testkit::hex(v.at(name).as_string()); }

  Result<SealedRequest> seal(const json::value& v) const {
    std::vector<Recipient> to;
    for (const json::value& name : v.at("recipients").as_array()) to.push_back(nodes_.at(std::string(name.as_string())).recipient());
    TestRandom random(v.at("random_seed").to_number<uint64_t>());
    return seal_request(std::move(to), hex(v, "message"), random);
  }

  Result<OpenedRequest> open(const std::string& at, ByteSpan envelope, uint64_t seed = 1) const {
    TestRandom random(seed);
    const NodeKey key = nodes_.at(at).node_key();
    RequestOpener opener(std::span(&key, 1), random);
    OPENPCC_TRY(opener.feed(envelope));
    return opener.finish();
  }

  void check_answer(const json::value& request, const json::value& v) const {
    auto opened = open(text_of(v, "node"), hex(request, "envelope"), v.at("random_seed").to_number<uint64_t>());
    ASSERT_OK(opened);
    EXPECT_TRUE(holds(opened->message.reveal(), hex(request, "message")));
    EXPECT_TRUE(equal(opened->hh, hex(request, "hh")));
    EXPECT_TRUE(equal(opened->th, hex(request, "th")));
    Bytes answer;
    const json::array& pieces = v.at("pieces").as_array();
    const auto profile = parse_profile(text_of(v, "profile"));
    ASSERT_TRUE(profile.has_value());
    for (size_t i = 0; i < pieces.size(); ++i)
      opened->answer.seal(testkit::hex(pieces[i].as_string()), i + 1 == pieces.size(), *profile, answer);
    EXPECT_EQ(answer, hex(v, "answer"));

    auto sealed = seal(request);
    ASSERT_OK(sealed);
    const auto message = open_answer(sealed->answer, answer);
    ASSERT_OK(message);
    EXPECT_EQ(*message, hex(v, "message"));
    EXPECT_EQ(sealed->answer.node(), nodes_.at(text_of(v, "node")).id);
  }

  json::value vectors_;
  std::map<std::string, VectorNode> nodes_;
};

TEST_F(EnvelopeVectors, requests_and_answers_are_made_again_and_open) {
  ASSERT_GE(list("requests").size(), 4u);
  for (const json::value& v : list("requests")) {
    SCOPED_TRACE(text_of(v, "name"));
    const auto sealed = seal(v);
    ASSERT_OK(sealed);
    EXPECT_EQ(sealed->envelope, hex(v, "envelope"));
    EXPECT_TRUE(equal(sealed->th, hex(v, "th")));
    EXPECT_FALSE(v.at("answers").as_array().empty());
    for (const json::value& answer : v.at("answers").as_array()) check_answer(v, answer);
  }
}

TEST_F(EnvelopeVectors, requests_are_refused_by_their_rules) {
  ASSERT_GE(list("refused_requests").size(), 20u);
  const auto at = text_of(vectors_, "requests_refused_by");
  for (const json::value& v : list("refused_requests")) {
    EXPECT_RULE(open(at, hex(v, "envelope")), text_of(v, "rule")) << text_of(v, "name");
  }
}

TEST_F(EnvelopeVectors, answers_are_refused_by_their_rules) {
  ASSERT_GE(list("refused_answers").size(), 10u);
  const auto asked = text_of(vectors_, "answers_refused_by_the_client_of");
  for (const json::value& v : list("refused_answers")) {
    for (const json::value& request : list("requests")) {
      if (text_of(request, "name") != asked) continue;
      auto sealed = seal(request);
      ASSERT_OK(sealed);
      EXPECT_RULE(open_answer(sealed->answer, hex(v, "answer")), text_of(v, "rule")) << text_of(v, "name");
    }
  }
}

}  // namespace
}  // namespace openpcc::envelope
