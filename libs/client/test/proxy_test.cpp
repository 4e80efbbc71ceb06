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

  explicit Bench(size_t nodes, http::Handler on_ohttp = {}, ProxyConfig config = {}) : ohttp(std::move(on_ohttp)) {
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
      node_keys.push_back(hpke::PrivateKey::generate(hpke::KemId::x_wing, world.random));
      world.claims.hpke_public_key.assign(node_keys.back().public_key().begin(), node_keys.back().public_key().end());
      content.nodes.push_back(directory::make_leaf(*attest::Evidence::parse(world.make()), world.tee.chip_id));
    }
    bundle = *directory::sign_bundle(content, world.directory_key);
    client = http::Client::create(loop, nullptr);
    relay = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return serve_relay(e); }));
    session = std::make_unique<Session>(SessionConfig{.relays = {relay->endpoint()}},
                                        std::make_shared<const policy::Policy>(world.policy()), *client, clock, world.random, metrics);
    server = std::move(*http::Server::listen(loop, kAnyPort, nullptr, [this](http::ServerExchange& e) { return proxy->handle(e); }));
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
  std::vector<hpke::PrivateKey> node_keys;
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

// NodeScript is what a node behind the relay says: content, piece by piece and with a moment between them; an empty piece is a keep-alive.
struct NodeScript {
  std::string type;
  std::vector<std::string> pieces;
  bool dies = false;  // after the last piece, without an end
};

envelope::OpenedRequest open_envelope(const Bench& bench, ByteSpan envelope, Random& random) {
  const auto peek = envelope::peek(envelope);
  OPENPCC_CHECK(peek && *peek);
  for (const envelope::NodeId& id : (*peek)->node_ids) {
    for (const hpke::PrivateKey& key : bench.node_keys) {
      const envelope::NodeKey node{id, &key};
      envelope::RequestOpener opener({&node, 1}, random);
      if (!opener.feed(envelope)) continue;
      auto opened = opener.finish();
      if (opened) return std::move(*opened);
    }
  }
  OPENPCC_CHECK(false);
}

// NodeAnswer seals what a node says as node and gateway would, and writes it.
class NodeAnswer {
 public:
  NodeAnswer(http::ServerExchange& exchange, ohttp::GatewayExchange& outer, envelope::AnswerSealer sealer)
      : exchange_(exchange), outer_(outer), sealer_(std::move(sealer)) {}

  http::Task<> say(ByteSpan inner, bool last) {
    Bytes frames;
    sealer_.seal(inner, last, envelope::Profile::balanced, frames);
    Bytes message;
    if (!std::exchange(begun_, true)) bhttp::append_response_head(message, {200, {{"content-type", std::string(envelope::kAnswerType)}}});
    bhttp::append_content(message, frames);
    if (last) bhttp::append_end(message);
    Bytes sealed;
    outer_.seal(message, last, random_, sealed);
    const ByteSpan view = sealed;
    const auto written = co_await exchange_.write(view);
    EXPECT_OK(written);
    const http::Milliseconds moment(20);
    co_await http::sleep_for(moment);
  }

 private:
  http::ServerExchange& exchange_;
  ohttp::GatewayExchange& outer_;
  envelope::AnswerSealer sealer_;
  testkit::TestRandom random_{7};
  bool begun_ = false;
};

http::Handler node_saying(const Bench& bench, NodeScript script) {
  return [&bench, script](http::ServerExchange& exchange) -> http::Task<> {
    testkit::TestRandom random(8);
    ohttp::GatewayExchange outer(bench.gateway_keys, ohttp::Form::chunked, 1 << 20);
    const auto received = co_await exchange.read_all(1 << 20);
    Bytes message;
    OPENPCC_CHECK(received && outer.open(*received, message) && outer.end(message));
    const auto request = bhttp::decode_request(message);
    OPENPCC_CHECK(request.has_value());
    envelope::OpenedRequest opened = open_envelope(bench, ByteSpan(request->content).subspan(envelope::kAuthorisationBytes), random);
    http::ResponseHead head;
    head.fields.add("content-type", ohttp::kChunkedResponseType);
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    EXPECT_OK(responded);

    NodeAnswer answer(exchange, outer, std::move(opened.answer));
    Bytes inner;
    bhttp::append_response_head(inner, {200, {{"content-type", script.type}}});
    co_await answer.say(inner, false);
    for (const std::string& piece : script.pieces) {
      inner.clear();
      bhttp::append_content(inner, as_bytes(piece));
      co_await answer.say(inner, false);
    }
    if (script.dies) {
      exchange.abort();
      co_return;
    }
    inner.clear();
    bhttp::append_end(inner);
    co_await answer.say(inner, true);
    const auto finished = co_await exchange.finish();
    EXPECT_OK(finished);
  };
}

struct Heard {
  std::string data;
  bool ended = false;
};

// hear asks a node with this script and returns what the application receives.
Heard hear(NodeScript script, http::Milliseconds keep_alive = http::Milliseconds(1)) {
  ProxyConfig config;
  config.keep_alive = keep_alive;
  Bench bench(2, {}, std::move(config));
  bench.ohttp = node_saying(bench, std::move(script));
  Heard heard;
  bench.run([&](Bench& b) -> http::Task<> {
    const auto refreshed = co_await b.session->refresh();
    EXPECT_OK(refreshed);
    const http::Endpoint to = b.server->endpoint();
    http::RequestHead head = request("POST", "/v1/chat/completions");
    const Bytes body = chat_body(kModel);
    const std::optional<uint64_t> bytes = body.size();
    const auto opened = co_await b.client->open(to, std::move(head), bytes);
    OPENPCC_CHECK(opened.has_value());
    const ByteSpan view = body;
    const auto written = co_await (*opened)->write(view);
    const auto answered = co_await (*opened)->read_head();
    EXPECT_TRUE(written && answered);
    for (;;) {
      const auto piece = co_await (*opened)->read();
      heard.ended = piece && piece->empty();
      if (!piece || piece->empty()) co_return;
      heard.data += as_text(*piece);
    }
  });
  return heard;
}

constexpr std::string_view kComment = ": keep-alive\n\n";

// without_comments takes the comments out, and expects each to stand between two events.
std::string without_comments(std::string text, int& comments) {
  for (size_t at = text.find(kComment); at != std::string::npos; at = text.find(kComment)) {
    EXPECT_TRUE(at == 0 || text[at - 1] == '\n' || text[at - 1] == '\r') << text;
    EXPECT_TRUE(at < 2 || text.substr(at - 2, 2) != "x\n") << "inside an event: " << text;
    text.erase(at, kComment.size());
    ++comments;
  }
  return text;
}

TEST(Proxy, keep_alives_become_comments_between_events) {
  struct Case {
    std::vector<std::string> pieces;
    std::string stream;
  };
  const Case cases[] = {
      {{"", "data: x\n\n", "", "", "data: x\n\n"}, "data: x\n\ndata: x\n\n"},
      {{"", "data", "", ": x", "", "\n", "", "\n"}, "data: x\n\n"},
      {{"data: x\r\n\r\n", "", "data: x\r", "", "\n\r", "", "\n"}, "data: x\r\n\r\ndata: x\r\n\r\n"},
      {{"data: x\r\r", "", "data: x\r", "", "\r"}, "data: x\r\rdata: x\r\r"},
      {{"", "\xef\xbb",
        "\xbf"
        "data: x\n\n"},
       "data: x\n\n"},  // the mark is none behind a comment
      {{"\xef\xbb\xbf"
        "data: x\n\n",
        ""},
       "\xef\xbb\xbf"
       "data: x\n\n"},
      {{"data: x\n\n", "", "data: unfinished"}, "data: x\n\ndata: unfinished"},
  };
  for (const Case& c : cases) {
    const Heard heard = hear({"text/event-stream", c.pieces});
    int comments = 0;
    EXPECT_EQ(without_comments(heard.data, comments), c.stream);
    EXPECT_GE(comments, 1) << heard.data;
    EXPECT_TRUE(heard.ended);
  }
}

TEST(Proxy, what_is_no_stream_of_events_gets_no_comments) {
  EXPECT_EQ(hear({"application/json", {"", "{", "", "}", ""}}).data, "{}");
  EXPECT_EQ(hear({"audio/wav", {"", "RIFF", "", "x\n\n", ""}}).data, "RIFFx\n\n");
}

TEST(Proxy, short_silences_are_not_broken) {
  EXPECT_EQ(hear({"text/event-stream", {"", "data: x\n\n", "", ""}}, http::Milliseconds(60'000)).data, "data: x\n\n");
}

TEST(Proxy, a_stream_that_is_cut_off_ends_between_events_and_says_so) {
  for (const std::string_view rest : {"", "d", "data: tw", "data: two", "data: two\n"}) {
    const Heard heard = hear({"text/event-stream", {"data: one\n\n", std::string(rest)}, true}, http::Milliseconds(60'000));
    EXPECT_TRUE(heard.data.starts_with("data: one\n\nevent: error\ndata: {")) << heard.data;
    EXPECT_NE(heard.data.find("client.answer.truncated"), std::string::npos);
    EXPECT_FALSE(heard.ended);
  }
}

TEST(Proxy, an_event_too_large_to_wait_for_is_cut_off_without_a_word) {
  const Heard heard = hear({"text/event-stream", {std::string(9u << 20, 'x')}, true}, http::Milliseconds(60'000));
  EXPECT_EQ(heard.data, std::string(9u << 20, 'x')) << "nothing may stand inside an event";
  EXPECT_FALSE(heard.ended);
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
