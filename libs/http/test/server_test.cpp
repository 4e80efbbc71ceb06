// The server against peers that speak bytes: malformed, slow, gone, greedy, or many.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "harness.h"

namespace openpcc::http {
namespace {

using namespace test;

constexpr std::string_view k400 = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// answer_ok reads the whole request and answers "<target> <body>".
Task<> answer_ok(ServerExchange& exchange) {
  const Result<Bytes> body = co_await exchange.read_all(1'000'000);
  if (!body) co_return;
  const std::string text = exchange.request().target + " " + text_of(*body);
  ResponseHead head;
  std::ignore = co_await exchange.respond_with(std::move(head), as_bytes(text));
}

std::string ok(const std::string& text) { return "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(text.size()) + "\r\n\r\n" + text; }

// ask sends `text` and returns all that comes back until the server closes.
Task<std::string> ask(const Endpoint& endpoint, std::string_view text) {
  Raw raw = co_await Raw::connect_to(endpoint);
  co_await raw.send(text);
  std::string answer = co_await raw.read_to_end();
  EXPECT_EQ(raw.end(), "clean");
  co_return answer;
}

TEST(Server, answers_malformed_heads_with_400_and_closes) {
  Bench bench;
  int handled = 0;
  const auto handler = [&](ServerExchange&) -> Task<> {
    ++handled;
    co_return;
  };
  bench.serve(handler);
  const std::string cases[] = {
      "\r\n",
      "GET / HTTP/1.1\n",
      "GET / HTTP/1.1\r\nHost: a\r\n\r \n",
      std::string("GET /\0 HTTP/1.1\r\n", 17),
      "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
      "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nb : c\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: other\r\nContent-Length: 1\r\n\r\nx",
      "GET / HTTP/1.1\r\nHost: a\r\nx: " + std::string(20'000, 'y') + "\r\n\r\n",
  };
  bench.run([&]() -> Task<> {
    for (const std::string& text : cases) {
      const std::string answer = co_await ask(bench.endpoint(), text);
      EXPECT_EQ(answer, k400) << text;
    }
  });
  EXPECT_EQ(handled, 0);
}

// What follows a refused message is never read as another.
TEST(Server, does_not_read_on_after_a_malformed_message) {
  Bench bench;
  bench.serve(answer_ok);
  bench.run([&]() -> Task<> {
    const std::string bad_body =
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n" + std::string(kGet);
    const std::string first = co_await ask(bench.endpoint(), bad_body);
    EXPECT_EQ(first, k400);
    const std::string good_then_bad = std::string(kGet) + "GET / HTTP/1.1\r\n\r\n" + std::string(kGet);
    const std::string second = co_await ask(bench.endpoint(), good_then_bad);
    EXPECT_EQ(second, ok("/ ") + std::string(k400));
  });
}

TEST(Server, requests_survive_any_cut) {
  Bench bench;
  bench.serve(answer_ok);
  const std::string two =
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4;x\r\n two\r\n0\r\nt: v\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree";
  const std::string expected = ok("/a one two") + "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\n/b three";
  bench.run([&]() -> Task<> {
    for (size_t cut = 1; cut < two.size(); ++cut) {
      Raw raw = co_await Raw::connect_to(bench.endpoint());
      co_await raw.send(std::string_view(two).substr(0, cut));
      co_await sleep_for(0ms);
      co_await raw.send(std::string_view(two).substr(cut));
      const std::string answer = co_await raw.read_to_end();
      EXPECT_EQ(answer, expected) << cut;
    }
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    for (const char& c : two) {
      co_await raw.send(std::string_view(&c, 1));
      co_await sleep_for(0ms);
    }
    const std::string answer = co_await raw.read_to_end();
    EXPECT_EQ(answer, expected);
  });
}

TEST(Server, pipelined_requests_are_answered_in_order) {
  Bench bench;
  bench.serve(answer_ok);
  bench.run([&]() -> Task<> {
    std::string all;
    std::string expected;
    for (int i = 0; i < 500; ++i) {
      all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
      expected += ok("/" + std::to_string(i) + " ");
    }
    all += "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expected += "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n/ ";
    const std::string answers = co_await ask(bench.endpoint(), all);
    EXPECT_EQ(answers, expected);
  });
}

TEST(Server, slow_heads_and_idle_connections_are_ended) {
  Bench bench;
  ServerLimits limits;
  limits.head_timeout = 40ms;
  limits.idle_timeout = 60ms;
  bench.serve(answer_ok, limits);
  bench.run([&]() -> Task<> {
    const std::string slow = co_await ask(bench.endpoint(), "GET / HTT");
    EXPECT_EQ(slow, "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    const std::string silent = co_await ask(bench.endpoint(), "");
    EXPECT_EQ(silent, "");
    const std::string kept = co_await ask(bench.endpoint(), kGet);
    EXPECT_EQ(kept, ok("/ "));
    // A byte now and then does not stretch the head's time.
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    for (int i = 0; i < 12; ++i) {
      co_await raw.send(i == 0 ? "GET /" : "a");
      co_await sleep_for(10ms);
    }
    const std::string dripped = co_await raw.read_to_end();
    EXPECT_EQ(dripped.substr(0, 12), "HTTP/1.1 408");
  });
}

// Each error of a handler's calls, by its rule. `send`: what the peer sends before it leaves (or stays).
struct BodyCase {
  const char* what;
  std::string send;
  bool leave;
  const char* rule;
};

TEST(Server, reading_fails_by_rule) {
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const BodyCase cases[] = {
      {"bad chunk", chunked + "x\r\n", false, "http.server.malformed"},
      {"extension", chunked + "1;" + std::string(300, 'e') + "\r\n", false, "http.server.too_large"},
      {"over the handler's limit", chunked + "b\r\nhello world\r\n0\r\n\r\n", false, "http.server.too_large"},
      {"declared over the handler's limit", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", false, "http.server.too_large"},
      {"cut", chunked + "5\r\nhel", true, "http.server.closed"},
      {"slow", chunked + "5\r\nhel", false, "http.server.timeout"},
  };
  for (const BodyCase& c : cases) {
    Bench bench;
    ServerLimits limits;
    limits.idle_timeout = 50ms;
    Result<Bytes> body;
    Event handled(bench.loop.executor());
    const auto handler = [&](ServerExchange& exchange) -> Task<> {
      body = co_await exchange.read_all(10);
      handled.set();
    };
    bench.serve(handler, limits);
    bench.run([&]() -> Task<> {
      Raw raw = co_await Raw::connect_to(bench.endpoint());
      co_await raw.send(c.send);
      if (c.leave) raw.stream().abort();
      co_await handled.wait(5s);
    });
    EXPECT_RULE(body, c.rule) << c.what;
  }
}

TEST(Server, a_handler_that_never_answers_is_a_500) {
  Bench bench;
  const auto handler = [](ServerExchange&) -> Task<> { co_return; };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    const std::string answer = co_await ask(bench.endpoint(), kGet);
    EXPECT_EQ(answer, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
}

TEST(Server, an_answer_that_is_not_finished_has_no_last_chunk) {
  for (const bool abort : {true, false}) {
    Bench bench;
    const auto handler = [&](ServerExchange& exchange) -> Task<> {
      ResponseHead head;
      std::ignore = co_await exchange.respond(std::move(head), std::nullopt);
      std::ignore = co_await exchange.write(as_bytes("half"));
      if (abort) exchange.abort();
    };
    bench.serve(handler);
    bench.run([&]() -> Task<> {
      const std::string answer = co_await ask(bench.endpoint(), kGet);
      EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    });
  }
}

TEST(Server, declared_length_is_kept_or_the_answer_aborted) {
  for (const std::string_view body : {"four", "sixsix"}) {
    Bench bench;
    Result<> outcome;
    const auto handler = [&](ServerExchange& exchange) -> Task<> {
      ResponseHead head;
      std::ignore = co_await exchange.respond(std::move(head), 5);
      outcome = co_await exchange.write(as_bytes(body));
      if (outcome) outcome = co_await exchange.finish();
    };
    bench.serve(handler);
    bench.run([&]() -> Task<> { co_await ask(bench.endpoint(), kGet); });
    EXPECT_RULE(outcome, "http.server.length");
  }
}

TEST(Server, illegal_fields_are_not_sent) {
  Bench bench;
  Result<> outcome;
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    ResponseHead head{200, {{"a", "b\r\nSet-Cookie: c"}}};
    outcome = co_await exchange.respond(std::move(head), 0);
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    const std::string answer = co_await ask(bench.endpoint(), kGet);
    EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 500");
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
  });
  EXPECT_RULE(outcome, "http.emit.field_value");
}

TEST(Server, continue_is_sent_when_the_handler_reads) {
  Bench bench;
  bench.serve(answer_ok);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const std::string interim = co_await raw.read_until("\r\n\r\n");
    EXPECT_EQ(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    co_await raw.send("hello");
    const std::string answer = co_await raw.read_until("/ hello");
    EXPECT_EQ(answer, ok("/ hello"));
  });
}

TEST(Server, a_refused_expectation_closes_the_connection) {
  Bench bench;
  const auto handler = [](ServerExchange& exchange) -> Task<> {
    ResponseHead head{413, {}};
    std::ignore = co_await exchange.respond_with(std::move(head), {});
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    const std::string answer =
        co_await ask(bench.endpoint(), "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(answer, "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
}

TEST(Server, head_and_some_statuses_have_no_body) {
  Bench bench;
  const auto handler = [](ServerExchange& exchange) -> Task<> {
    ResponseHead head;
    head.status = exchange.request().target == "/204" ? 204 : exchange.request().target == "/304" ? 304 : 200;
    std::ignore = co_await exchange.respond_with(std::move(head), as_bytes("body"));
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    const std::string answer =
        co_await ask(bench.endpoint(),
                     "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\n\r\n"
                     "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer,
              "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n"
              "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\n");
  });
}

// One write is one chunk is one arrival; the head travels with the first, or alone where none comes in the same turn.
TEST(Server, writes_arrive_as_they_were_made) {
  Bench bench;
  Event go(bench.loop.executor());
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    const bool wait = exchange.request().target == "/wait";
    ResponseHead head;
    std::ignore = co_await exchange.respond(std::move(head), std::nullopt);
    if (wait) co_await go.wait(5s);
    std::ignore = co_await exchange.write(as_bytes("one"));
    co_await go.wait(5s);
    std::ignore = co_await exchange.write(as_bytes("second"));
    std::ignore = co_await exchange.write({});
    co_await go.wait(5s);
    std::ignore = co_await exchange.finish();
  };
  bench.serve(handler);
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    std::array<uint8_t, 4096> buffer;
    const MutableByteSpan into(buffer);
    for (const bool wait : {false, true}) {
      co_await raw.send(wait ? "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" : kGet);
      std::vector<std::string> expected{wait ? std::string(kHead) : std::string(kHead) + "3\r\none\r\n"};
      if (wait) expected.push_back("3\r\none\r\n");
      expected.insert(expected.end(), {"6\r\nsecond\r\n", "0\r\n\r\n"});
      for (const std::string& piece : expected) {
        const Result<size_t> n = co_await raw.stream().read_some(into, 5s);
        EXPECT_EQ(n ? text_of(into.first(*n)) : "", piece);
        go.set();
      }
      co_await go.wait(0ms);
    }
  });
}

TEST(Server, a_peer_that_does_not_read_stops_the_writer) {
  Bench bench;
  ServerLimits limits;
  limits.idle_timeout = 100ms;
  size_t written = 0;
  Result<> outcome;
  Event ended(bench.loop.executor());
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    const Bytes piece(256 * 1024, 'x');
    ResponseHead head;
    outcome = co_await exchange.respond(std::move(head), std::nullopt);
    while (outcome) {
      outcome = co_await exchange.write(piece);
      written += piece.size();
    }
    ended.set();
  };
  bench.serve(handler, limits);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send(kGet);
    co_await ended.wait(5s);
  });
  EXPECT_RULE(outcome, "http.server.timeout");
  EXPECT_LT(written, 32u * 1024 * 1024);
}

TEST(Server, abandonment_is_noticed_while_the_handler_waits) {
  for (const std::string_view way : {"end", "reset", "end with a body", "late callback", "early end"}) {
    Bench bench;
    bool abandoned = false;
    Result<> after;
    Event noticed(bench.loop.executor());
    const auto handler = [&](ServerExchange& exchange) -> Task<> {
      if (way == "early end") co_await sleep_for(20ms);
      if (way != "late callback") {
        exchange.when_abandoned([&] {
          abandoned = true;
          noticed.set();
        });
      }
      const Result<Bytes> body = co_await exchange.read_all(100);
      EXPECT_OK(body);
      if (way == "late callback") {
        exchange.when_abandoned([&] {
          abandoned = true;
          noticed.set();
        });
      }
      ResponseHead head;
      std::ignore = co_await exchange.respond(std::move(head), std::nullopt);
      const bool in_time = co_await noticed.wait(5s);
      EXPECT_TRUE(in_time) << way;
      after = co_await exchange.write(as_bytes("for nobody"));
      noticed.set();
    };
    bench.serve(handler);
    bench.run([&]() -> Task<> {
      Raw raw = co_await Raw::connect_to(bench.endpoint());
      const bool body = way == "end with a body" || way == "late callback";
      co_await raw.send(body ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" : kGet);
      if (way == "early end") {
        std::ignore = co_await raw.stream().finish(1s);
      } else {
        co_await raw.read_until("\r\n\r\n");
        raw.stream().abort();
      }
      while (after) co_await sleep_for(1ms);
    });
    EXPECT_TRUE(abandoned) << way;
    EXPECT_RULE(after, "http.server.closed") << way;
  }
}

TEST(Server, watching_keeps_what_was_pipelined) {
  Bench bench;
  int abandoned = 0;
  Event go(bench.loop.executor());
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    exchange.when_abandoned([&] { ++abandoned; });
    const Result<Bytes> body = co_await exchange.read_all(100);
    if (exchange.request().target == "/first") co_await go.wait(5s);
    const std::string text = exchange.request().target + " " + (body ? text_of(*body) : "");
    ResponseHead head;
    std::ignore = co_await exchange.respond_with(std::move(head), as_bytes(text));
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(10ms);
    co_await raw.send("POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
    co_await sleep_for(10ms);
    co_await raw.send("cd");
    co_await sleep_for(10ms);
    go.set();
    co_await sleep_for(10ms);
    co_await raw.send("ef");
    const std::string first = co_await raw.read_until("/first ");
    EXPECT_EQ(first, ok("/first "));
    const std::string second = co_await raw.read_until("/second abcdef");
    EXPECT_EQ(second, ok("/second abcdef"));
    co_await raw.send("GET /third HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    co_await raw.read_to_end();
  });
  EXPECT_EQ(abandoned, 0);
}

TEST(Server, an_unread_body_does_not_become_a_request) {
  Bench bench;
  std::vector<std::string> targets;
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    targets.push_back(exchange.request().target);
    ResponseHead head;
    std::ignore = co_await exchange.respond_with(std::move(head), {});
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    // A short one is skipped and the connection goes on; a long one ends it, after the answer was delivered.
    const std::string inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    const std::string short_one = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(inner.size()) + "\r\n\r\n" + inner;
    co_await raw.send(short_one);
    const std::string first = co_await raw.read_until("\r\n\r\n");
    EXPECT_EQ(first, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    std::string large = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n";
    large.append(500'000, 'x');
    co_await raw.send(large);
    const std::string second = co_await raw.read_to_end();
    EXPECT_EQ(second, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  });
  EXPECT_EQ(targets, (std::vector<std::string>{"/a", "/b"}));
}

TEST(Server, connections_beyond_the_limit_wait) {
  Bench bench;
  ServerLimits limits;
  limits.connections_max = 2;
  bench.serve(answer_ok, limits);
  bench.run([&]() -> Task<> {
    Raw first = co_await Raw::connect_to(bench.endpoint());
    Raw second = co_await Raw::connect_to(bench.endpoint());
    Raw third = co_await Raw::connect_to(bench.endpoint());
    for (Raw* raw : {&first, &second, &third}) co_await raw->send(kGet);
    for (Raw* raw : {&first, &second}) {
      const std::string answer = co_await raw->read_until("/ ");
      EXPECT_EQ(answer, ok("/ "));
    }
    const bool early = co_await third.read_more(50ms);
    EXPECT_FALSE(early);
    first.stream().abort();
    const std::string answer = co_await third.read_until("/ ");
    EXPECT_EQ(answer, ok("/ "));
  });
}

// Descriptors runs the process out of file descriptors for as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    setrlimit(RLIMIT_NOFILE, &low);
    for (int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0; fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) taken_.push_back(fd);
  }
  ~NoDescriptors() {
    for (const int fd : taken_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(Server, survives_running_out_of_descriptors) {
  Bench bench;
  bench.serve(answer_ok);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());  // the system has it; the server has not seen it yet
    {
      const NoDescriptors none;
      co_await raw.send(kGet);
      const bool early = co_await raw.read_more(150ms);
      EXPECT_FALSE(early);
    }
    const std::string answer = co_await raw.read_until("/ ");
    EXPECT_EQ(answer, ok("/ "));
  });
}

TEST(Server, drain_lets_exchanges_end_and_closes_the_rest) {
  Bench bench;
  Event go(bench.loop.executor());
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    if (exchange.request().target == "/slow") co_await go.wait(5s);
    ResponseHead head;
    std::ignore = co_await exchange.respond_with(std::move(head), as_bytes("done"));
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    Raw idle = co_await Raw::connect_to(bench.endpoint());
    co_await idle.send(kGet);
    co_await idle.read_until("done");
    Raw busy = co_await Raw::connect_to(bench.endpoint());
    co_await busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    co_await sleep_for(20ms);
    EXPECT_EQ(bench.server->exchanges_running(), 1u);
    TaskGroup group(bench.loop.executor());
    group.spawn(bench.server->drain(5s));
    const std::string rest = co_await idle.read_to_end();
    EXPECT_EQ(rest, "");
    EXPECT_EQ(idle.end(), "clean");
    const auto refused = co_await connect(bench.endpoint(), 1s);
    EXPECT_RULE(refused, "http.stream.connect");
    go.set();
    const std::string answer = co_await busy.read_to_end();
    EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ndone");
    co_await group.join();
    EXPECT_EQ(bench.server->exchanges_running(), 0u);
  });
}

TEST(Server, drain_cuts_off_what_does_not_end) {
  Bench bench;
  Result<> outcome;
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    ResponseHead head;
    outcome = co_await exchange.respond(std::move(head), std::nullopt);
    while (outcome) {
      co_await sleep_for(5ms);
      outcome = co_await exchange.write(as_bytes("tick"));
    }
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send(kGet);
    co_await raw.read_until("tick");
    co_await bench.server->drain(50ms);
    EXPECT_EQ(bench.server->exchanges_running(), 0u);
    const std::string rest = co_await raw.read_to_end();
    EXPECT_FALSE(rest.ends_with("0\r\n\r\n"));
  });
  EXPECT_RULE(outcome, "http.server.closed");
}

TEST(Server, destroyed_under_its_handlers) {
  Bench bench;
  Result<ByteSpan> read;
  Event ended(bench.loop.executor());
  const auto handler = [&](ServerExchange& exchange) -> Task<> {
    exchange.when_abandoned([] {});
    read = co_await exchange.read();
    ended.set();
  };
  bench.serve(handler);
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    co_await sleep_for(20ms);
    bench.server.reset();
    const bool in_time = co_await ended.wait(5s);
    EXPECT_TRUE(in_time);
    EXPECT_RULE(read, "http.server.closed");
    co_await raw.read_to_end();
  });
}

// The loop dies while handlers, watchers and writers wait: nothing may be touched afterwards (the sanitizers look).
TEST(Server, loop_stops_in_the_middle_of_everything) {
  for (const std::string_view target : {"/read", "/write", "/sleep"}) {
    Bench bench;
    const auto handler = [&](ServerExchange& exchange) -> Task<> {
      exchange.when_abandoned([] { ADD_FAILURE(); });
      if (target == "/read") std::ignore = co_await exchange.read();
      ResponseHead head;
      std::ignore = co_await exchange.respond(std::move(head), std::nullopt);
      const Bytes piece(1024 * 1024);
      while (target == "/write") std::ignore = co_await exchange.write(piece);
      co_await sleep_for(1h);
    };
    bench.serve(handler);
    std::optional<Raw> raw;
    bench.run([&]() -> Task<> {
      Raw connected = co_await Raw::connect_to(bench.endpoint());
      raw.emplace(std::move(connected));
      co_await raw->send(target == "/read" ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n" : kGet);
      co_await sleep_for(20ms);
    });
  }
}

// Peers that come, send a random part of a request, and vanish, while others are served.
TEST(Server, abandoned_peers_leave_nothing_behind) {
  Bench bench;
  bench.serve(answer_ok);
  bench.use_client();
  testkit::TestRandom random(7);
  const std::string text = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  bench.run([&]() -> Task<> {
    const auto vanish = [&](size_t bytes, Milliseconds after) -> Task<> {
      Raw raw = co_await Raw::connect_to(bench.endpoint());
      co_await raw.send(std::string_view(text).substr(0, bytes));
      co_await sleep_for(after);
    };
    const auto serve = [&]() -> Task<> {
      const auto answer = co_await bench.fetch("POST", "/b", "body");
      EXPECT_TRUE(answer && text_of(answer->body) == "/b body");
    };
    TaskGroup group(bench.loop.executor());
    for (int i = 0; i < 200; ++i) {
      group.spawn(vanish(random.below(text.size() + 1), Milliseconds(random.below(10))));
      if (i % 4 == 0) group.spawn(serve());
    }
    co_await group.join();
    for (int i = 0; i < 200 && bench.server->exchanges_running() != 0; ++i) co_await sleep_for(5ms);
    EXPECT_EQ(bench.server->exchanges_running(), 0u);
  });
}

TEST(Server, an_address_in_use_is_refused) {
  Bench bench;
  bench.serve(answer_ok);
  EXPECT_RULE(Server::listen(bench.loop, bench.endpoint(), nullptr, answer_ok), "http.server.bind");
  EXPECT_RULE(Listener::bind(bench.loop.executor(), bench.endpoint()), "http.stream.bind");
  const auto name = Endpoint::parse("http://name.invalid:1");
  EXPECT_RULE(Listener::bind(bench.loop.executor(), *name), "http.stream.bind");
}

}  // namespace
}  // namespace openpcc::http
