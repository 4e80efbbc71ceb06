// The client against servers that speak bytes: each form of answer, each lie, and each way to vanish.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "harness.h"

namespace openpcc::http {
namespace {

using namespace test;

// Puppet is a server whose connections do exactly what a test says.
class Puppet {
 public:
  using Play = std::function<Task<>(Raw&, int connection)>;

  // Each connection accepted runs `play`, which lives as long as the puppet; what it leaves open is closed when it returns.
  Puppet(Bench& bench, Play play) : play_(std::move(play)) {
    auto listener = Listener::bind(bench.loop.executor(), loopback());
    OPENPCC_CHECK(listener.has_value());
    listener_ = std::move(*listener);
    bench.loop.spawn(accept_all(bench.loop.executor()));
  }
  const Endpoint& endpoint() const { return listener_->endpoint(); }
  int connections() const { return connections_; }

 private:
  Task<> accept_all(Executor executor) {
    for (;;) {
      Result<std::unique_ptr<Stream>> stream = co_await listener_->accept();
      if (!stream) co_return;
      spawn(executor, run(std::move(*stream), connections_++));
    }
  }
  Task<> run(std::unique_ptr<Stream> stream, int connection) {
    Raw raw(std::move(stream));
    co_await play_(raw, connection);
  }

  Play play_;
  std::unique_ptr<Listener> listener_;
  int connections_ = 0;
};

// always answers every request's head with `text`; `close` ends the connection after the first.
Puppet::Play always(std::string text, bool close = false) {
  return [text = std::move(text), close](Raw& raw, int) -> Task<> {
    for (;;) {
      const std::string head = co_await raw.read_until("\r\n\r\n");
      if (head.empty()) co_return;
      co_await raw.send(text);
      if (close) co_return;
    }
  };
}

using Answer = Result<Client::Answer>;

// get fetches "/" from the puppet with a fresh client.
Answer get(Puppet::Play play, ClientLimits limits = {}, std::string_view method = "GET", size_t answer_bytes_max = 1000) {
  Bench bench;
  Puppet puppet(bench, std::move(play));
  bench.use_client(limits);
  Answer out;
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request(method, "/");
    out = co_await bench.client->fetch(puppet.endpoint(), std::move(head), {}, answer_bytes_max);
  });
  return out;
}

std::string body_of(const Answer& answer) { return answer ? text_of(answer->body) : describe(answer.error()); }

TEST(Client, reads_each_form_of_answer) {
  EXPECT_EQ(body_of(get(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))), "hello");
  EXPECT_EQ(body_of(get(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\nt: v\r\n\r\n"))),
            "hello!");
  EXPECT_EQ(body_of(get(always("HTTP/1.1 200 OK\r\n\r\nuntil the end", true))), "until the end");
  EXPECT_EQ(body_of(get(always("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", true))), "old");
  EXPECT_EQ(body_of(get(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), {}, "HEAD")), "");
  EXPECT_EQ(body_of(get(always("HTTP/1.1 204 No Content\r\n\r\n"))), "");
  EXPECT_EQ(body_of(get(always("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"))), "");
  EXPECT_EQ(body_of(get(always(
                "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))),
            "x");
}

TEST(Client, knows_answers_whose_end_is_only_the_connections) {
  struct Case {
    const char* text;
    bool delimited;
  };
  for (const Case c : {Case{"HTTP/1.1 200 OK\r\n\r\nx", false}, Case{"HTTP/1.0 200 OK\r\n\r\nx", false},
                       Case{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", true}, Case{"HTTP/1.1 204 No Content\r\n\r\n", true},
                       Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true}}) {
    Bench bench;
    Puppet puppet(bench, always(c.text, true));
    bench.use_client({});
    bench.run([&]() -> Task<> {
      RequestHead head = Bench::request("GET", "/");
      const std::optional<uint64_t> nothing = 0;
      const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), nothing);
      EXPECT_OK(opened);
      if (!opened) co_return;
      const auto answered = co_await (*opened)->read_head();
      EXPECT_OK(answered);
      EXPECT_EQ((*opened)->delimited(), c.delimited) << c.text;
    });
  }
}

TEST(Client, refuses_malformed_answers) {
  for (const char* text : {
           "\r\n",
           "HTTP/1.1 200 OK\n\n",
           "HTTP/1.1 200\r\n\r\n",
           "SSH-2.0-x\r\n\r\n",
           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad\r\n\r\n",
       }) {
    EXPECT_RULE(get(always(text)), "http.client.malformed") << text;
  }
  std::string interim;
  for (int i = 0; i < 9; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_RULE(get(always(interim + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), "http.client.malformed");
}

TEST(Client, refuses_what_is_too_large) {
  EXPECT_RULE(get(always("HTTP/1.1 200 OK\r\nx: " + std::string(17'000, 'y') + "\r\n\r\n")), "http.client.too_large");
  EXPECT_RULE(get(always("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"), {}, "GET", 10), "http.client.too_large");
  EXPECT_RULE(get(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"), {}, "GET", 10),
              "http.client.too_large");
  EXPECT_OK(get(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhelloworld"), {}, "GET", 10));
}

// An answer that is cut anywhere is an error, never a short answer.
TEST(Client, answers_cut_anywhere_are_errors) {
  for (const std::string text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    EXPECT_RULE(get(always("", true)), "http.client.closed");
    for (size_t n = 1; n < text.size(); ++n) EXPECT_RULE(get(always(text.substr(0, n), true)), "http.client.truncated") << n;
    EXPECT_EQ(body_of(get(always(text, true))), "hello");
  }
}

TEST(Client, answers_survive_any_cut) {
  const std::string text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x\r\n, world\r\n0\r\na: b\r\n\r\n";
  for (size_t cut = 0; cut < text.size(); ++cut) {
    const auto play = [&](Raw& raw, int) -> Task<> {
      co_await raw.read_until("\r\n\r\n");
      // The last turn sends byte by byte.
      const size_t step = cut == 0 ? 1 : cut;
      for (size_t i = 0; i < text.size(); i += step) {
        co_await raw.send(std::string_view(text).substr(i, step));
        co_await sleep_for(0ms);
      }
      co_await raw.read_until("never");
    };
    EXPECT_EQ(body_of(get(play)), "hello, world") << cut;
  }
}

TEST(Client, silence_times_out) {
  ClientLimits limits;
  limits.head_timeout = 50ms;
  limits.idle_timeout = 50ms;
  const auto silent = [](Raw& raw, int) -> Task<> { co_await raw.read_until("never"); };
  EXPECT_RULE(get(silent, limits), "http.client.timeout");
  EXPECT_RULE(get(always("HTTP/1.1 200 "), limits), "http.client.timeout");
  EXPECT_RULE(get(always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), limits), "http.client.timeout");
  const auto drips = [](Raw& raw, int) -> Task<> {
    for (int i = 0; i < 40; ++i) {
      const bool sent = co_await raw.send(i == 0 ? "HTTP/1.1 200 OK\r\nx: " : "y");
      if (!sent) co_return;
      co_await sleep_for(5ms);
    }
  };
  EXPECT_RULE(get(drips, limits), "http.client.timeout");
}

TEST(Client, a_peer_that_does_not_read_times_out) {
  Bench bench;
  Puppet puppet(bench, [](Raw&, int) -> Task<> { co_await sleep_for(5s); });
  ClientLimits limits;
  limits.idle_timeout = 50ms;
  bench.use_client(limits);
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("POST", "/");
    const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), std::nullopt);
    EXPECT_OK(opened);
    if (!opened) co_return;
    const Bytes piece(1024 * 1024, 'x');
    Result<> written;
    for (int i = 0; written && i < 100; ++i) written = co_await (*opened)->write(piece);
    EXPECT_RULE(written, "http.client.timeout");
  });
}

TEST(Client, connecting_is_bounded_in_time) {
  const auto path = std::filesystem::temp_directory_path() / ("openpcc_full_" + std::to_string(getpid()) + ".sock");
  std::filesystem::remove(path);
  const int full = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
  ASSERT_EQ(bind(full, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(full, 0), 0);  // room for one, and nobody accepts
  Bench bench;
  bench.run([&]() -> Task<> {
    const auto endpoint = Endpoint::parse("unix:" + path.string());
    const auto first = co_await connect(*endpoint, 1s);
    EXPECT_OK(first);
    const auto second = co_await connect(*endpoint, 50ms);
    EXPECT_RULE(second, "http.stream.connect");
    EXPECT_TRUE(!second && second.error().detail.find("timed out") != std::string::npos);
  });
  close(full);
  // The file that is left belongs to nobody: a new listener replaces it.
  const auto again = Listener::bind(bench.loop.executor(), *Endpoint::parse("unix:" + path.string()));
  EXPECT_OK(again);
}

TEST(Client, unknown_names_are_refused) {
  Bench bench;
  bench.run([&]() -> Task<> {
    const auto endpoint = Endpoint::parse("http://name.invalid:1");
    const auto connected = co_await connect(*endpoint, 5s);
    EXPECT_RULE(connected, "http.stream.connect");
  });
}

// ---- the pool

// fetch_twice runs two exchanges after another and returns how many connections they took.
int fetch_twice(Puppet::Play play, Milliseconds pause = 0ms, ClientLimits limits = {}) {
  Bench bench;
  Puppet puppet(bench, std::move(play));
  bench.use_client(limits);
  bench.run([&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      RequestHead head = Bench::request("GET", "/");
      const auto answer = co_await bench.client->fetch(puppet.endpoint(), std::move(head), {}, 100);
      EXPECT_OK(answer);
      co_await sleep_for(pause);
    }
  });
  return puppet.connections();
}

TEST(Pool, keeps_only_connections_that_ended_cleanly) {
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")), 1);
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")), 1);
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 204 No Content\r\n\r\n")), 1);
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")), 2);
  EXPECT_EQ(fetch_twice(always("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")), 2);
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n")), 2);
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nsent")), 2);
}

// Bytes that came after the answer, or an end, are noticed before the connection is used again.
TEST(Pool, looks_at_a_kept_connection_before_using_it) {
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", true), 20ms), 2);
  const auto late = [](Raw& raw, int) -> Task<> {
    co_await raw.read_until("\r\n\r\n");
    co_await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    co_await sleep_for(5ms);
    co_await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned");
    co_await raw.read_until("never");
  };
  EXPECT_EQ(fetch_twice(late, 20ms), 2);
}

TEST(Pool, does_not_keep_for_long) {
  ClientLimits limits;
  limits.keep_alive = 20ms;
  EXPECT_EQ(fetch_twice(always("HTTP/1.1 204 No Content\r\n\r\n"), 50ms, limits), 2);
  // And closes what it does not keep.
  Bench bench;
  bool closed = false;
  Puppet puppet(bench, [&](Raw& raw, int) -> Task<> {
    co_await raw.read_until("\r\n\r\n");
    co_await raw.send("HTTP/1.1 204 No Content\r\n\r\n");
    co_await raw.read_to_end();
    closed = raw.end() == "clean";
  });
  bench.use_client(limits);
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("GET", "/");
    std::ignore = co_await bench.client->fetch(puppet.endpoint(), std::move(head), {}, 100);
    co_await sleep_for(100ms);
  });
  EXPECT_TRUE(closed);
}

TEST(Pool, keeps_a_bounded_number) {
  Bench bench;
  Puppet puppet(bench, always("HTTP/1.1 204 No Content\r\n\r\n"));
  ClientLimits limits;
  limits.idle_connections_max = 2;
  bench.use_client(limits);
  bench.run([&]() -> Task<> {
    for (const int expected : {5, 8}) {
      std::vector<std::unique_ptr<ClientExchange>> exchanges;
      for (int i = 0; i < 5; ++i) {
        RequestHead head = Bench::request("GET", "/");
        auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), 0);
        const auto answer = co_await (*opened)->read_head();
        EXPECT_OK(answer);
        exchanges.push_back(std::move(*opened));
      }
      exchanges.clear();
      EXPECT_EQ(puppet.connections(), expected);
    }
  });
}

// dies_on_second answers the first request of its first connection and closes it on the second.
Puppet::Play dies_on_second(int connections_that_die) {
  return [connections_that_die](Raw& raw, int connection) -> Task<> {
    for (int i = 0;; ++i) {
      const std::string request = co_await raw.read_until("\r\n\r\n");
      if (request.empty()) co_return;
      // Connection 0 serves one request first; later ones die at once.
      if (connection < connections_that_die && (i == 1 || connection > 0)) co_return;
      co_await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  };
}

struct Retry {
  Bench bench;
  Puppet puppet;

  explicit Retry(int connections_that_die = 1) : puppet(bench, dies_on_second(connections_that_die)) { bench.use_client(); }
  Task<> warm_up() {
    RequestHead head = Bench::request("GET", "/");
    const auto answer = co_await bench.client->fetch(puppet.endpoint(), std::move(head), {}, 100);
    EXPECT_OK(answer);
  }
};

TEST(Retry, a_request_without_body_is_repeated_unseen) {
  Retry t;
  t.bench.run([&]() -> Task<> {
    co_await t.warm_up();
    co_await t.warm_up();
  });
  EXPECT_EQ(t.puppet.connections(), 2);
}

TEST(Retry, only_once) {
  Retry t(2);
  t.bench.run([&]() -> Task<> {
    co_await t.warm_up();
    RequestHead head = Bench::request("GET", "/");
    const auto answer = co_await t.bench.client->fetch(t.puppet.endpoint(), std::move(head), {}, 100);
    EXPECT_RULE(answer, "http.client.closed");
  });
  EXPECT_EQ(t.puppet.connections(), 2);
}

TEST(Retry, a_whole_request_that_changes_something_is_not_repeated) {
  for (const std::string_view body : {"", "body"}) {
    Retry t;
    t.bench.run([&]() -> Task<> {
      co_await t.warm_up();
      RequestHead head = Bench::request("POST", "/");
      Bytes bytes = to_bytes(body);
      const auto answer = co_await t.bench.client->fetch(t.puppet.endpoint(), std::move(head), std::move(bytes), 100);
      EXPECT_RULE(answer, "http.client.closed");
    });
    EXPECT_EQ(t.puppet.connections(), 1);
  }
}

TEST(Retry, a_request_whose_body_has_not_begun_is_repeated) {
  Retry t;
  t.bench.run([&]() -> Task<> {
    co_await t.warm_up();
    RequestHead head = Bench::request("POST", "/");
    const auto opened = co_await t.bench.client->open(t.puppet.endpoint(), std::move(head), std::nullopt);
    EXPECT_OK(opened);
    const auto answer = co_await (*opened)->read_head();
    EXPECT_OK(answer);
    const auto written = co_await (*opened)->write(as_bytes("late"));
    EXPECT_OK(written);
  });
  EXPECT_EQ(t.puppet.connections(), 2);
}

// ---- leaving, and being left

TEST(Client, abort_ends_a_pending_call_and_the_peer_sees_it) {
  Bench bench;
  Event left(bench.loop.executor());
  Puppet puppet(bench, [&](Raw& raw, int) -> Task<> {
    co_await raw.read_to_end();
    left.set();
  });
  bench.use_client();
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("GET", "/");
    const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), 0);
    EXPECT_OK(opened);
    const Alarm alarm(bench.loop.executor(), 20ms, [&] { (*opened)->abort(); });
    const auto answer = co_await (*opened)->read_head();
    EXPECT_RULE(answer, "http.client.closed");
    const auto again = co_await (*opened)->read_head();
    EXPECT_RULE(again, "http.client.closed");
    const bool seen = co_await left.wait(5s);
    EXPECT_TRUE(seen);
  });
}

TEST(Client, an_exchange_destroyed_before_its_end_closes_the_connection) {
  Bench bench;
  Event left(bench.loop.executor());
  Puppet puppet(bench, [&](Raw& raw, int) -> Task<> {
    co_await raw.read_until("\r\n\r\n");
    co_await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    co_await raw.read_to_end();
    left.set();
  });
  bench.use_client();
  bench.run([&]() -> Task<> {
    {
      RequestHead head = Bench::request("GET", "/");
      const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), 0);
      const auto answer = co_await (*opened)->read_head();
      EXPECT_OK(answer);
      const auto piece = co_await (*opened)->read();
      EXPECT_TRUE(piece && as_text(*piece) == "hel");
    }
    const bool seen = co_await left.wait(5s);
    EXPECT_TRUE(seen);
  });
}

// The task that reads survives its exchange: it fails, and touches nothing that is gone (the sanitizers look).
TEST(Client, an_exchange_destroyed_under_a_pending_call) {
  Bench bench;
  Puppet puppet(bench, [](Raw& raw, int) -> Task<> { co_await raw.read_to_end(); });
  bench.use_client();
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("GET", "/");
    auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), 0);
    Result<ResponseHead> answer;
    const auto reader = [&]() -> Task<> { answer = co_await (*opened)->read_head(); };
    TaskGroup group(bench.loop.executor());
    group.spawn(reader());
    co_await sleep_for(10ms);
    opened->reset();
    bench.client.reset();
    co_await group.join();
    EXPECT_RULE(answer, "http.client.closed");
  });
}

TEST(Client, an_early_refusal_is_read_although_the_body_was_not) {
  Bench bench;
  Puppet puppet(bench, [](Raw& raw, int) -> Task<> {
    co_await raw.read_until("\r\n\r\n");
    co_await raw.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
    std::ignore = co_await raw.stream().finish(1s);
    co_await raw.read_to_end();
  });
  bench.use_client();
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("POST", "/");
    const auto answer = co_await bench.client->fetch(puppet.endpoint(), std::move(head), Bytes(3'000'000), 100);
    EXPECT_TRUE(answer && answer->head.status == 413);
  });
}

// ---- what is sent

TEST(Client, sends_the_least_that_a_request_needs) {
  Bench bench;
  std::vector<std::string> seen;
  Puppet puppet(bench, [&](Raw& raw, int) -> Task<> {
    for (;;) {
      std::string request = co_await raw.read_until("\r\n\r\n");
      if (request.empty()) co_return;
      seen.push_back(std::move(request));
      co_await raw.send("HTTP/1.1 204 No Content\r\n\r\n");
    }
  });
  bench.use_client();
  Endpoint endpoint = puppet.endpoint();
  endpoint.base_path = "/base";
  bench.run([&]() -> Task<> {
    RequestHead simple = Bench::request("GET", "/x?y");
    std::ignore = co_await bench.client->fetch(endpoint, std::move(simple), {}, 0);
    RequestHead named{"POST", "/", "gateway.example", {{"content-type", "a/b"}}};
    std::ignore = co_await bench.client->fetch(endpoint, std::move(named), {}, 0);
  });
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], "GET /base/x?y HTTP/1.1\r\nhost: " + endpoint.authority() + "\r\n\r\n");
  EXPECT_EQ(seen[1], "POST /base/ HTTP/1.1\r\nhost: gateway.example\r\ncontent-type: a/b\r\ncontent-length: 0\r\n\r\n");
}

TEST(Client, head_and_first_piece_arrive_together_and_each_write_is_a_chunk) {
  Bench bench;
  std::vector<std::string> arrivals;
  Event arrived(bench.loop.executor());
  Puppet puppet(bench, [&](Raw& raw, int) -> Task<> {
    std::array<uint8_t, 4096> buffer;
    const MutableByteSpan into(buffer);
    for (;;) {
      const Result<size_t> n = co_await raw.stream().read_some(into, 5s);
      if (!n || *n == 0) co_return;
      arrivals.push_back(text_of(into.first(*n)));
      arrived.set();
    }
  });
  bench.use_client();
  bench.run([&]() -> Task<> {
    RequestHead head{"POST", "/", "a", {}};
    const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), std::nullopt);
    std::ignore = co_await (*opened)->write(as_bytes("one"));
    co_await arrived.wait(5s);
    std::ignore = co_await (*opened)->write(as_bytes("two"));
    co_await arrived.wait(5s);
    std::ignore = co_await (*opened)->finish_request();
    co_await arrived.wait(5s);
    RequestHead waiting{"POST", "/", "b", {}};
    const auto second = co_await bench.client->open(puppet.endpoint(), std::move(waiting), 3);
    co_await arrived.wait(5s);
    std::ignore = co_await (*second)->write(as_bytes("abc"));
    co_await arrived.wait(5s);
  });
  EXPECT_EQ(arrivals, (std::vector<std::string>{
                          "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
                          "3\r\ntwo\r\n",
                          "0\r\n\r\n",
                          "POST / HTTP/1.1\r\nhost: b\r\ncontent-length: 3\r\n\r\n",
                          "abc",
                      }));
}

TEST(Client, declared_length_is_kept_or_the_request_aborted) {
  for (const bool more : {true, false}) {
    Bench bench;
    Puppet puppet(bench, [](Raw& raw, int) -> Task<> { co_await raw.read_to_end(); });
    bench.use_client();
    bench.run([&]() -> Task<> {
      RequestHead head = Bench::request("POST", "/");
      const auto opened = co_await bench.client->open(puppet.endpoint(), std::move(head), 5);
      Result<> outcome = co_await (*opened)->write(more ? as_bytes("sixsix") : as_bytes("four"));
      if (outcome) outcome = co_await (*opened)->finish_request();
      EXPECT_RULE(outcome, "http.client.length");
      const auto answer = co_await (*opened)->read_head();
      EXPECT_RULE(answer, "http.client.length");
    });
  }
}

TEST(Client, illegal_heads_are_not_sent) {
  Bench bench;
  Puppet puppet(bench, always(""));
  bench.use_client();
  bench.run([&]() -> Task<> {
    RequestHead target = Bench::request("GET", "/a HTTP/1.1\r\nx: y");
    const auto first = co_await bench.client->open(puppet.endpoint(), std::move(target), 0);
    EXPECT_RULE(first, "http.emit.target");
    RequestHead field{"GET", "/", "a", {{"x", "a\r\nb: c"}}};
    const auto second = co_await bench.client->open(puppet.endpoint(), std::move(field), 0);
    EXPECT_RULE(second, "http.emit.field_value");
    RequestHead reserved{"GET", "/", "a", {{"Transfer-Encoding", "chunked"}}};
    const auto third = co_await bench.client->open(puppet.endpoint(), std::move(reserved), 0);
    EXPECT_RULE(third, "http.emit.reserved_field");
  });
  EXPECT_EQ(puppet.connections(), 0);
}

// ---- streams

TEST(Stream, errors_by_rule) {
  Bench bench;
  Event go(bench.loop.executor());
  Puppet puppet(bench, [&](Raw&, int) -> Task<> { co_await go.wait(5s); });
  bench.run([&]() -> Task<> {
    auto stream = co_await connect(puppet.endpoint(), 1s);
    EXPECT_OK(stream);
    std::array<uint8_t, 10> buffer;
    const MutableByteSpan into(buffer);
    const auto late = co_await (*stream)->read_some(into, 20ms);
    EXPECT_RULE(late, "http.stream.timeout");
    EXPECT_TRUE((*stream)->quiet());
    const Alarm alarm(bench.loop.executor(), 20ms, [&] { (*stream)->abort(); });
    const auto aborted = co_await (*stream)->read_some(into, 5s);
    EXPECT_RULE(aborted, "http.stream.closed");
    EXPECT_FALSE((*stream)->quiet());
    const std::array<ByteSpan, 1> pieces{as_bytes("x")};
    const std::span<const ByteSpan> all(pieces);
    const auto written = co_await (*stream)->write(all, 1s);
    EXPECT_RULE(written, "http.stream.closed");
    go.set();
  });
}

// Writing to a peer that is gone is an error, not a signal that ends the process.
TEST(Stream, writing_to_nobody_raises_no_signal) {
  Bench bench;
  Puppet puppet(bench, [](Raw&, int) -> Task<> { co_return; });
  bench.run([&]() -> Task<> {
    auto stream = co_await connect(puppet.endpoint(), 1s);
    const std::array<ByteSpan, 1> pieces{as_bytes("x")};
    const std::span<const ByteSpan> all(pieces);
    Result<> written;
    for (int i = 0; written && i < 100; ++i) {
      written = co_await (*stream)->write(all, 1s);
      co_await sleep_for(1ms);
    }
    EXPECT_RULE(written, "http.stream.closed");
  });
}

TEST(Listener, close_ends_accepting) {
  Bench bench;
  bench.run([&]() -> Task<> {
    auto listener = Listener::bind(bench.loop.executor(), loopback());
    EXPECT_OK(listener);
    const Alarm alarm(bench.loop.executor(), 10ms, [&] { (*listener)->close(); });
    const auto accepted = co_await (*listener)->accept();
    EXPECT_RULE(accepted, "http.stream.closed");
  });
}

}  // namespace
}  // namespace openpcc::http
