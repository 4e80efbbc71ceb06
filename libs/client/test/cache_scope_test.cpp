#include "openpcc/client/cache_scope.h"

#include <algorithm>

#include "openpcc/directory/nodes.h"
#include "world.h"

namespace openpcc::client {
namespace {

using attest::testing_world::World;

constexpr UnixSeconds kMorning = 1'800'057'600;  // 00:00 UTC
constexpr std::string_view kModel = "m";

Secret<32> secret(uint8_t fill) {
  Secret<32> out;
  std::ranges::fill(out.reveal_mutable(), fill);
  return out;
}

std::string salt_of(Cache cache, std::string_view body, UnixSeconds now = kMorning, std::string_view model = kModel, uint8_t key = 1,
                    std::string_view chip = "chip") {
  const auto scope = CacheScope::of(cache, secret(key), model, as_bytes(body), now);
  return scope ? to_hex(scope->salt(as_bytes(chip)).reveal()) : "none";
}
std::string conversation(std::string_view body) { return salt_of(Cache::conversation, body); }

TEST(CacheScope, is_the_applications_choice) {
  const auto asked = [](std::initializer_list<http::Field> fields) { return http::RequestHead{"POST", "/", "h", http::Fields(fields)}; };
  EXPECT_EQ(*cache_of(asked({}), Cache::day), Cache::day);
  EXPECT_EQ(*cache_of(asked({{"openpcc-cache", "none"}}), Cache::day), Cache::none);
  EXPECT_EQ(*cache_of(asked({{"openpcc-cache", "conversation"}}), Cache::none), Cache::conversation);
  EXPECT_EQ(*cache_of(asked({{"openpcc-cache", "day"}}), Cache::none), Cache::day);
  EXPECT_RULE(cache_of(asked({{"openpcc-cache", "always"}}), Cache::none), "client.proxy.cache");
}

TEST(CacheScope, is_none_unless_opted_into) { EXPECT_EQ(salt_of(Cache::none, R"({"messages":[{"role":"user","content":"a"}]})"), "none"); }

TEST(CacheScope, of_a_day_is_of_one_model_one_chip_one_client_and_ends_at_midnight) {
  const std::string first = salt_of(Cache::day, "anything");
  EXPECT_EQ(salt_of(Cache::day, "else", kMorning + 86'399), first);
  EXPECT_NE(salt_of(Cache::day, "anything", kMorning + 86'400), first);
  EXPECT_NE(salt_of(Cache::day, "anything", kMorning, "other"), first);
  EXPECT_NE(salt_of(Cache::day, "anything", kMorning, kModel, 2), first);
  EXPECT_NE(salt_of(Cache::day, "anything", kMorning, kModel, 1, "other"), first);
}

TEST(CacheScope, of_a_conversation_lasts_as_its_messages_grow) {
  const std::string first = conversation(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]})");
  EXPECT_NE(first, "none");
  EXPECT_EQ(conversation(R"({"temperature":0,"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},
                              {"role":"assistant","content":"b"},{"role":"user","content":"c"}]})"),
            first);
  EXPECT_NE(conversation(R"({"messages":[{"role":"system","content":"t"},{"role":"user","content":"a"}]})"), first);
  EXPECT_NE(conversation(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"b"}]})"), first);
  EXPECT_NE(salt_of(Cache::day, ""), first);
}

TEST(CacheScope, of_a_conversation_is_found_in_every_api_that_has_messages) {
  const std::string messages = conversation(R"({"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})");
  EXPECT_EQ(conversation(R"({"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant"}]})"),
            messages);
  EXPECT_NE(conversation(R"({"system":"t","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]})"), messages);
  const std::string responses = conversation(R"({"instructions":"s","input":[{"role":"user","content":"a"}]})");
  EXPECT_EQ(conversation(R"({"instructions":"s","input":[{"role":"user","content":"a"},{"type":"message"}]})"), responses);
  EXPECT_NE(conversation(R"({"input":[{"role":"user","content":"a"}]})"), responses);
  EXPECT_NE(conversation(R"({"input":"a"})"), "none");
}

TEST(CacheScope, of_a_conversation_is_none_where_nothing_names_it) {
  for (const char* body : {"", "[]", "{", R"({"prompt":"a"})", R"({"messages":[]})", R"({"messages":[{"role":"system","content":"s"}]})",
                           R"({"messages":{"role":"user"}})", R"({"messages":["user"]})", R"({"messages":[{"role":7}]})"}) {
    EXPECT_EQ(conversation(body), "none") << body;
  }
}

// A message's boundary counts: the same characters cut differently are another conversation.
TEST(CacheScope, messages_do_not_run_into_each_other) {
  EXPECT_NE(conversation(R"({"system":"ab","messages":[{"role":"user","content":"c"}]})"),
            conversation(R"({"system":"a","messages":[{"role":"user","content":"bc"}]})"));
}

TEST(CacheScope, ranks_nodes_by_their_devices_and_differently_for_each_scope) {
  World world;
  world.tee.gpus = 1;
  std::vector<directory::NodePtr> nodes;
  for (uint8_t n = 1; n <= 8; ++n) {
    world.another_node(n);
    attest::Appraisal appraisal = world.verify(world.make());
    OPENPCC_CHECK(appraisal.node != nullptr);
    nodes.push_back(std::move(appraisal.node));
  }
  const auto nearest = [&](uint8_t key) {
    const auto scope = CacheScope::of(Cache::day, secret(key), kModel, {}, kMorning);
    return std::ranges::min(nodes, {}, [&](const auto& node) { return scope->rank(*node); })->node_id();
  };
  std::set<attest::NodeId> chosen;
  for (uint8_t key = 1; key <= 64; ++key) {
    EXPECT_EQ(nearest(key), nearest(key));
    chosen.insert(nearest(key));
  }
  EXPECT_EQ(chosen.size(), nodes.size()) << "64 scopes of 8 nodes: that one is left out has a probability of 0.0015, and this key is fixed";
}

}  // namespace
}  // namespace openpcc::client
