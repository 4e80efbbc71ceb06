// The proxy and its session against a relay of the test's own: what a relay or a gateway can do to a request, and what the application is told.
#include "openpcc/client/proxy.h"

#include <boost/json.hpp>

#include "openpcc/gateway/keys.h"
#include "openpcc/gateway/outer_request.h"
#include "world.h"

namespace openpcc::client {
namespace {

using attest::testing_world::kNow;

const http::Endpoint kAnyPort = *http::Endpoint::parse("http://127.0.0.1:0");
constexpr std::string_view kModel = "demo-engine";

http::RequestHead request(std::string method, std::string target) {
  http::RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  return head;
}

Bytes chat_body(std::string_view model) {
  const std::string text = "{\"model\":\"" + std::string(model) + "\",\"messages\":[]}";
  return Bytes(text.begin(), text.end());
}

// Bench is a directory of `nodes` simulated nodes, a relay whose /ohttp does what the test says, and a proxy in front of it.
struct Bench {
  using Body = std::function<http::Task<>(Bench&)>;

  explicit Bench(size_t nodes, http::Handler on_ohttp = {}) : ohttp(std::move(on_ohttp)) {
    world.tee.gpus = 1;
    directory::BundleContent content{1,
                                     kNow,
                                     kNow + 3600,
                                     std::string(attest::testing_world::kDeployment),
                                     "gateway.invalid",
                                     ohttp::encode_key_configs({gateway_keys[0].config()}),
                                     {},
                                     {world.beacon_note},
                                     {}};
    for (size_t i = 0; i < nodes; ++i) {
      world.another_node(static_cast<uint8_t>(i + 1));
      content.nodes.push_back(directory::make_leaf(*attest::Evidence::parse(world.make()), world.tee.chip_id));
    }
    bundle = *directory::sign_bundle(content, world.directory_key);
    client = http::Client::create(loop, nullptr);
    relay = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return serve_relay(e); }));
    session = std::make_unique<Session>(SessionConfig{.relays = {relay->endpoint()}},
                                        std::make_shared<const policy::Policy>(world.policy()), *client, clock, world.random, metrics);
    server = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return proxy->handle(e); }));
    ProxyConfig config;
    config.door.port = server->endpoint().port;
    proxy = std::make_unique<Proxy>(std::move(config), 2, *session, *client, clock, world.random, metrics);
  }

  http::Task<> serve_relay(http::ServerExchange& exchange) {
    const std::string target = exchange.request().target;
    if (target == "/ohttp") {
      ++attempts;
      co_await ohttp(exchange);
      co_return;
    }
    const ByteSpan body = target == "/bundle" ? ByteSpan(bundle.bundle) : as_bytes(bundle.signature);
    http::ResponseHead head;
    head.status = bundle.bundle.empty() ? 404 : 200;
    const auto sent = co_await exchange.respond_with(std::move(head), body);
    static_cast<void>(sent);
  }

  void run(const Body& body) {
    loop.spawn(run_and_stop(body));
    loop.run();
  }
  http::Task<> run_and_stop(const Body& body) {
    co_await body(*this);
    loop.stop();
  }

  // ask posts a chat request to the proxy and returns the rule id of its error, and its status.
  http::Task<std::string> refusal(std::string_view model = kModel) {
    const http::Endpoint to = server->endpoint();
    Bytes body = chat_body(model);
    http::RequestHead head = request("POST", "/v1/chat/completions");
    if (!cache.empty()) head.fields.add(std::string(kCacheField), cache);
    const auto answer = co_await client->fetch(to, std::move(head), std::move(body), 1 << 20);
    if (!answer) co_return std::string("no answer");
    status = answer->head.status;
    should_retry = answer->head.fields.find("x-should-retry").value_or("");
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(as_text(answer->body), failed);
    if (failed || parsed.find_pointer("/error/code", failed) == nullptr) co_return std::string("no error");
    co_return std::string(parsed.at_pointer("/error/code").as_string());
  }

  attest::testing_world::World world;
  testkit::TestClock clock{kNow};
  std::vector<ohttp::GatewayKey> gateway_keys = *gateway::keys_from_seed(as_bytes(std::string(64, '7')));
  directory::SignedBundle bundle;
  http::Handler ohttp;
  http::Loop loop;
  daemon::Metrics metrics;
  std::unique_ptr<http::Client> client;
  std::unique_ptr<http::Server> relay;
  std::unique_ptr<Session> session;
  std::unique_ptr<Proxy> proxy;
  std::unique_ptr<http::Server> server;
  int attempts = 0;
  uint16_t status = 0;
  std::string should_retry;
  std::string cache;
};

// expect_refusal refreshes the session, asks, and expects exactly this rule.
void expect_refusal(Bench& bench, std::string_view rule, uint16_t status, std::string_view model = kModel) {
  std::string seen;
  bench.run([&](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    static_cast<void>(refreshed);
    seen = co_await b.refusal(model);
  });
  EXPECT_EQ(seen, rule);
  EXPECT_EQ(bench.status, status);
  EXPECT_EQ(bench.should_retry, "false");
  if (seen == rule) testkit::note_tripped(rule);
}

http::Handler answering(uint16_t status, std::string media_type, Bytes body = {}) {
  return [=](http::ServerExchange& exchange) -> http::Task<> {
    const auto received = co_await exchange.read_all(1 << 20);
    static_cast<void>(received);
    http::ResponseHead head;
    head.status = status;
    head.fields.add("content-type", media_type);
    const ByteSpan view = body;
    const auto sent = co_await exchange.respond_with(std::move(head), view);
    static_cast<void>(sent);
  };
}

// gateway_saying is a gateway behind the relay that answers with a status of its own.
http::Handler gateway_saying(const Bench& bench, uint16_t status) {
  return [&bench, status](http::ServerExchange& exchange) -> http::Task<> {
    ohttp::GatewayExchange outer(bench.gateway_keys, ohttp::Form::chunked, 1 << 20);
    const auto received = co_await exchange.read_all(1 << 20);
    Bytes message;
    OPENPCC_CHECK(received && outer.open(*received, message) && outer.end(message));
    Bytes sealed;
    testkit::TestRandom random(9);
    outer.seal(gateway::error_answer(status), true, random, sealed);
    http::ResponseHead head;
    head.fields.add("content-type", ohttp::kChunkedResponseType);
    const ByteSpan view = sealed;
    const auto sent = co_await exchange.respond_with(std::move(head), view);
    static_cast<void>(sent);
  };
}

TEST(Proxy, without_a_directory_nothing_is_sent) {
  Bench bench(2, answering(200, "x"));
  bench.bundle = {};
  expect_refusal(bench, "client.no_bundle", 503);
  EXPECT_EQ(bench.attempts, 0);
}

TEST(Proxy, an_expired_directory_is_no_directory) {
  Bench bench(2, answering(200, "x"));
  bench.run([](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_OK(refreshed);
  });
  bench.clock.advance(4000);
  expect_refusal(bench, "client.no_bundle", 503);
}

TEST(Proxy, an_unknown_model_is_refused_here) {
  Bench bench(2, answering(200, "x"));
  expect_refusal(bench, "client.unknown_model", 404, "other");
  EXPECT_EQ(bench.attempts, 0);
}

TEST(Proxy, too_few_verified_nodes_get_nothing) {
  Bench bench(1, answering(200, "x"));
  expect_refusal(bench, "directory.draw.too_few", 503);
  EXPECT_EQ(bench.attempts, 0);
}

TEST(Proxy, a_relay_that_refuses_is_tried_within_four_nodes) {
  Bench bench(6, answering(500, "text/plain"));
  expect_refusal(bench, "client.relay.status", 502);
  EXPECT_EQ(bench.attempts, 2);
}

TEST(Proxy, a_scope_has_one_recipient_an_attempt_within_four_nodes) {
  Bench bench(6, answering(500, "text/plain"));
  bench.cache = "day";
  expect_refusal(bench, "client.relay.status", 502);
  EXPECT_EQ(bench.attempts, 4);
}

TEST(Proxy, an_unknown_cache_is_refused_here) {
  Bench bench(2, answering(200, "x"));
  bench.cache = "forever";
  expect_refusal(bench, "client.proxy.cache", 400);
  EXPECT_EQ(bench.attempts, 0);
}

TEST(Proxy, a_relay_that_answers_something_else_is_refused) {
  Bench bench(2, answering(200, "text/html"));
  expect_refusal(bench, "client.relay.media_type", 502);
  EXPECT_EQ(bench.attempts, 1);
}

TEST(Proxy, a_relay_that_hangs_up_is_named) {
  Bench bench(4, [](http::ServerExchange& exchange) -> http::Task<> {
    const auto received = co_await exchange.read_all(1 << 20);
    static_cast<void>(received);
    exchange.abort();
  });
  expect_refusal(bench, "client.relay.connect", 502);
}

TEST(Proxy, a_relay_that_makes_an_answer_up_is_found_out) {
  Bench bench(4, answering(200, std::string(ohttp::kChunkedResponseType), Bytes(500, 1)));
  std::string seen;
  bench.run([&](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    static_cast<void>(refreshed);
    seen = co_await b.refusal();
  });
  EXPECT_TRUE(seen.starts_with("ohttp.6.")) << seen;
}

TEST(Proxy, a_busy_gateway_is_asked_again_with_other_nodes) {
  Bench bench(4);
  bench.ohttp = gateway_saying(bench, 503);
  expect_refusal(bench, "client.gateway.busy", 502);
  EXPECT_EQ(bench.attempts, 2);
}

TEST(Proxy, a_refusing_gateway_is_not_asked_again) {
  Bench bench(4);
  bench.ohttp = gateway_saying(bench, 400);
  expect_refusal(bench, "client.gateway.refused", 502);
  EXPECT_EQ(bench.attempts, 1);
}

TEST(Proxy, only_posts_travel) {
  Bench bench(2, answering(200, "x"));
  bench.run([](Bench& b) -> http::Task<> {
    const http::Endpoint to = b.server->endpoint();
    http::RequestHead head = request("GET", "/v1/chat/completions");
    const auto answer = co_await b.client->fetch(to, std::move(head), Bytes(), 1 << 20);
    EXPECT_TRUE(answer && answer->head.status == 400);
  });
  EXPECT_NE(bench.metrics.text().find("client.proxy.method"), std::string::npos);
  testkit::note_tripped("client.proxy.method");
}

TEST(Session, says_why_the_directory_could_not_be_fetched) {
  Bench bench(2);
  bench.bundle = {};
  bench.run([](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_RULE(refreshed, "client.relay.fetch");
  });
}

TEST(Session, refuses_a_directory_that_somebody_else_signed) {
  Bench bench(2);
  const attest::testing_world::World other(2);
  bench.bundle = *directory::sign_bundle(
      {2, kNow, kNow + 3600, std::string(attest::testing_world::kDeployment), "gateway.invalid", {1}, {}, {}, {}}, other.directory_key);
  bench.run([](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_RULE(refreshed, "note.verify.unsigned");
  });
  EXPECT_FALSE(bench.session->ready());
}

TEST(Session, keeps_a_scope_to_one_node_while_it_is_there) {
  Bench bench(6);
  bench.run([](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_OK(refreshed);
    const auto scope = CacheScope::of(Cache::day, Secret<32>(), kModel, {}, kNow);
    std::set<attest::NodeId> seen;
    for (int i = 0; i < 8; ++i) {
      const auto route = b.session->route(kModel, {}, scope);
      EXPECT_TRUE(route && route->nodes.size() == 1);
      if (route) seen.insert(route->nodes.front()->node_id());
    }
    EXPECT_EQ(seen.size(), 1u);
    const auto another = b.session->route(kModel, seen, scope);
    EXPECT_TRUE(another && !seen.contains(another->nodes.front()->node_id()));
  });
}

TEST(Session, draws_distinct_nodes_and_none_that_was_tried) {
  Bench bench(4);
  bench.run([](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_OK(refreshed);
    std::set<attest::NodeId> tried;
    for (int i = 0; i < 2; ++i) {
      const auto route = b.session->route(kModel, tried);
      EXPECT_OK(route);
      if (!route) co_return;
      for (const auto& node : route->nodes) EXPECT_TRUE(tried.insert(node->node_id()).second);
    }
    const auto none = b.session->route(kModel, tried);
    EXPECT_RULE(none, "directory.draw.too_few");
  });
}

}  // namespace
}  // namespace openpcc::client
