// The client's machine against the other side's machines, without sockets: every layer real, every cut and lie possible.
#include "openpcc/client/exchange.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::client {
namespace {

constexpr UnixSeconds kNow = 1'800'000'000;

// World is a gateway and a node's keys, held by the test.
struct World {
  testkit::TestRandom random;
  std::vector<ohttp::GatewayKey> gateway_keys;
  hpke::PrivateKey node_key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  hpke::PublicKey node_public = *hpke::PublicKey::parse(hpke::KemId::x_wing, node_key.public_key());
  envelope::NodeId node_id{7};

  World() {
    gateway_keys.push_back({1, hpke::PrivateKey::generate(hpke::KemId::x_wing, random), {{hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_256_gcm}}});
  }

  std::vector<envelope::Recipient> recipients() {
    std::vector<envelope::Recipient> out;
    out.push_back({node_id, &node_public, {}, std::nullopt});
    return out;
  }

  Result<Exchange> start() {
    const bhttp::RequestHead head{"POST", "", "", "/v1/chat/completions", {{"content-type", "application/json"}}};
    return Exchange::start({"gateway.example", gateway_keys[0].config()}, head, as_bytes("{\"model\":\"m\"}"), recipients(),
                           {envelope::Profile::balanced, kNow + 60}, random);
  }
};

// Opposite is what gateway and node together know of one exchange.
struct Opposite {
  ohttp::GatewayExchange outer;
  bhttp::Request outer_request;
  envelope::OpenedRequest opened;

  static Opposite of(World& world, const Exchange& exchange) {
    ohttp::GatewayExchange outer(world.gateway_keys, ohttp::Form::chunked, 1 << 20);
    Bytes message;
    OPENPCC_CHECK(outer.open(exchange.request(), message).has_value());
    OPENPCC_CHECK(outer.end(message).has_value());
    auto request = bhttp::decode_request(message);
    OPENPCC_CHECK(request.has_value());
    const envelope::NodeKey key{world.node_id, &world.node_key};
    envelope::RequestOpener opener({&key, 1}, world.random);
    OPENPCC_CHECK(opener.feed(ByteSpan(request->content).subspan(envelope::kAuthorisationBytes)).has_value());
    auto opened = opener.finish();
    OPENPCC_CHECK(opened.has_value());
    return {std::move(outer), std::move(*request), std::move(*opened)};
  }

  // answer is the node's sealed answer; `end`: with its final frame.
  Bytes answer(ByteSpan inner, bool end) {
    Bytes sealed;
    opened.answer.seal(inner, end, envelope::Profile::balanced, sealed);
    return sealed;
  }

  // encapsulate is what the gateway makes of it.
  Bytes encapsulate(uint16_t status, const bhttp::Fields& fields, ByteSpan content, bool end, World& world) {
    Bytes message;
    bhttp::append_response_head(message, {status, fields});
    bhttp::append_content(message, content);
    if (end) bhttp::append_end(message);
    Bytes sealed;
    outer.seal(message, end, world.random, sealed);
    return sealed;
  }
};

const bhttp::Fields kAnswerFields{{"content-type", std::string(envelope::kAnswerType)}};

Bytes inner_response(std::string_view content, bool end = true) {
  Bytes message;
  bhttp::append_response_head(message, {200, {{"content-type", "application/json"}}});
  bhttp::append_content(message, as_bytes(content));
  if (end) bhttp::append_end(message);
  return message;
}

// Seen is everything that an exchange gave.
struct Seen {
  std::optional<uint16_t> status;
  std::optional<uint16_t> refused;
  std::string content;
  bool complete = false;
};

Result<> take(Exchange& exchange, Seen& seen) {
  for (;;) {
    const auto next = exchange.next();
    OPENPCC_TRY(next);
    const Exchange::Event& event = *next;
    if (std::holds_alternative<bhttp::NeedMore>(event)) return {};
    if (const auto* refused = std::get_if<Exchange::Refused>(&event)) seen.refused = refused->status;
    if (const auto* head = std::get_if<bhttp::ResponseHead>(&event)) seen.status = head->status;
    if (const auto* content = std::get_if<bhttp::Content>(&event)) seen.content += as_text(content->bytes);
    if (std::holds_alternative<bhttp::End>(event)) {
      seen.complete = true;
      return {};
    }
  }
}

Result<Seen> run(Exchange& exchange, ByteSpan answer, size_t step = SIZE_MAX) {
  Seen seen;
  while (!answer.empty()) {
    const ByteSpan piece = answer.first(std::min(step, answer.size()));
    answer = answer.subspan(piece.size());
    OPENPCC_TRY(exchange.feed(piece));
    OPENPCC_TRY(take(exchange, seen));
    EXPECT_FALSE(seen.complete) << "complete before the transport ended";
  }
  OPENPCC_TRY(exchange.end());
  OPENPCC_TRY(take(exchange, seen));
  return seen;
}

TEST(Exchange, sends_nothing_but_what_the_exchange_needs) {
  World world;
  auto exchange = world.start();
  ASSERT_OK(exchange);
  const Opposite opposite = Opposite::of(world, *exchange);
  EXPECT_EQ(opposite.outer_request.head.path, "/v1/envelope");
  EXPECT_EQ(opposite.outer_request.head.fields, (bhttp::Fields{{"content-type", std::string(envelope::kRequestType)}}));
  const auto inner = bhttp::decode_request(opposite.opened.message.reveal());
  ASSERT_OK(inner);
  EXPECT_EQ(inner->head.authority, "node.invalid");
  EXPECT_EQ(bhttp::find(inner->head.fields, "openpcc-profile"), "balanced");
  EXPECT_EQ(bhttp::find(inner->head.fields, "openpcc-not-after"), std::to_string(kNow + 60));
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
  EXPECT_RULE(run(*exchange, opposite.encapsulate(200, {{"content-type", "text/html"}}, as_bytes("hello"), true, world)), "client.outer.head");
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
