// What becomes of an engine's answers, above all of those that are none.
#include "node_rig.h"

namespace openpcc::node {
namespace {

TEST(NodeEngine, an_engine_that_dies_in_mid_stream_leaves_a_truncated_answer) {
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

TEST(NodeEngine, the_engines_own_errors_reach_the_user_whole) {
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

TEST(NodeEngine, an_engine_that_is_not_there_is_a_sealed_503) {
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

TEST(NodeEngine, an_engine_that_hangs_up_or_redirects_is_a_sealed_502) {
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

TEST(NodeEngine, an_answer_in_a_coding_that_nobody_asked_for_is_a_sealed_502) {
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

TEST(NodeEngine, an_answer_of_two_types_is_a_sealed_502) {
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

TEST(NodeEngine, an_answer_that_is_none_is_a_sealed_502_and_counted_by_its_cause) {
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

TEST(NodeEngine, an_engine_faster_than_the_frames_is_held_back_and_goes_on) {
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

TEST(NodeEngine, an_answer_beyond_its_size_is_cut) {
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

TEST(NodeEngine, an_answer_beyond_its_time_is_cut) {
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

TEST(NodeEngine, does_not_pass_on_what_the_engine_would_not_keep_apart) {
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
