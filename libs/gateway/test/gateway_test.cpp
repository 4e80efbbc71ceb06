// The gateway between a client's machine and nodes of the test's own, over real sockets on one loop.
#include "openpcc/gateway/gateway.h"

#include "openpcc/gateway/keys.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::gateway {
namespace {

const http::Endpoint kAnyPort = *http::Endpoint::parse("http://127.0.0.1:0");

http::RequestHead request(std::string method, std::string target) {
  http::RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  return head;
}

envelope::NodeId id(uint8_t n) {
  envelope::NodeId out{};
  out[0] = n;
  return out;
}

// outer_get is a GET inside the encapsulation.
Bytes outer_get(std::string path) { return bhttp::encode_request({"GET", "https", "gateway.example", std::move(path), {}}, {}); }

Bytes some_envelope(const std::vector<envelope::NodeId>& ids) {
  testkit::TestRandom random;
  const auto key = hpke::PrivateKey::generate(hpke::KemId::x_wing, random);
  const auto pk = hpke::PublicKey::parse(hpke::KemId::x_wing, key.public_key());
  std::vector<envelope::Recipient> recipients;
  for (const auto& id : ids) recipients.push_back({id, &*pk, {}, std::nullopt});
  return envelope::seal_request(std::move(recipients), as_bytes("prompt"), random)->envelope;
}

// Envelopes to the first node, to the first two, and to one that nobody is.
Bytes one_envelope() { return some_envelope({id(1)}); }
Bytes two_envelope() { return some_envelope({id(1), id(2)}); }
Bytes unknown_envelope() { return some_envelope({id(9)}); }

Bytes outer_message(ByteSpan envelope_bytes) {
  Bytes body;
  envelope::append_no_authorisation(body);
  body.insert(body.end(), envelope_bytes.begin(), envelope_bytes.end());
  return bhttp::encode_request(
      {"POST", "https", "gateway.example", "/v1/envelope", {{"content-type", std::string(envelope::kRequestType)}}}, body);
}

http::Task<> answer_well(http::ServerExchange& exchange) {
  const auto body = co_await exchange.read_all(1 << 20);
  static_cast<void>(body);
  http::ResponseHead head;
  head.fields.add("content-type", envelope::kAnswerType);
  const auto sent = co_await exchange.respond_with(std::move(head), as_bytes("sealed answer"));
  static_cast<void>(sent);
}

http::Handler answer_status(uint16_t status) {
  return [status](http::ServerExchange& exchange) -> http::Task<> {
    const auto body = co_await exchange.read_all(1 << 20);
    static_cast<void>(body);
    http::ResponseHead head;
    head.status = status;
    const auto sent = co_await exchange.respond_with(std::move(head), ByteSpan{});
    static_cast<void>(sent);
  };
}

struct World {
  using Body = std::function<http::Task<>(World&)>;

  // One node per handler; node i answers for id(i + 1).
  explicit World(std::vector<http::Handler> handlers) {
    client = http::Client::create(loop, nullptr);
    Config config{.authority = "gateway.example", .nodes = {}};
    for (http::Handler& handler : handlers) {
      nodes.push_back(std::move(*http::Server::listen(loop, kAnyPort, nullptr, std::move(handler))));
      config.nodes.push_back(nodes.back()->endpoint());
    }
    gateway = std::make_unique<Gateway>(config, *keys_from_seed(as_bytes(seed)), *client, random, metrics);
    for (size_t i = 0; i < nodes.size(); ++i) gateway->node_table().update(i, {id(static_cast<uint8_t>(i + 1))});
    server = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return gateway->handle(e); }));
  }

  void run(const Body& body) {
    loop.spawn(run_and_stop(body));
    loop.run();
  }
  http::Task<> run_and_stop(const Body& body) {
    co_await body(*this);
    loop.stop();
  }

  http::Task<Result<http::Client::Answer>> fetch(http::RequestHead head, Bytes body = {}) {
    const http::Endpoint to = server->endpoint();
    auto answer = co_await client->fetch(to, std::move(head), std::move(body), 1 << 20);
    co_return answer;
  }

  static http::RequestHead post(ohttp::Form form) {
    const auto type = form == ohttp::Form::chunked ? ohttp::kChunkedRequestType : ohttp::kRequestType;
    return {"POST", "/.well-known/ohttp-gateway", "", {{"content-type", std::string(type)}}};
  }

  // ask sends a message through a client's machine and opens the answer.
  http::Task<Result<bhttp::Response>> ask(Bytes message, ohttp::Form form = ohttp::Form::chunked) {
    auto request = ohttp::ClientRequest::start((*keys_from_seed(as_bytes(seed)))[0].config(), 0, form, random);
    Bytes sealed;
    request->seal(message, true, sealed);
    last_sealed = sealed;
    auto answer = co_await fetch(post(form), std::move(sealed));
    OPENPCC_CO_TRY(answer);
    if (answer->head.status != 200) co_return fail(Code::rejected, "test.plain_status");
    Bytes plaintext;
    OPENPCC_CO_TRY(request->open(answer->body, plaintext));
    OPENPCC_CO_TRY(request->end(plaintext));
    co_return bhttp::decode_response(plaintext);
  }

  http::Task<uint16_t> status_of_ask(Bytes message) {
    const auto answer = co_await ask(std::move(message));
    co_return answer ? answer->head.status : uint16_t{0};
  }

  std::string seed = std::string(64, '5');
  testkit::TestRandom random;
  http::Loop loop;
  daemon::Metrics metrics;
  Bytes last_sealed;
  std::unique_ptr<http::Client> client;
  std::vector<std::unique_ptr<http::Server>> nodes;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<http::Server> server;
};

void expect_refused(const World& world, std::string_view rule) {
  EXPECT_NE(world.metrics.text().find("rule=\"" + std::string(rule) + "\""), std::string::npos) << world.metrics.text();
  testkit::note_tripped(rule);
}

TEST(Gateway, answer_of_a_node_travels_back_sealed) {
  World world({answer_well});
  world.run([](World& w) -> http::Task<> {
    for (const ohttp::Form form : {ohttp::Form::chunked, ohttp::Form::whole}) {
      const auto answer = co_await w.ask(outer_message(one_envelope()), form);
      EXPECT_OK(answer);
      if (!answer) co_return;
      EXPECT_EQ(answer->head.status, 200);
      EXPECT_EQ(as_text(answer->content), "sealed answer");
    }
  });
}

TEST(Gateway, turns_to_another_recipient_before_the_first_byte) {
  World world({answer_status(503), answer_well});
  world.run([](World& w) -> http::Task<> {
    for (int i = 0; i < 8; ++i) {
      const uint16_t status = co_await w.status_of_ask(outer_message(two_envelope()));
      EXPECT_EQ(status, 200);
    }
  });
}

TEST(Gateway, refusals_travel_inside_with_their_status) {
  struct Case {
    http::Handler node;
    uint16_t status;
    std::string_view rule;
  };
  const http::Handler cut = [](http::ServerExchange& exchange) -> http::Task<> {
    const auto body = co_await exchange.read_all(1 << 20);
    static_cast<void>(body);
    exchange.abort();
  };
  for (const Case& c : {Case{answer_status(503), 503, "gateway.node.busy"}, Case{answer_status(400), 400, "gateway.node.refused"},
                        Case{cut, 502, "gateway.node.failed"}}) {
    World world({c.node});
    world.run([&](World& w) -> http::Task<> {
      const auto answer = co_await w.ask(outer_message(one_envelope()));
      EXPECT_OK(answer);
      if (!answer) co_return;
      EXPECT_EQ(answer->head.status, c.status);
      EXPECT_EQ(answer->content, Bytes(kErrorBodyBytes));
    });
    expect_refused(world, c.rule);
  }
}

TEST(Gateway, knows_no_other_node_than_those_named) {
  World world({answer_well});
  world.run([](World& w) -> http::Task<> {
    const uint16_t status = co_await w.status_of_ask(outer_message(unknown_envelope()));
    EXPECT_EQ(status, 503);
  });
  expect_refused(world, "gateway.node.unknown");
}

TEST(Gateway, a_relay_cannot_repeat_a_request) {
  World world({answer_well});
  world.run([](World& w) -> http::Task<> {
    const uint16_t first = co_await w.status_of_ask(outer_message(one_envelope()));
    EXPECT_EQ(first, 200);
    const Bytes repeated = w.last_sealed;
    const auto again = co_await w.fetch(World::post(ohttp::Form::chunked), repeated);
    EXPECT_OK(again);  // what it says is sealed to the client; the counter shows the refusal
  });
  expect_refused(world, "gateway.replay");
}

TEST(Gateway, bad_encapsulations_get_a_plain_answer) {
  World world({answer_well});
  world.run([](World& w) -> http::Task<> {
    Bytes other_key(100);
    other_key[0] = 77;
    const auto unknown = co_await w.fetch(World::post(ohttp::Form::chunked), other_key);
    EXPECT_TRUE(unknown && unknown->head.status == 400);
    EXPECT_TRUE(unknown && as_text(unknown->body).find("#ohttp-key") != std::string_view::npos);
    http::RequestHead plain = request("POST", "/.well-known/ohttp-gateway");
    plain.fields.add("content-type", "text/plain");
    const auto type = co_await w.fetch(std::move(plain), Bytes(1));
    EXPECT_TRUE(type && type->head.status == 415);
    const auto path = co_await w.fetch(request("GET", "/nothing"));
    EXPECT_TRUE(path && path->head.status == 404);
    const auto method = co_await w.fetch(request("GET", "/.well-known/ohttp-gateway"));
    EXPECT_TRUE(method && method->head.status == 405);
  });
  for (const std::string_view rule : {"ohttp.4.3.key_id", "gateway.media_type", "gateway.path", "gateway.method"})
    expect_refused(world, rule);
}

TEST(Gateway, a_cut_answer_gets_no_end) {
  World world({[](http::ServerExchange& exchange) -> http::Task<> {
    const auto body = co_await exchange.read_all(1 << 20);
    static_cast<void>(body);
    http::ResponseHead head;
    head.fields.add("content-type", envelope::kAnswerType);
    const auto responded = co_await exchange.respond(std::move(head), std::nullopt);
    const Bytes piece(100);
    const ByteSpan view = piece;
    const auto written = co_await exchange.write(view);
    EXPECT_TRUE(responded && written);
    exchange.abort();
  }});
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(outer_message(one_envelope()));
    EXPECT_FALSE(answer.has_value());
  });
  expect_refused(world, "gateway.node.cut");
}

TEST(Gateway, an_unchunked_answer_has_a_limit) {
  World world({[](http::ServerExchange& exchange) -> http::Task<> {
    const auto body = co_await exchange.read_all(1 << 20);
    static_cast<void>(body);
    http::ResponseHead head;
    head.fields.add("content-type", envelope::kAnswerType);
    const auto responded = co_await exchange.respond(std::move(head), std::nullopt);
    static_cast<void>(responded);
    const Bytes piece(1 << 20);
    const ByteSpan view = piece;
    for (int i = 0; i < 20; ++i) {
      const auto written = co_await exchange.write(view);
      if (!written) co_return;
    }
    const auto finished = co_await exchange.finish();
    static_cast<void>(finished);
  }});
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(outer_message(one_envelope()), ohttp::Form::whole);
    EXPECT_FALSE(answer.has_value());
  });
  expect_refused(world, "gateway.answer.too_large");
}

TEST(Gateway, publishes_keys_and_bundle) {
  World world({answer_well});
  world.run([](World& w) -> http::Task<> {
    const auto none = co_await w.fetch(request("GET", "/bundle"));
    EXPECT_TRUE(none && none->head.status == 404);
    w.gateway->publish(Bytes(1, 'b'), Bytes(1, 's'));
    const auto bundle = co_await w.fetch(request("GET", "/bundle"));
    EXPECT_TRUE(bundle && as_text(bundle->body) == "b");
    const auto keys = co_await w.fetch(request("GET", "/ohttp-keys"));
    EXPECT_TRUE(keys && ohttp::parse_key_configs(keys->body)->size() == 2);
    const auto inside = co_await w.ask(outer_get("/v1/bundle.sig"));
    EXPECT_TRUE(inside && as_text(inside->content) == "s");
  });
}

}  // namespace
}  // namespace openpcc::gateway
