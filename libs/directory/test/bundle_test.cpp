#include "openpcc/directory/bundle.h"

#include <boost/json.hpp>

#include "world.h"

namespace openpcc::directory {
namespace {

using attest::testing_world::kNow;
using attest::testing_world::World;
namespace bj = boost::json;

class BundleTest : public testing::Test {
 protected:
  World world_;
  BundleContent content_{.epoch = 7,
                         .not_before = kNow - 10,
                         .not_after = kNow + 3600,
                         .deployment = "demo.example",
                         .gateway_authority = "gateway.example",
                         .ohttp_keys = {1, 2, 3},
                         .relays = {"https://relay-a.example", "https://relay-b.example"},
                         .beacons = {world_.beacon_note},
                         .nodes = {{0xaa}, {0xbb, 0xcc}}};

  SignedBundle signed_bundle() { return *sign_bundle(content_, world_.directory_key); }
  Result<VerifiedBundle> verify(const SignedBundle& s, UnixSeconds now = kNow, std::optional<LastSeen> last = {}) {
    return verify_bundle(s.bundle, as_bytes(s.signature), {world_.directory_key.verifier(), world_.beacon_key.verifier(), "demo.example"},
                         now, last);
  }
  Result<VerifiedBundle> verify_content() { return verify(signed_bundle()); }
  // with_statement signs any text as bundle.sig.
  Result<VerifiedBundle> with_statement(const std::string& text) {
    return verify({signed_bundle().bundle, note::sign(text, {&world_.directory_key}, 0)});
  }
  // as_json signs any JSON as a bundle of epoch 7.
  Result<VerifiedBundle> as_json(const std::string& json) {
    const std::string text = "openpcc bundle v1\n7\n" + to_base64(crypto::sha256(as_bytes(json))) + "\n";
    return verify({Bytes(json.begin(), json.end()), note::sign(text, {&world_.directory_key}, 0)});
  }
  bj::object json() { return bj::parse(as_text(signed_bundle().bundle)).as_object(); }
};

TEST_F(BundleTest, round_trip) {
  const SignedBundle signed_one = signed_bundle();
  const auto verified = verify(signed_one);
  ASSERT_OK(verified);
  const BundleContent& c = verified->content();
  EXPECT_EQ(c.epoch, 7u);
  EXPECT_EQ(c.not_before, content_.not_before);
  EXPECT_EQ(c.not_after, content_.not_after);
  EXPECT_EQ(c.gateway_authority, "gateway.example");
  EXPECT_EQ(c.ohttp_keys, content_.ohttp_keys);
  EXPECT_EQ(c.relays, content_.relays);
  EXPECT_EQ(c.nodes, content_.nodes);
  ASSERT_EQ(verified->beacons().size(), 1u);
  EXPECT_EQ(verified->beacons()[0].freshness(), world_.beacons[0].freshness());
  EXPECT_EQ(verified->digest(), crypto::sha256(signed_one.bundle));
  EXPECT_EQ(verified->seen(), (LastSeen{7, verified->digest()}));
  EXPECT_TRUE(verified->usable_at(content_.not_after));
  EXPECT_FALSE(verified->usable_at(content_.not_after + 1));
}

TEST_F(BundleTest, is_hashed_as_published) {
  SignedBundle spaced = signed_bundle();
  spaced.bundle.push_back('\n');  // the same JSON, other bytes
  EXPECT_RULE(verify(spaced), "directory.signature.digest");
}

TEST_F(BundleTest, signature_is_the_directorys) {
  SignedBundle signed_one = signed_bundle();
  const World other(2);
  EXPECT_RULE(verify(*sign_bundle(content_, other.directory_key)), "note.verify.unsigned");
  SignedBundle spoilt = signed_one;
  spoilt.signature.replace(18, 1, "8");  // the epoch
  EXPECT_RULE(verify(spoilt), "note.verify.signature");
  signed_one.signature = "nothing";
  EXPECT_RULE(verify(signed_one), "note.parse.text");
}

TEST_F(BundleTest, signature_says_one_thing_in_one_spelling) {
  const std::string digest = to_base64(crypto::sha256(signed_bundle().bundle));
  EXPECT_OK(with_statement("openpcc bundle v1\n7\n" + digest + "\n"));
  for (const std::string& text :
       {std::string("openpcc bundle v1\n"), std::string("openpcc bundle v1\n7\n"), "openpcc bundle v2\n7\n" + digest + "\n",
        "openpcc bundle v1\n07\n" + digest + "\n", "openpcc bundle v1\n7x\n" + digest + "\n", "openpcc bundle v1\n\n" + digest + "\n",
        "openpcc bundle v1\n18446744073709551616\n" + digest + "\n", "openpcc bundle v1\n7\n" + digest + "\nmore\n",
        "openpcc bundle v1\n7\n" + to_base64(Bytes(31)) + "\n", std::string("x\n")}) {
    EXPECT_RULE(with_statement(text), "directory.signature.statement") << text;
  }
  EXPECT_RULE(with_statement("openpcc bundle v1\n7\n" + to_base64(Bytes(32)) + "\n"), "directory.signature.digest");
  EXPECT_RULE(with_statement("openpcc bundle v1\n8\n" + digest + "\n"), "directory.bundle.epoch");
}

TEST_F(BundleTest, size) {
  const SignedBundle big{Bytes(kBundleBytesMax + 1), signed_bundle().signature};
  EXPECT_RULE(verify(big), "directory.bundle.too_large");
}

TEST_F(BundleTest, every_member_must_be_there_and_no_other) {
  for (const char* name : {"version", "epoch", "not_before", "not_after", "deployment", "gateway", "relays", "beacons", "nodes"}) {
    bj::object changed = json();
    changed.erase(name);
    EXPECT_RULE(as_json(bj::serialize(changed)), "directory.bundle.syntax") << name;
    changed[name] = bj::object{{"x", 1}};
    EXPECT_RULE(as_json(bj::serialize(changed)), "directory.bundle.syntax") << name;
  }
  bj::object more = json();
  more["more"] = 1;
  EXPECT_RULE(as_json(bj::serialize(more)), "directory.bundle.syntax");
  more = json();
  more["gateway"].as_object()["more"] = 1;
  EXPECT_RULE(as_json(bj::serialize(more)), "directory.bundle.syntax");
  more = json();
  more["gateway"].as_object()["ohttp_keys"] = "";
  EXPECT_RULE(as_json(bj::serialize(more)), "directory.bundle.syntax");
  more = json();
  more["nodes"].as_array().push_back("not base64");
  EXPECT_RULE(as_json(bj::serialize(more)), "directory.bundle.syntax");
  more = json();
  more["not_after"] = 253402300800;
  EXPECT_RULE(as_json(bj::serialize(more)), "directory.bundle.syntax");
  EXPECT_RULE(as_json("{\"version\":1,\"version\":1}"), "directory.bundle.syntax");
  EXPECT_RULE(as_json("[]"), "directory.bundle.syntax");
}

TEST_F(BundleTest, counts) {
  bj::object changed = json();
  changed["nodes"].as_array().resize(kNodesMax + 1, "AA==");
  EXPECT_RULE(as_json(bj::serialize(changed)), "directory.bundle.syntax");
  changed = json();
  changed["relays"].as_array().resize(kRelaysMax + 1, "x");
  EXPECT_RULE(as_json(bj::serialize(changed)), "directory.bundle.syntax");
  content_.nodes.resize(kNodesMax + 1);
  EXPECT_RULE(sign_bundle(content_, world_.directory_key), "directory.make.too_large");
  content_.nodes.assign(9, Bytes(kLeafBytesMax));
  EXPECT_RULE(sign_bundle(content_, world_.directory_key), "directory.make.too_large");
}

TEST_F(BundleTest, unknown_versions_fail_closed) {
  bj::object changed = json();
  changed["version"] = 2;
  const auto verified = as_json(bj::serialize(changed));
  EXPECT_RULE(verified, "directory.bundle.version");
  EXPECT_EQ(verified.error().code, Code::unsupported);
}

TEST_F(BundleTest, another_deployment) {
  content_.deployment = "other.example";
  EXPECT_RULE(verify_content(), "directory.bundle.deployment");
}

TEST_F(BundleTest, time) {
  const SignedBundle signed_one = signed_bundle();
  EXPECT_OK(verify(signed_one, content_.not_before - kClockSkew_s));
  EXPECT_RULE(verify(signed_one, content_.not_before - kClockSkew_s - 1), "directory.bundle.early");
  EXPECT_OK(verify(signed_one, content_.not_after));
  EXPECT_RULE(verify(signed_one, content_.not_after + 1), "directory.bundle.expired");
  content_.not_after = content_.not_before + kBundleLifetimeMax_s;
  EXPECT_OK(verify_content());
  content_.not_after += 1;
  EXPECT_RULE(verify_content(), "directory.bundle.lifetime");
  content_.not_after = content_.not_before;
  EXPECT_RULE(verify_content(), "directory.bundle.lifetime");
}

TEST_F(BundleTest, signed_times_need_signatures_and_no_clock) {
  const directory::Trust trust{world_.directory_key.verifier(), world_.beacon_key.verifier(), "demo.example"};
  const SignedBundle old = signed_bundle();
  const auto times = signed_times(old.bundle, as_bytes(old.signature), trust);
  ASSERT_OK(times);
  EXPECT_EQ(times->not_before, content_.not_before);
  EXPECT_EQ(times->not_after, content_.not_after);
  EXPECT_EQ(times->newest_beacon, world_.beacons[0].time());
  content_.beacons.clear();
  const SignedBundle bare = signed_bundle();
  EXPECT_EQ(signed_times(bare.bundle, as_bytes(bare.signature), trust)->newest_beacon, std::nullopt);
  EXPECT_RULE(signed_times(bare.bundle, as_bytes(old.signature), trust), "directory.signature.digest");
  const World other(2);
  EXPECT_RULE(signed_times(old.bundle, as_bytes(old.signature), {other.directory_key.verifier(), trust.beacon_key, "demo.example"}),
              "note.verify.unsigned");
  EXPECT_RULE(signed_times(old.bundle, as_bytes(old.signature), {trust.directory_key, trust.beacon_key, "other"}),
              "directory.bundle.deployment");
  EXPECT_RULE(signed_times(Bytes(kBundleBytesMax + 1), as_bytes(old.signature), trust), "directory.bundle.too_large");
}

TEST_F(BundleTest, beacons) {
  content_.beacons = {note::make_beacon(1, kNow + kClockSkew_s, world_.beacon_key, world_.random)};
  EXPECT_OK(verify_content());
  content_.beacons = {note::make_beacon(1, kNow + kClockSkew_s + 1, world_.beacon_key, world_.random)};
  EXPECT_RULE(verify_content(), "directory.beacon.future");
  World other(2);
  content_.beacons = {world_.beacon_note, other.beacon_note};  // another deployment's beacon
  EXPECT_RULE(verify_content(), "note.verify.unsigned");
  content_.beacons = {"no note"};
  EXPECT_RULE(verify_content(), "note.parse.text");
}

TEST_F(BundleTest, rollback_and_fork) {
  const SignedBundle seven = signed_bundle();
  const LastSeen seen = verify(seven)->seen();
  EXPECT_OK(verify(seven, kNow, seen));  // the same again
  content_.not_after -= 1;
  EXPECT_RULE(verify(signed_bundle(), kNow, seen), "directory.fork");
  content_.epoch = 6;
  EXPECT_RULE(verify(signed_bundle(), kNow, seen), "directory.rollback");
  content_.epoch = 8;
  EXPECT_OK(verify(signed_bundle(), kNow, seen));
}

TEST_F(BundleTest, two_clients_that_compare_see_a_fork) {
  const auto first = verify(signed_bundle());
  content_.gateway_authority = "gateway-for-you.example";
  const auto second = verify(signed_bundle());
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->seen().epoch, second->seen().epoch);
  EXPECT_NE(first->seen().digest, second->seen().digest);
  EXPECT_RULE(verify(signed_bundle(), kNow, first->seen()), "directory.fork");
}

TEST_F(BundleTest, leaves_hold_the_exact_evidence) {
  // Spelled in a way that no serialiser would choose.
  const std::string spelled = " " + std::string(as_text(world_.make())) + "\n";
  const auto evidence = attest::Evidence::parse(as_bytes(spelled));
  ASSERT_OK(evidence);
  const auto leaf = Leaf::parse(make_leaf(*evidence, Bytes(32, 1)));
  ASSERT_OK(leaf);
  EXPECT_EQ(as_text(leaf->evidence), spelled);
  EXPECT_EQ(leaf->node_id, evidence->node_id());
  EXPECT_EQ(leaf->chip_id, Bytes(32, 1));
}

TEST_F(BundleTest, what_is_not_a_leaf) {
  const std::string id(64, 'a');
  EXPECT_OK(Leaf::parse(as_bytes("{\"node_id\":\"" + id + "\",\"chip_id\":\"01\",\"evidence\":\"\"}")));
  for (const std::string& text :
       {std::string(), std::string("{}"), "{\"node_id\":\"" + id.substr(2) + "\",\"chip_id\":\"01\",\"evidence\":\"\"}",
        "{\"node_id\":\"" + id + "\",\"chip_id\":\"0\",\"evidence\":\"\"}",
        "{\"node_id\":\"" + id + "\",\"chip_id\":\"01\",\"evidence\":{}}",
        "{\"node_id\":\"" + id + "\",\"chip_id\":\"01\",\"evidence\":\"\",\"more\":1}"}) {
    EXPECT_RULE(Leaf::parse(as_bytes(text)), "directory.leaf.syntax") << text;
  }
}

}  // namespace
}  // namespace openpcc::directory
