// The client's machine against the other side's machines, without sockets: every layer real, every cut and lie possible.
#include "both_ends.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::client {
namespace {

using namespace both_ends;

TEST(Exchange, sends_nothing_but_what_the_exchange_needs) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  const Opposite opposite = Opposite::of(world, *exchange);
  EXPECT_EQ(opposite.outer_request.head.path, "/v1/envelope");
  EXPECT_EQ(opposite.outer_request.head.fields, (bhttp::Fields{{"content-type", std::string(envelope::kRequestType)}}));
  const auto inner = bhttp::decode_request(opposite.opened.message.reveal());
  ASSERT_OK(inner);
  EXPECT_EQ(inner->head.method, "POST");
  EXPECT_EQ(inner->head.scheme, "https");
  EXPECT_EQ(inner->head.authority, "node.invalid");
  EXPECT_EQ(inner->head.path, "/v1/chat/completions");
  EXPECT_EQ(inner->head.fields,
            (bhttp::Fields{
                {"content-type", "application/json"}, {"openpcc-profile", "balanced"}, {"openpcc-not-after", std::to_string(kNow + 60)}}));
  EXPECT_EQ(as_text(inner->content), "{\"model\":\"m\"}");
}

TEST(Exchange, whole_answer_arrives_however_it_is_cut) {
  for (const size_t step : {size_t{1}, size_t{7}, size_t{1000}, SIZE_MAX}) {
    World world;
    auto exchange = world.start();
    ASSERT_OK(exchange);
    Opposite opposite = Opposite::of(world, *exchange);
    const Bytes answer = opposite.encapsulate(200, kAnswerFields, opposite.answer(inner_response("hello"), true), true, world);
    const auto seen = run(*exchange, answer, step);
    ASSERT_OK(seen);
    EXPECT_EQ(seen->status, 200);
    EXPECT_EQ(seen->content, "hello");
    EXPECT_TRUE(seen->complete);
    EXPECT_EQ(exchange->node(), world.node_id);
  }
}

TEST(Exchange, content_is_readable_before_the_answer_ends) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  Opposite opposite = Opposite::of(world, *exchange);
  const Bytes first = opposite.encapsulate(200, kAnswerFields, opposite.answer(inner_response("hel", false), false), false, world);
  Seen seen;
  ASSERT_OK(exchange->feed(first));
  ASSERT_OK(take(*exchange, seen));
  EXPECT_EQ(seen.content, "hel");
}

TEST(Exchange, gateways_refusal_is_told_apart_from_an_answer) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  Opposite opposite = Opposite::of(world, *exchange);
  const auto seen = run(*exchange, opposite.encapsulate(503, {}, Bytes(306), true, world));
  ASSERT_OK(seen);
  EXPECT_EQ(seen->refused, 503);
  EXPECT_FALSE(seen->status);
  EXPECT_TRUE(seen->complete);
}

TEST(Exchange, refuses_an_outer_answer_of_another_type) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  Opposite opposite = Opposite::of(world, *exchange);
  EXPECT_RULE(run(*exchange, opposite.encapsulate(200, {{"content-type", "text/html"}}, as_bytes("hello"), true, world)),
              "client.outer.head");
}

TEST(Exchange, a_node_that_never_sealed_its_end_gives_no_end) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  Opposite opposite = Opposite::of(world, *exchange);
  // The gateway lies: it ends its own layer cleanly around a cut answer.
  const Bytes answer = opposite.encapsulate(200, kAnswerFields, opposite.answer(inner_response("hello"), false), true, world);
  EXPECT_RULE(run(*exchange, answer), "envelope.answer.truncated");
}

TEST(Exchange, a_final_frame_without_the_messages_end_gives_no_end) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  Opposite opposite = Opposite::of(world, *exchange);
  const Bytes answer = opposite.encapsulate(200, kAnswerFields, opposite.answer(inner_response("hello", false), true), true, world);
  EXPECT_RULE(run(*exchange, answer), "client.answer.truncated");
}

TEST(Exchange, bytes_after_the_messages_end_are_refused) {
  for (const uint8_t extra : {uint8_t{0}, uint8_t{1}}) {
    World world;
    auto exchange = world.start();
    ASSERT_OK(exchange);
    Opposite opposite = Opposite::of(world, *exchange);
    Bytes inner = inner_response("hello");
    inner.push_back(extra);
    const auto seen = run(*exchange, opposite.encapsulate(200, kAnswerFields, opposite.answer(inner, true), true, world));
    EXPECT_RULE(seen, "client.answer.after_end");
  }
}

TEST(Exchange, every_cut_is_an_error) {
  World world;
  auto whole = world.start();
  ASSERT_OK(whole);
  // One exchange per cut: a machine that failed stays failed.
  for (size_t cut = 0;; cut += 13) {
    World again;
    auto exchange = again.start();
    ASSERT_OK(exchange);
    Opposite opposite = Opposite::of(again, *exchange);
    const Bytes answer = opposite.encapsulate(200, kAnswerFields, opposite.answer(inner_response("hello"), true), true, again);
    if (cut >= answer.size()) break;
    EXPECT_FALSE(run(*exchange, ByteSpan(answer).first(cut)).has_value()) << cut;
  }
}

TEST(Exchange, refuses_a_gateway_key_that_it_cannot_use) {
  World world;
  ohttp::KeyConfig broken = world.gateway_keys[0].config();
  broken.public_key.resize(5);
  const bhttp::RequestHead head{"POST", "", "", "/v1/chat/completions", {}};
  EXPECT_RULE(Exchange::start({"gateway.example", broken}, head, {}, world.recipients(), {envelope::Profile::balanced, kNow}, world.random),
              "client.gateway_key");
}

}  // namespace
}  // namespace openpcc::client
