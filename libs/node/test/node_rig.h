// The whole node over real sockets: a client's sealed envelope in, an engine of the test's own behind it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "openpcc/http/client.h"
#include "openpcc/http/server.h"
#include "openpcc/http/stream.h"
#include "openpcc/node/node.h"
#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {

using http::Task;

inline constexpr UnixSeconds kStart = 1'800'000'000;
inline constexpr http::Milliseconds kSoon{5'000};

inline http::Endpoint loopback() { return *http::Endpoint::parse("http://127.0.0.1:0"); }

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

inline constexpr std::string_view kBody = R"({"model":"m","messages":[],"stream":true})";

inline http::ResponseHead event_stream() {
  http::ResponseHead head;
  head.fields.add("content-type", "text/event-stream");
  head.fields.add("x-engine-secret", "v1");
  return head;
}

// say writes a stream of two events and ends it.
inline Task<> say_two(http::ServerExchange& exchange, const Bytes&) {
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

inline Task<> say_whole(http::ServerExchange& exchange, uint16_t status, std::string_view body) {
  http::ResponseHead head;
  head.status = status;
  head.fields.add("content-type", "application/json");
  head.fields.add("retry-after", "7");
  const ByteSpan bytes = as_bytes(body);
  const auto sent = co_await exchange.respond_with(std::move(head), bytes);
  EXPECT_OK(sent);
}

}  // namespace openpcc::node
