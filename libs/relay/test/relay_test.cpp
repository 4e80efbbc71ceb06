#include "openpcc/relay/relay.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::relay {
namespace {

const http::Endpoint kAnyPort = *http::Endpoint::parse("http://127.0.0.1:0");

// World is a gateway of the test's own behind a real relay, on one loop.
struct World {
  using Body = std::function<http::Task<>(World&)>;

  explicit World(http::Handler gateway_handler) {
    client = http::Client::create(loop, nullptr);
    gateway = std::move(*http::Server::listen(loop, kAnyPort, nullptr, std::move(gateway_handler)));
    relay = std::make_unique<Relay>(Config{.gateway = gateway->endpoint()}, *client, metrics);
    server = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return relay->handle(e); }));
  }

  void run(const Body& body) {
    loop.spawn(run_and_stop(body));
    loop.run();
  }

  http::Task<> run_and_stop(const Body& body) {
    co_await body(*this);
    loop.stop();
  }

  http::Task<Result<http::Client::Answer>> ask(http::RequestHead head, Bytes body = {}) {
    const http::Endpoint to = server->endpoint();
    auto answer = co_await client->fetch(to, std::move(head), std::move(body), 1 << 20);
    co_return answer;
  }

  http::Loop loop;
  daemon::Metrics metrics;
  std::unique_ptr<http::Client> client;
  std::unique_ptr<http::Server> gateway;
  std::unique_ptr<Relay> relay;
  std::unique_ptr<http::Server> server;
};

http::RequestHead request(std::string method, std::string target) {
  http::RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  return head;
}

http::RequestHead post(std::string_view media_type) {
  return {"POST",
          "/ohttp",
          "",
          {{"content-type", std::string(media_type)}, {"user-agent", "secret"}, {"x-request-id", "secret"}, {"cookie", "secret"}}};
}

Bytes abc() { return {1, 2, 3}; }

// expect_refused asserts one refusal, and notes its rule as tested.
void expect_refused(const World& world, std::string_view rule) {
  EXPECT_NE(world.metrics.text().find("rule=\"" + std::string(rule) + "\""), std::string::npos) << world.metrics.text();
  testkit::note_tripped(rule);
}

http::Task<> answer_echo(http::ServerExchange& exchange) {
  const auto body = co_await exchange.read_all(1 << 20);
  OPENPCC_CHECK(body.has_value());
  http::ResponseHead head;
  head.fields = {{"content-type", "message/ohttp-chunked-res"}, {"server", "secret"}, {"set-cookie", "secret"}};
  const ByteSpan view = *body;
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  static_cast<void>(sent);
}

TEST(Relay, passes_nothing_on_but_media_type_and_bytes) {
  http::RequestHead seen;
  World world([&](http::ServerExchange& e) {
    seen = e.request();
    return answer_echo(e);
  });
  world.run([&](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(post("message/ohttp-chunked-req"), abc());
    EXPECT_OK(answer);
    if (!answer) co_return;
    EXPECT_EQ(answer->body, abc());
    EXPECT_EQ(answer->head.fields.find("content-type"), "message/ohttp-chunked-res");
    EXPECT_FALSE(answer->head.fields.find("server"));
    EXPECT_FALSE(answer->head.fields.find("set-cookie"));
  });
  EXPECT_EQ(seen.target, "/.well-known/ohttp-gateway");
  EXPECT_EQ(seen.authority, world.gateway->endpoint().authority());
  for (const http::Field& field : seen.fields.lines()) {
    const bool ours =
        field.name == "content-type" || field.name == "incremental" || field.name == "host" || field.name == "transfer-encoding";
    EXPECT_TRUE(ours) << field.name;
  }
}

TEST(Relay, refuses_other_media_types) {
  World world(answer_echo);
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(post("application/json"), Bytes(1));
    EXPECT_TRUE(answer && answer->head.status == 415);
  });
  expect_refused(world, "relay.media_type");
}

TEST(Relay, refuses_other_paths_and_methods) {
  World world(answer_echo);
  world.run([](World& w) -> http::Task<> {
    const auto path = co_await w.ask(request("GET", "/metrics"));
    EXPECT_TRUE(path && path->head.status == 404);
    const auto method = co_await w.ask(request("GET", "/ohttp"));
    EXPECT_TRUE(method && method->head.status == 405);
  });
  expect_refused(world, "relay.path");
  expect_refused(world, "relay.method");
}

TEST(Relay, refuses_a_request_over_the_limit) {
  World world(answer_echo);
  world.relay =
      std::make_unique<Relay>(Config{.gateway = world.gateway->endpoint(), .request_bytes_max = 100}, *world.client, world.metrics);
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(post("message/ohttp-req"), Bytes(101));
    EXPECT_TRUE(answer && answer->head.status == 413);
  });
  expect_refused(world, "relay.too_large");
}

TEST(Relay, says_when_the_gateway_is_gone) {
  World world(answer_echo);
  world.gateway.reset();
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(post("message/ohttp-chunked-req"), Bytes(1));
    EXPECT_TRUE(answer && answer->head.status == 502);
    const auto copy = co_await w.ask(request("GET", "/bundle"));
    EXPECT_TRUE(copy && copy->head.status == 502);
  });
  expect_refused(world, "relay.gateway");
}

TEST(Relay, a_cut_answer_stays_cut) {
  World world([](http::ServerExchange& e) -> http::Task<> {
    const auto body = co_await e.read_all(1 << 20);
    static_cast<void>(body);
    http::ResponseHead head;
    const auto responded = co_await e.respond(std::move(head), std::nullopt);
    const Bytes piece(10);
    const ByteSpan view = piece;
    const auto written = co_await e.write(view);
    EXPECT_TRUE(responded && written);
    e.abort();
  });
  world.run([](World& w) -> http::Task<> {
    const auto answer = co_await w.ask(post("message/ohttp-chunked-req"), Bytes(1));
    EXPECT_FALSE(answer.has_value());
  });
}

TEST(Relay, serves_one_copy_to_everybody) {
  int fetched = 0;
  World world([&](http::ServerExchange& e) {
    ++fetched;
    return answer_echo(e);
  });
  world.run([](World& w) -> http::Task<> {
    for (int i = 0; i < 5; ++i) {
      const auto answer = co_await w.ask(request("GET", "/bundle"));
      EXPECT_TRUE(answer && answer->head.status == 200);
    }
  });
  EXPECT_EQ(fetched, 1);
}

}  // namespace
}  // namespace openpcc::relay
