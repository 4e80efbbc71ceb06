#include "openpcc/gateway/keys.h"
#include "openpcc/gateway/node_table.h"
#include "openpcc/gateway/replay_window.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::gateway {
namespace {

envelope::NodeId id(uint8_t n) {
  envelope::NodeId out{};
  out[0] = n;
  return out;
}

TEST(NodeTable, least_loaded_recipient_comes_first) {
  testkit::TestRandom random;
  NodeTable table(2);
  table.update(0, {id(1)});
  table.update(1, {id(2)});
  const NodeTable::Lease busy(table, 0);
  for (int i = 0; i < 20; ++i) {
    const auto routes = table.candidates({id(1), id(2)}, random);
    ASSERT_EQ(routes.size(), 2u);
    EXPECT_EQ(routes[0].node_id, id(2));
  }
}

TEST(NodeTable, equal_load_is_spread) {
  testkit::TestRandom random;
  NodeTable table(2);
  table.update(0, {id(1)});
  table.update(1, {id(2)});
  int first = 0;
  for (int i = 0; i < 200; ++i) first += table.candidates({id(1), id(2)}, random)[0].node == 0 ? 1 : 0;
  EXPECT_GT(first, 60);
  EXPECT_LT(first, 140);
}

TEST(NodeTable, unknown_and_replaced_keys_have_no_route) {
  testkit::TestRandom random;
  NodeTable table(1);
  table.update(0, {id(1)});
  table.update(0, {id(3)});
  EXPECT_TRUE(table.candidates({id(1), id(2)}, random).empty());
  EXPECT_EQ(table.keys(), 1u);
}

TEST(NodeTable, a_node_cannot_take_over_anothers_key) {
  testkit::TestRandom random;
  NodeTable table(2);
  table.update(0, {id(1)});
  table.update(1, {id(1)});
  EXPECT_EQ(table.candidates({id(1)}, random)[0].node, 0u);
}

TEST(ReplayWindow, refuses_a_repeated_encapsulation) {
  ReplayWindow window;
  EXPECT_OK(window.admit(id(1)));
  EXPECT_RULE(window.admit(id(1)), "gateway.replay");
  EXPECT_OK(window.admit(id(2)));
}

TEST(ReplayWindow, full_refuses_and_never_evicts) {
  ReplayWindow window(1);
  EXPECT_OK(window.admit(id(1)));
  EXPECT_RULE(window.admit(id(2)), "gateway.replay_full");
  EXPECT_RULE(window.admit(id(1)), "gateway.replay");
}

TEST(Keys, are_derived_from_the_seed_alone) {
  const std::string seed(64, 'a');
  const auto keys = keys_from_seed(as_bytes(seed));
  const auto again = keys_from_seed(as_bytes(seed));
  ASSERT_OK(keys);
  ASSERT_OK(again);
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].config().kem, hpke::KemId::x_wing);
  EXPECT_EQ((*keys)[0].config().encode(), (*again)[0].config().encode());
  EXPECT_EQ((*keys)[1].config().kem, hpke::KemId::dhkem_x25519_hkdf_sha256);
}

TEST(Keys, refuses_a_file_of_another_form) {
  EXPECT_RULE(keys_from_seed(as_bytes("abcd")), "gateway.key_file");
  EXPECT_RULE(keys_from_seed(as_bytes(std::string(64, 'z'))), "gateway.key_file");
}

}  // namespace
}  // namespace openpcc::gateway
