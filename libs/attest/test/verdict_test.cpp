#include "openpcc/attest/verdict.h"

#include <boost/json.hpp>

#include "world.h"

namespace openpcc::attest {
namespace {

using testing_world::World;

TEST(Verdict, exit_codes) {
  EXPECT_EQ(static_cast<int>(Outcome::accept), 0);
  EXPECT_EQ(static_cast<int>(Outcome::accept_simulated), 3);
  EXPECT_EQ(static_cast<int>(Outcome::reject), 10);
  EXPECT_EQ(static_cast<int>(Outcome::unsupported), 20);
  EXPECT_EQ(static_cast<int>(Outcome::malformed), 30);
}

TEST(Verdict, text_of_an_accepted_node_never_hides_that_it_is_simulated) {
  World world;
  const Verdict verdict = world.verify(world.make()).verdict;
  const std::string text = verdict.text(false);
  EXPECT_TRUE(text.starts_with("ACCEPTED, SIMULATED")) << text;
  EXPECT_NE(text.find("one person may run every role"), std::string::npos);
  EXPECT_NE(text.find("exceptions taken by the policy: no_chip_ledger"), std::string::npos);
  EXPECT_NE(text.find("not provable  non targetability"), std::string::npos) << text;
  EXPECT_EQ(text.find("rule "), std::string::npos) << text;
  const std::string explained = verdict.text(true);
  for (const Row& row : verdict.rows()) EXPECT_NE(explained.find("rule     " + std::string(row.rule.id())), std::string::npos);
}

TEST(Verdict, text_of_a_refusal_gives_rule_and_remedy_unasked) {
  World world;
  world.tee.debug = true;
  const std::string text = world.verify(world.make()).verdict.text(false);
  EXPECT_TRUE(text.starts_with("REJECTED")) << text;
  EXPECT_NE(text.find("rule     attest.debug.enabled"), std::string::npos);
  EXPECT_NE(text.find("remedy   start the node without debug"), std::string::npos);
}

TEST(Verdict, json_has_every_row) {
  World world;
  const Bytes evidence = world.make();
  const Appraisal appraisal = world.verify(evidence);
  const auto json = boost::json::parse(appraisal.verdict.json());
  EXPECT_EQ(json.at("outcome").as_string(), "accept_simulated");
  EXPECT_EQ(json.at("exit_code").to_number<int>(), 3);
  EXPECT_EQ(json.at("node_id").as_string(), to_hex(appraisal.node->node_id()));
  EXPECT_EQ(json.at("evidence_sha256").as_string(), to_hex(crypto::sha256(evidence)));
  EXPECT_EQ(json.at("policy_sha256").as_string(), to_hex(crypto::sha256(as_bytes(world.policy_text.text()))));
  EXPECT_EQ(json.at("exceptions").as_array().at(0).as_string(), "no_chip_ledger");
  ASSERT_EQ(json.at("rows").as_array().size(), appraisal.verdict.rows().size());
  std::set<std::string_view> properties;
  for (const auto& row : json.at("rows").as_array()) properties.insert(std::string_view(row.at("property").as_string()));
  constexpr size_t kOfRealTees = 9;  // rows that a simulated TEE has nothing to say to
  EXPECT_EQ(properties.size(), static_cast<size_t>(Property::trusted_time) + 1 - kOfRealTees);
  EXPECT_FALSE(properties.contains("unknown"));
  ASSERT_EQ(json.at("gpus").as_array().size(), 2u);
  EXPECT_TRUE(json.at("gpus").as_array().at(0).at("findings").as_array().empty()) << "rows say all that there is of a simulated one";
}

TEST(Verdict, malformed_evidence_names_no_node) {
  const World world;
  const Verdict verdict = world.verify(as_bytes("{}")).verdict;
  EXPECT_FALSE(verdict.node_id());
  EXPECT_TRUE(boost::json::parse(verdict.json()).at("node_id").is_null());
  EXPECT_TRUE(verdict.text(false).starts_with("MALFORMED"));
  EXPECT_EQ(verdict.row(Property::gpu), nullptr);
  ASSERT_NE(verdict.first_refusal(), nullptr);
  EXPECT_EQ(verdict.first_refusal()->rule.id(), "attest.cmw.missing");
}

TEST(Verdict, what_a_peer_wrote_cannot_steer_a_terminal) {
  const World world;
  const std::string text = world.verify(as_bytes("{\"\\u001b[2Jx\":1}")).verdict.text(true);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("?[2Jx"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("UNSUPPORTED"));
}

}  // namespace
}  // namespace openpcc::attest
