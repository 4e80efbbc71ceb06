// The whole node over real sockets: a client's sealed envelope in, an engine of the test's own behind it.
#include "openpcc/node/node.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "openpcc/http/client.h"
#include "openpcc/http/server.h"
#include "openpcc/http/stream.h"
#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

using http::Task;

constexpr UnixSeconds kStart = 1'800'000'000;
constexpr http::Milliseconds kSoon{5'000};

http::Endpoint loopback() { return *http::Endpoint::parse("http://127.0.0.1:0"); }

// Answer is all that a client saw.
struct Answer {
  uint16_t status = 0;
  Bytes body;
  bool cut = false;  // the transport ended before its framing said so
};

// Sealed is one envelope and what opens its answer.
struct Sealed {
  Bytes envelope;
  envelope::AnswerOpener opener;
};

struct NullDevice {
  int descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC);
  NullDevice() = default;
  NullDevice(const NullDevice&) = delete;
  NullDevice& operator=(const NullDevice&) = delete;
  ~NullDevice() { close(descriptor); }
};

// Rig runs a node, an engine and a client on one loop.
class Rig {
 public:
  // What the watch looks at: something that is always well, unless a test is about that.
  enum class Watched : uint8_t { stand_in, engine };

  explicit Rig(NodeConfig config = {}, size_t replay_entries_max = 1000, Watched watched = Watched::stand_in)
      : log_("test", daemon::Log::Format::json, daemon::Level::debug, clock_, null_.descriptor),
        roots_(sim_maker::RootKeys::generate(random_)),
        tee_({}, roots_, random_),
        beacon_key_(*note::SignerKey::generate("beacon.test", note::KeyType::cosignature_v1, random_)),
        keyring_({"deployment.test", {}, {{"m", {}}}, beacon_key_.verifier(), replay_entries_max}, tee_, random_),
        client_(http::Client::create(loop_, nullptr)),
        engine_server_(listen([this](http::ServerExchange& exchange) { return engine(exchange); })),
        stand_in_(listen([](http::ServerExchange& exchange) { return be_well(exchange); })) {
    config.models = {{"m", "engine-m"}};
    if (config.engine.endpoint.host.empty()) config.engine.endpoint = engine_server_->endpoint();
    Engine looked_at = config.engine;
    if (watched == Watched::stand_in) looked_at.endpoint = stand_in_->endpoint();
    watch_ = std::make_unique<EngineWatch>(std::move(looked_at), config.models, loop_, *client_, random_, metrics_, log_);
    node_ = std::make_unique<Node>(std::move(config), keyring_, *watch_,
                                   Surroundings{loop_, *client_, clock_, &std::chrono::steady_clock::now, random_, metrics_, log_});
    node_server_ = listen([this](http::ServerExchange& exchange) { return node_->handle(exchange); });
    OPENPCC_CHECK(keyring_.take_beacon(as_bytes(beacon(1)), now()));
    OPENPCC_CHECK(keyring_.tend(now()).made.has_value());
    loop_.spawn(watch_->run());
    if (watched == Watched::stand_in) run([this] { return wait_ready(); });
  }

  // run drives the loop until `body` is through.
  void run(std::function<Task<>()> body) {
    loop_.spawn(run_then_stop(body));
    loop_.run();
  }

  Task<> wait_ready() {
    while (!watch_->ready()) {
      const http::Milliseconds moment(1);
      co_await http::sleep_for(moment);
    }
  }

  // The engine's behaviour: a coroutine for each exchange with it.
  std::function<Task<>(http::ServerExchange&, const Bytes&)> engine_script;

  http::Loop& loop() { return loop_; }
  http::Client& client() { return *client_; }
  const http::Endpoint& node_endpoint() const { return node_server_->endpoint(); }
  Node& node() { return *node_; }
  EngineWatch& watch() { return *watch_; }
  Keyring& keyring() { return keyring_; }
  testkit::TestClock& clock() { return clock_; }
  testkit::TestRandom& random() { return random_; }
  Now now() const { return {clock_.now(), std::chrono::steady_clock::now()}; }
  std::string beacon(uint64_t counter) { return note::make_beacon(counter, clock_.now(), beacon_key_, random_); }
  std::string metrics() const { return metrics_.text(); }
  size_t engine_calls() const { return engine_calls_; }

  // refused: the node counted so many refusals by this rule.
  testing::AssertionResult refused(std::string_view rule, int times = 1) const {
    const std::string text = metrics();
    if (text.find("openpcc_refusals_total{rule=\"" + std::string(rule) + "\"} " + std::to_string(times) + "\n") == std::string::npos) {
      return testing::AssertionFailure() << "not one refusal by " << rule << ":\n"
                                         << text.substr(std::min(text.size(), text.find("openpcc_refusals_total{")));
    }
    testkit::note_tripped(rule);
    return testing::AssertionSuccess();
  }

  Sealed seal(bhttp::RequestHead head, std::string_view content) {
    const LiveKey& key = keyring_.keys().back();
    return seal_to(key.node_id, key.key, std::move(head), content);
  }
  Sealed seal_to(const envelope::NodeId& id, const hpke::PrivateKey& key, bhttp::RequestHead head, std::string_view content) {
    return seal_message(id, key, bhttp::encode_request(head, as_bytes(content)));
  }
  Sealed seal_message(const envelope::NodeId& id, const hpke::PrivateKey& key, ByteSpan message) {
    const auto public_key = hpke::PublicKey::parse(hpke::KemId::x_wing, key.public_key());
    std::vector<envelope::Recipient> recipients;
    recipients.push_back({id, &*public_key, Secret<32>(), std::nullopt});
    auto sealed = envelope::seal_request(std::move(recipients), message, random_);
    OPENPCC_CHECK(sealed.has_value());
    return {std::move(sealed->envelope), std::move(sealed->answer)};
  }
  bhttp::RequestHead chat(std::string_view profile = "low-latency") const {
    return {"POST",
            "https",
            std::string(kInnerAuthority),
            "/v1/chat/completions",
            {{"content-type", "application/json"},
             {"accept", "text/event-stream"},
             {"x-client", "who"},
             {std::string(envelope::kProfileField), std::string(profile)},
             {std::string(envelope::kNotAfterField), std::to_string(clock_.now() + 300)}}};
  }

  // begin sends an envelope and waits for nothing.
  Task<std::unique_ptr<http::ClientExchange>> begin(const Bytes& envelope) {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> bytes = envelope.size();
    auto opened = co_await client_->open(node_server_->endpoint(), std::move(head), bytes);
    OPENPCC_CHECK(opened.has_value());
    const ByteSpan body = envelope;
    const auto written = co_await (*opened)->write(body);
    const auto finished = co_await (*opened)->finish_request();
    OPENPCC_CHECK(written.has_value() && finished.has_value());
    co_return std::move(*opened);
  }
  // collect reads an exchange's answer to its end, whatever that is.
  static Task<Answer> collect(http::ClientExchange& exchange) {
    Answer answer;
    const auto head = co_await exchange.read_head();
    OPENPCC_CHECK(head.has_value());
    answer.status = head->status;
    for (;;) {
      const auto piece = co_await exchange.read();
      answer.cut = !piece;
      if (!piece || piece->empty()) co_return answer;
      answer.body.insert(answer.body.end(), piece->begin(), piece->end());
    }
  }
  Task<Answer> post(const Bytes& envelope) {
    const auto exchange = co_await begin(envelope);
    auto answer = co_await collect(*exchange);
    co_return answer;
  }
  // ask_chat seals a request, posts it and opens the whole answer; open_answer does so with a sealed one.
  Task<Result<bhttp::Response>> ask_chat(std::string_view profile, std::string_view content) {
    return open_answer(seal(chat(profile), content));
  }
  Task<Result<bhttp::Response>> open_answer(Sealed sealed) {
    const auto answer = co_await post(sealed.envelope);
    EXPECT_EQ(answer.status, 200);
    Bytes message;
    OPENPCC_CO_TRY(sealed.opener.open(answer.body, message));
    OPENPCC_CO_TRY(sealed.opener.end(message));
    EXPECT_FALSE(answer.cut);
    co_return bhttp::decode_response(message);
  }
  Task<uint16_t> fetch_status(std::string_view method, std::string_view target, std::string_view body) {
    http::RequestHead head;
    head.method = method;
    head.target = target;
    Bytes bytes(body.begin(), body.end());
    const auto answer = co_await client_->fetch(node_server_->endpoint(), std::move(head), std::move(bytes), 1 << 20);
    co_return answer ? answer->head.status : 0;
  }

 private:
  std::unique_ptr<http::Server> listen(http::Handler handler) {
    auto server = http::Server::listen(loop_, loopback(), nullptr, std::move(handler));
    OPENPCC_CHECK(server.has_value());
    return std::move(*server);
  }
  Task<> run_then_stop(std::function<Task<>()>& body) {
    co_await body();
    loop_.stop();
  }
  Task<> engine(http::ServerExchange& exchange) {
    ++engine_calls_;
    const auto body = co_await exchange.read_all(1 << 20);
    if (body && engine_script) co_await engine_script(exchange, *body);
  }

  static Task<> be_well(http::ServerExchange& exchange) {
    const auto body = co_await exchange.read_all(1 << 20);
    http::ResponseHead head;
    const ByteSpan answer = as_bytes(R"({"data":[{"id":"engine-m"}]})");
    const auto sent = co_await exchange.respond_with(std::move(head), answer);
    EXPECT_TRUE(body && sent);
  }

  // Each rig has keys of its own.
  static uint64_t next_seed() {
    static uint64_t seed = 0;
    return ++seed;
  }

  NullDevice null_;  // the log's thread writes to it until the log is gone
  testkit::TestClock clock_{kStart};
  testkit::TestRandom random_{next_seed()};
  daemon::Metrics metrics_;
  daemon::Log log_;
  sim_maker::RootKeys roots_;
  sim_maker::SoftwareTee tee_;
  note::SignerKey beacon_key_;
  Keyring keyring_;
  http::Loop loop_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Server> engine_server_;
  std::unique_ptr<http::Server> stand_in_;
  std::unique_ptr<EngineWatch> watch_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<http::Server> node_server_;
  size_t engine_calls_ = 0;
};

constexpr std::string_view kBody = R"({"model":"m","messages":[],"stream":true})";

http::ResponseHead event_stream() {
  http::ResponseHead head;
  head.fields.add("content-type", "text/event-stream");
  head.fields.add("x-engine-secret", "v1");
  return head;
}

// say writes a stream of two events and ends it.
Task<> say_two(http::ServerExchange& exchange, const Bytes&) {
  http::ResponseHead head = event_stream();
  const std::optional<uint64_t> unknown;
  const auto responded = co_await exchange.respond(std::move(head), unknown);
  for (const std::string_view event : {"data: one\n\n", "data: [DONE]\n\n"}) {
    const ByteSpan bytes = as_bytes(event);
    const auto written = co_await exchange.write(bytes);
    EXPECT_OK(written);
  }
  const auto finished = co_await exchange.finish();
  EXPECT_OK(responded);
  EXPECT_OK(finished);
}

Task<> say_whole(http::ServerExchange& exchange, uint16_t status, std::string_view body) {
  http::ResponseHead head;
  head.status = status;
  head.fields.add("content-type", "application/json");
  head.fields.add("retry-after", "7");
  const ByteSpan bytes = as_bytes(body);
  const auto sent = co_await exchange.respond_with(std::move(head), bytes);
  EXPECT_OK(sent);
}

TEST(Node, a_sealed_request_reaches_the_engine_filtered_and_comes_back_sealed) {
  Rig rig;
  http::RequestHead seen;
  std::string seen_body;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes& body) -> Task<> {
    seen = exchange.request();
    seen_body = as_text(body);
    co_await say_two(exchange, body);
  };
  rig.run([&]() -> Task<> {
    for (const std::string_view profile : {"low-latency", "balanced", "strict"}) {
      const auto response = co_await rig.ask_chat(profile, kBody);
      EXPECT_OK(response);
      if (!response) co_return;
      EXPECT_EQ(response->head, (bhttp::ResponseHead{200, {{"content-type", "text/event-stream"}}}));
      EXPECT_EQ(as_text(response->content), "data: one\n\ndata: [DONE]\n\n");
    }
  });
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/chat/completions");
  for (const http::Field& field : seen.fields.lines()) {
    EXPECT_TRUE(field.name == "content-type" || field.name == "accept-encoding" || field.name == "content-length" || field.name == "host")
        << field.name;
  }
  EXPECT_EQ(seen_body,
            R"({"model":"engine-m","cache_salt":")" + std::string(64, '0') + R"(","cache_prompt":false,"messages":[],"stream":true})");
}

TEST(Node, the_first_frame_arrives_while_the_engine_is_held) {
  Rig rig;
  http::Event go_on(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    const ByteSpan first = as_bytes("data: one\n\n");
    const auto written = co_await exchange.write(first);
    const bool told = co_await go_on.wait(kSoon);
    EXPECT_TRUE(responded && written && told);
    const auto finished = co_await exchange.finish();
    EXPECT_OK(finished);
  };
  rig.run([&]() -> Task<> {
    Sealed sealed = rig.seal(rig.chat("balanced"), kBody);
    const auto exchange = co_await rig.begin(sealed.envelope);
    const auto head = co_await exchange->read_head();
    EXPECT_OK(head);
    Bytes message;
    while (as_text(message).find("data: one") == std::string_view::npos) {
      const auto piece = co_await exchange->read();
      EXPECT_TRUE(piece && !piece->empty());
      if (!piece || piece->empty()) co_return;
      EXPECT_OK(sealed.opener.open(*piece, message));
    }
    EXPECT_FALSE(sealed.opener.end(message)) << "the answer must not be whole yet";
    go_on.set();
    const auto rest = co_await exchange->read_all(1 << 20);
    EXPECT_OK(rest);
  });
}

TEST(Node, an_engine_that_dies_in_mid_stream_leaves_a_truncated_answer) {
  Rig rig;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    const ByteSpan first = as_bytes("data: one\n\n");
    const auto written = co_await exchange.write(first);
    EXPECT_TRUE(responded && written);
    exchange.abort();
  };
  rig.run([&]() -> Task<> {
    for (const std::string_view profile : {"low-latency", "balanced", "strict"}) {
      Sealed sealed = rig.seal(rig.chat(profile), kBody);
      const auto answer = co_await rig.post(sealed.envelope);
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.cut);
      Bytes message;
      EXPECT_OK(sealed.opener.open(answer.body, message));
      EXPECT_NE(as_text(message).find("data: one"), std::string_view::npos);
      EXPECT_RULE(sealed.opener.end(message), "envelope.answer.truncated");
    }
  });
  EXPECT_NE(rig.metrics().find("openpcc_answers_aborted_total 3"), std::string::npos);
}

TEST(Node, a_client_that_leaves_ends_the_engines_work) {
  Rig rig;
  http::Event engine_left(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const auto left = std::make_shared<http::Event>(rig.loop().executor());
    exchange.when_abandoned([left] { left->set(); });
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    EXPECT_OK(responded);
    const bool gone = co_await left->wait(kSoon);
    EXPECT_TRUE(gone);
    engine_left.set();
  };
  rig.run([&]() -> Task<> {
    // Once before the answer's first byte is read, and once in the middle of the stream.
    for (const bool begun : {false, true}) {
      Sealed sealed = rig.seal(rig.chat(), kBody);
      const auto exchange = co_await rig.begin(sealed.envelope);
      if (begun) {
        const auto head = co_await exchange->read_head();
        EXPECT_OK(head);
      } else {
        const http::Milliseconds moment(100);
        co_await http::sleep_for(moment);
      }
      exchange->abort();
      const bool left = co_await engine_left.wait(kSoon);
      EXPECT_TRUE(left);
      for (int i = 0; i < 200 && rig.metrics().find("openpcc_requests_running 0") == std::string::npos; ++i) {
        const http::Milliseconds moment(10);
        co_await http::sleep_for(moment);
      }
    }
  });
  EXPECT_TRUE(rig.refused("node.answer.abandoned", 2));
  EXPECT_NE(rig.metrics().find("openpcc_cancelled_total 2"), std::string::npos);
  EXPECT_NE(rig.metrics().find("openpcc_requests_running 0"), std::string::npos);
}

TEST(Node, the_same_envelope_is_answered_once) {
  Rig rig;
  rig.engine_script = say_two;
  rig.run([&]() -> Task<> {
    const Sealed sealed = rig.seal(rig.chat(), kBody);
    const auto first = co_await rig.post(sealed.envelope);
    const auto second = co_await rig.post(sealed.envelope);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(second.status, 400);
    EXPECT_TRUE(second.body.empty());
  });
  EXPECT_TRUE(rig.refused("node.replay.repeated"));
  EXPECT_EQ(rig.engine_calls(), 1u);
}

TEST(Node, an_envelope_for_another_node_is_refused) {
  Rig rig;
  Rig other;
  rig.run([&]() -> Task<> {
    const LiveKey& key = other.keyring().keys().back();
    const Sealed moved = rig.seal_to(key.node_id, key.key, rig.chat(), kBody);
    const auto answer = co_await rig.post(moved.envelope);
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.body.empty());
  });
  EXPECT_TRUE(rig.refused("envelope.1.recipient"));
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, an_envelope_that_names_us_but_is_sealed_to_another_key_is_refused) {
  Rig rig;
  Rig other;
  rig.run([&]() -> Task<> {
    const Sealed wrong = rig.seal_to(rig.keyring().keys().back().node_id, other.keyring().keys().back().key, rig.chat(), kBody);
    const auto answer = co_await rig.post(wrong.envelope);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("envelope.1.wrap"));
}

TEST(Node, a_truncated_or_empty_envelope_is_refused) {
  Rig rig;
  rig.run([&]() -> Task<> {
    const Sealed sealed = rig.seal(rig.chat(), kBody);
    for (const size_t n : {size_t{0}, size_t{10}, size_t{500}, sealed.envelope.size() - 1}) {
      const Bytes cut(sealed.envelope.begin(), sealed.envelope.begin() + static_cast<ptrdiff_t>(n));
      const auto answer = co_await rig.post(cut);
      EXPECT_EQ(answer.status, 400) << n;
    }
    // Refused before its replay entry is made, the whole one is still good.
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 200);
  });
}

TEST(Node, what_is_sealed_must_be_a_request_in_time) {
  Rig rig;
  rig.run([&]() -> Task<> {
    bhttp::RequestHead late = rig.chat();
    late.fields.back().value = std::to_string(kStart - 1);
    const Sealed sealed = rig.seal(std::move(late), kBody);
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(answer.body.empty());
  });
  EXPECT_TRUE(rig.refused("node.not_after.passed"));
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, what_is_sealed_must_have_a_known_length) {
  Rig rig;
  rig.run([&]() -> Task<> {
    Bytes message;
    bhttp::append_request_head(message, rig.chat());
    bhttp::append_content(message, as_bytes(kBody));
    bhttp::append_end(message);
    const LiveKey& key = rig.keyring().keys().back();
    const Sealed sealed = rig.seal_message(key.node_id, key.key, message);
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("node.envelope.framing"));
}

TEST(Node, refusals_of_the_filter_travel_sealed) {
  Rig rig;
  rig.run([&]() -> Task<> {
    const auto unknown = co_await rig.ask_chat("strict", R"({"model":"other"})");
    EXPECT_OK(unknown);
    if (!unknown) co_return;
    EXPECT_EQ(unknown->head.status, 404);
    EXPECT_NE(as_text(unknown->content).find("model_not_found"), std::string_view::npos);

    const auto profile = co_await rig.ask_chat("fastest", kBody);
    EXPECT_OK(profile);
    if (!profile) co_return;
    EXPECT_EQ(profile->head.status, 400);

    bhttp::RequestHead models = rig.chat();
    models.method = "GET";
    models.path = "/v1/models";
    Sealed sealed = rig.seal(std::move(models), "");
    const auto list = co_await rig.open_answer(std::move(sealed));
    EXPECT_OK(list);
    if (!list) co_return;
    EXPECT_EQ(list->head.status, 200);
    EXPECT_NE(as_text(list->content).find("\"id\":\"m\""), std::string_view::npos);
  });
  EXPECT_EQ(rig.engine_calls(), 0u);
}

TEST(Node, the_engines_own_errors_reach_the_user_whole) {
  Rig rig;
  rig.engine_script = [](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    co_await say_whole(exchange, 429, R"({"error":"busy"})");
  };
  rig.run([&]() -> Task<> {
    const auto response = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_OK(response);
    if (!response) co_return;
    EXPECT_EQ(response->head, (bhttp::ResponseHead{429, {{"content-type", "application/json"}, {"retry-after", "7"}}}));
    EXPECT_EQ(as_text(response->content), R"({"error":"busy"})");
  });
}

TEST(Node, an_engine_that_is_not_there_is_a_sealed_503) {
  NodeConfig config;
  config.engine.endpoint = *http::Endpoint::parse("unix:/nonexistent/engine.sock");
  Rig rig(std::move(config));
  rig.run([&]() -> Task<> {
    const auto response = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_OK(response);
    if (response) {
      EXPECT_EQ(response->head.status, 503);
    }
  });
  EXPECT_TRUE(rig.refused("node.engine.unreachable"));
}

TEST(Node, an_engine_that_hangs_up_or_redirects_is_a_sealed_502) {
  Rig rig;
  rig.run([&]() -> Task<> {
    rig.engine_script = [](http::ServerExchange& exchange, const Bytes&) -> Task<> {
      exchange.abort();
      co_return;
    };
    const auto hung_up = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_OK(hung_up);
    if (hung_up) {
      EXPECT_EQ(hung_up->head.status, 502);
    }
    EXPECT_TRUE(rig.refused("node.engine.failed"));
    rig.engine_script = [](http::ServerExchange& exchange, const Bytes&) -> Task<> { co_await say_whole(exchange, 307, ""); };
    const auto redirected = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_OK(redirected);
    if (redirected) {
      EXPECT_EQ(redirected->head.status, 502);
    }
  });
}

TEST(Node, an_answer_in_a_coding_that_nobody_asked_for_is_a_sealed_502) {
  Rig rig;
  std::string_view coding = "gzip";
  std::string_view asked_for;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    asked_for = exchange.request().fields.find("accept-encoding") == "identity" ? "identity" : "";
    http::ResponseHead head;
    head.fields.add("content-encoding", coding);
    const ByteSpan body = as_bytes("{}");
    const auto sent = co_await exchange.respond_with(std::move(head), body);
    EXPECT_OK(sent);
  };
  rig.run([&]() -> Task<> {
    const auto compressed = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_TRUE(compressed && compressed->head.status == 502);
    coding = "identity";
    const auto plain = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_TRUE(plain && plain->head.status == 200 && plain->head.fields.empty());
  });
  EXPECT_EQ(asked_for, "identity");
  EXPECT_TRUE(rig.refused("node.engine.encoded"));
}

TEST(Node, an_answer_of_two_types_is_a_sealed_502) {
  Rig rig;
  rig.engine_script = [](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    http::ResponseHead head = event_stream();
    head.fields.add("content-type", "text/html");
    const ByteSpan body = as_bytes("data: one\n\n");
    const auto sent = co_await exchange.respond_with(std::move(head), body);
    EXPECT_OK(sent);
  };
  rig.run([&]() -> Task<> {
    const auto response = co_await rig.ask_chat("low-latency", kBody);
    EXPECT_TRUE(response && response->head.status == 502);
  });
  EXPECT_TRUE(rig.refused("node.engine.failed"));
}

// RawEngine answers every connection with the same bytes and then closes it: what an http::Server never would.
class RawEngine {
 public:
  RawEngine(http::Loop& loop, const http::Endpoint& endpoint, std::string answer) : answer_(std::move(answer)) {
    auto listener = http::Listener::bind(loop.executor(), endpoint);
    OPENPCC_CHECK(listener.has_value());
    listener_ = std::move(*listener);
    loop.spawn(serve());
  }

 private:
  Task<> serve() {
    for (;;) {
      const auto stream = co_await listener_->accept();
      if (!stream) co_return;
      Bytes request(64 * 1024);
      const MutableByteSpan into = request;
      const auto read = co_await (*stream)->read_some(into, kSoon);
      const std::array<ByteSpan, 1> pieces{as_bytes(answer_)};
      const std::span<const ByteSpan> all(pieces);
      const auto written = co_await (*stream)->write(all, kSoon);
      const auto finished = co_await (*stream)->finish(kSoon);
      EXPECT_TRUE(read && written && finished);
    }
  }

  std::string answer_;
  std::unique_ptr<http::Listener> listener_;
};

struct Lie {
  std::string_view answer;
  std::string_view rule;   // of the answer
  std::string_view cause;  // counted beside it
};

TEST(Node, an_answer_that_is_none_is_a_sealed_502_and_counted_by_its_cause) {
  const Lie lies[] = {
      {"HTTP/1.1 200 OK\r\n\r\n{}", "node.engine.unframed", ""},
      {"HTTP/1.0 200 OK\r\n\r\n{}", "node.engine.unframed", ""},
      {"hello\r\n\r\n", "node.engine.failed", "http.client.malformed"},
      {"HTTP/1.1 200 OK\r\n", "node.engine.failed", "http.client.truncated"},
      {"", "node.engine.failed", "http.client.closed"},
  };
  const auto file = std::filesystem::temp_directory_path() / ("openpcc_raw_" + std::to_string(getpid()) + ".sock");
  for (const Lie& lie : lies) {
    NodeConfig config;
    config.engine.endpoint = *http::Endpoint::parse("unix:" + file.string());
    Rig rig(config);
    const RawEngine engine(rig.loop(), config.engine.endpoint, std::string(lie.answer));
    rig.run([&]() -> Task<> {
      const auto response = co_await rig.ask_chat("low-latency", kBody);
      EXPECT_TRUE(response && response->head.status == 502) << lie.answer;
      if (!response) co_return;
      EXPECT_NE(as_text(response->content).find(lie.rule), std::string_view::npos);
    });
    EXPECT_TRUE(rig.refused(lie.rule)) << lie.answer;
    if (!lie.cause.empty()) {
      EXPECT_TRUE(rig.refused(lie.cause)) << lie.answer;
    }
  }
}

TEST(Node, an_engine_faster_than_the_frames_is_held_back_and_goes_on) {
  NodeConfig config;
  config.keep_alive = http::Milliseconds(3'600'000);  // nothing else wakes the node
  config.answer_time_max = http::Milliseconds(60'000);
  Rig rig(std::move(config));
  const std::string body(6u << 20, 'x');
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> { co_await say_whole(exchange, 200, body); };
  rig.run([&]() -> Task<> {
    for (const std::string_view profile : {"low-latency", "balanced", "strict"}) {
      const auto response = co_await rig.ask_chat(profile, kBody);
      EXPECT_OK(response);
      EXPECT_TRUE(response && as_text(response->content) == body) << profile;
    }
  });
}

TEST(Node, an_answer_beyond_its_size_is_cut) {
  NodeConfig config;
  config.answer_bytes_max = 1000;
  Rig rig(std::move(config));
  rig.engine_script = [](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const std::string body(1001, 'x');
    co_await say_whole(exchange, 200, body);
  };
  rig.run([&]() -> Task<> {
    Sealed sealed = rig.seal(rig.chat(), kBody);
    const auto exchange = co_await rig.begin(sealed.envelope);
    const auto head = co_await exchange->read_head();
    if (head) {
      const auto all = co_await exchange->read_all(1 << 20);
      EXPECT_TRUE(!all || head->status != 200);
    }
  });
  EXPECT_TRUE(rig.refused("node.answer.too_large"));
}

TEST(Node, an_answer_beyond_its_time_is_cut) {
  NodeConfig config;
  config.answer_time_max = std::chrono::seconds(1);
  Rig rig(std::move(config));
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const auto left = std::make_shared<http::Event>(rig.loop().executor());
    exchange.when_abandoned([left] { left->set(); });
    http::ResponseHead head = event_stream();
    const std::optional<uint64_t> unknown;
    const auto responded = co_await exchange.respond(std::move(head), unknown);
    EXPECT_OK(responded);
    const bool gone = co_await left->wait(kSoon);
    EXPECT_TRUE(gone);
  };
  rig.run([&]() -> Task<> {
    Sealed sealed = rig.seal(rig.chat(), kBody);
    const auto answer = co_await rig.post(sealed.envelope);
    EXPECT_TRUE(answer.cut);
    Bytes message;
    EXPECT_OK(sealed.opener.open(answer.body, message));
    EXPECT_FALSE(sealed.opener.end(message));
  });
  EXPECT_TRUE(rig.refused("node.answer.too_long"));
}

TEST(Node, more_requests_than_it_takes_are_told_to_go_elsewhere) {
  NodeConfig config;
  config.requests_max = 1;
  Rig rig(std::move(config));
  http::Event go_on(rig.loop().executor());
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes& body) -> Task<> {
    const bool told = co_await go_on.wait(kSoon);
    EXPECT_TRUE(told);
    co_await say_two(exchange, body);
  };
  rig.run([&]() -> Task<> {
    const Sealed first = rig.seal(rig.chat(), kBody);
    const Sealed second = rig.seal(rig.chat(), kBody);
    const auto held = co_await rig.begin(first.envelope);
    while (rig.engine_calls() == 0) {
      const http::Milliseconds moment(5);
      co_await http::sleep_for(moment);
    }
    const auto refused = co_await rig.post(second.envelope);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.body.empty());
    go_on.set();
    const auto answer = co_await Rig::collect(*held);
    EXPECT_FALSE(answer.cut);
    go_on.set();
    const auto again = co_await rig.post(second.envelope);  // it was refused before it was opened
    EXPECT_EQ(again.status, 200);
  });
  EXPECT_TRUE(rig.refused("node.busy"));
}

TEST(Node, a_full_replay_set_refuses_and_asks_for_a_new_key) {
  Rig rig({}, 1);
  rig.engine_script = say_two;
  rig.run([&]() -> Task<> {
    const Sealed first = rig.seal(rig.chat(), kBody);
    const Sealed second = rig.seal(rig.chat(), kBody);
    const auto good = co_await rig.post(first.envelope);
    const auto full = co_await rig.post(second.envelope);
    EXPECT_EQ(good.status, 200);
    EXPECT_EQ(full.status, 503);
  });
  EXPECT_TRUE(rig.refused("node.replay.full"));
  EXPECT_TRUE(rig.keyring().tend(rig.now()).made.has_value());
}

TEST(Node, judges_an_envelope_by_its_head_before_reading_it) {
  NodeConfig config;
  config.envelope_bytes_max = 10'000;
  Rig rig(std::move(config));
  rig.run([&]() -> Task<> {
    const std::string small = "x";
    const std::string big(10'001, 'x');
    const auto untyped = co_await rig.fetch_status("POST", "/v1/envelope", small);
    EXPECT_EQ(untyped, 400);
    const Bytes too_large(big.begin(), big.end());
    const auto large = co_await rig.post(too_large);
    EXPECT_EQ(large.status, 400);

    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> unknown;
    auto chunked = co_await rig.client().open(rig.node_endpoint(), std::move(head), unknown);
    EXPECT_OK(chunked);
    if (!chunked) co_return;
    const auto finished = co_await (*chunked)->finish_request();
    EXPECT_OK(finished);
    const auto answer = co_await Rig::collect(**chunked);
    EXPECT_EQ(answer.status, 400);
  });
  EXPECT_TRUE(rig.refused("node.envelope.media_type"));
  EXPECT_TRUE(rig.refused("node.envelope.too_large"));
  EXPECT_TRUE(rig.refused("node.envelope.length"));
}

TEST(Node, an_envelope_that_does_not_arrive_whole_is_dropped) {
  Rig rig;
  rig.run([&]() -> Task<> {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> bytes = 1000;
    auto exchange = co_await rig.client().open(rig.node_endpoint(), std::move(head), bytes);
    EXPECT_OK(exchange);
    if (!exchange) co_return;
    const ByteSpan part = as_bytes("only this");
    const auto written = co_await (*exchange)->write(part);
    EXPECT_OK(written);
    (*exchange)->abort();
    for (int i = 0; i < 200 && rig.metrics().find("node.envelope.body") == std::string::npos; ++i) {
      const http::Milliseconds moment(10);
      co_await http::sleep_for(moment);
    }
  });
  EXPECT_TRUE(rig.refused("node.envelope.body"));
}

TEST(Node, an_envelope_that_dribbles_in_is_dropped) {
  NodeConfig config;
  config.envelope_time_max = http::Milliseconds(150);
  Rig rig(std::move(config));
  rig.run([&]() -> Task<> {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/v1/envelope";
    head.fields.add("content-type", envelope::kRequestType);
    const std::optional<uint64_t> bytes = 1000;
    auto exchange = co_await rig.client().open(rig.node_endpoint(), std::move(head), bytes);
    EXPECT_OK(exchange);
    if (!exchange) co_return;
    const ByteSpan one = as_bytes("x");
    for (int i = 0; i < 200; ++i) {
      const auto written = co_await (*exchange)->write(one);
      if (!written) break;
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
  });
  EXPECT_TRUE(rig.refused("node.envelope.body"));
}

TEST(Node, evidence_is_given_and_beacons_are_taken) {
  Rig rig;
  rig.run([&]() -> Task<> {
    http::RequestHead get;
    get.method = "GET";
    get.target = "/v1/evidence";
    Bytes nothing;
    const auto evidence = co_await rig.client().fetch(rig.node_endpoint(), std::move(get), std::move(nothing), 4 << 20);
    EXPECT_OK(evidence);
    if (!evidence) co_return;
    EXPECT_EQ(as_text(evidence->body), as_text(rig.keyring().key_list(rig.now())));

    const std::string newer = rig.beacon(2);
    const auto taken = co_await rig.fetch_status("PUT", "/v1/beacon", newer);
    EXPECT_EQ(taken, 204);
    const std::string older = rig.beacon(1);
    const auto refused = co_await rig.fetch_status("PUT", "/v1/beacon", older);
    EXPECT_EQ(refused, 400);
    const std::string huge(note::kNoteBytesMax + 1, 'x');
    const auto too_large = co_await rig.fetch_status("PUT", "/v1/beacon", huge);
    EXPECT_EQ(too_large, 400);
    const auto nowhere = co_await rig.fetch_status("GET", "/v1/models", "");
    EXPECT_EQ(nowhere, 404);
    const auto wrong = co_await rig.fetch_status("GET", "/v1/envelope", "");
    EXPECT_EQ(wrong, 405);
  });
  EXPECT_TRUE(rig.refused("node.beacon.older"));
  EXPECT_TRUE(rig.refused("node.beacon.body"));
  EXPECT_TRUE(rig.refused("node.path"));
  EXPECT_TRUE(rig.refused("node.method"));
}

TEST(Node, is_ready_with_a_key_and_an_engine_that_answers) {
  Rig rig({}, 1000, Rig::Watched::engine);
  bool up = false;
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const bool list = exchange.request().target == "/v1/models";
    co_await say_whole(exchange, up ? 200 : 503, list ? R"({"data":[{"id":"engine-m"}]})" : "{}");
  };
  rig.run([&]() -> Task<> {
    while (rig.engine_calls() < 2) {
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
    EXPECT_FALSE(rig.node().ready());
    const Sealed early = rig.seal(rig.chat(), kBody);
    const auto refused = co_await rig.post(early.envelope);
    EXPECT_EQ(refused.status, 503) << "before it was opened: another node may take it";
    up = true;
    for (int i = 0; i < 200 && !rig.node().ready(); ++i) {
      const http::Milliseconds moment(20);
      co_await http::sleep_for(moment);
    }
    EXPECT_TRUE(rig.node().ready());
  });
  EXPECT_TRUE(rig.refused("node.engine.away"));
}

TEST(Node, does_not_pass_on_what_the_engine_would_not_keep_apart) {
  Rig rig({}, 1000, Rig::Watched::engine);
  rig.engine_script = [&](http::ServerExchange& exchange, const Bytes&) -> Task<> {
    const std::string& path = exchange.request().target;
    const bool list = path == "/v1/models";
    const bool shared = path == "/v1/messages";
    co_await say_whole(exchange, 200,
                       list     ? R"({"data":[{"id":"engine-m"}]})"
                       : shared ? R"({"usage":{"cache_read_input_tokens":512}})"
                                : "{}");
  };
  rig.run([&]() -> Task<> {
    co_await rig.wait_ready();
    bhttp::RequestHead head = rig.chat();
    head.path = "/v1/messages";
    Sealed sealed = rig.seal(head, R"({"model":"m","messages":[]})");
    const auto answer = co_await rig.open_answer(std::move(sealed));
    EXPECT_OK(answer);
    if (!answer) co_return;
    EXPECT_EQ(answer->head.status, 501);
    EXPECT_NE(as_text(answer->content).find(R"("type":"error")"), std::string_view::npos);
  });
  EXPECT_TRUE(rig.refused("node.filter.shared_cache"));
}

}  // namespace
}  // namespace openpcc::node
