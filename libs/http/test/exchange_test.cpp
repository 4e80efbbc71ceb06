// Whole exchanges between our client and our server.
#include <filesystem>

#include "harness.h"

namespace openpcc::http {
namespace {

using namespace test;

// echo answers with the request's body, piece by piece as it comes.
Task<> echo(ServerExchange& exchange) {
  ResponseHead head{200, {{"x-target", exchange.request().target}}};
  const Result<> responded = co_await exchange.respond(std::move(head), std::nullopt);
  if (!responded) co_return;
  for (;;) {
    const Result<ByteSpan> piece = co_await exchange.read();
    if (!piece) co_return;
    if (piece->empty()) break;
    const Result<> written = co_await exchange.write(*piece);
    if (!written) co_return;
  }
  std::ignore = co_await exchange.finish();
}

void expect_echo(Bench& bench, const Endpoint& endpoint) {
  bench.run([&]() -> Task<> {
    RequestHead head = Bench::request("POST", "/a?b=c");
    Bytes body = to_bytes("hello");
    const auto answer = co_await bench.client->fetch(endpoint, std::move(head), std::move(body), 1024);
    EXPECT_OK(answer);
    if (!answer) co_return;
    EXPECT_EQ(answer->head.status, 200);
    EXPECT_EQ(answer->head.fields.find("x-target"), endpoint.base_path + "/a?b=c");
    EXPECT_EQ(text_of(answer->body), "hello");
  });
}

TEST(Exchange, over_tcp) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  expect_echo(bench, bench.endpoint());
}

TEST(Exchange, base_path_stands_before_the_target) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  Endpoint endpoint = bench.endpoint();
  endpoint.base_path = "/base";
  expect_echo(bench, endpoint);
}

TEST(Exchange, over_ipv6_and_by_name) {
  Bench bench;
  bench.serve(echo, {}, *Endpoint::parse("http://[::1]:0"));
  bench.use_client();
  expect_echo(bench, bench.endpoint());
  Endpoint by_name = bench.endpoint();
  by_name.host = "localhost";
  bench.serve(echo, {}, *Endpoint::parse("http://localhost:0"));
  by_name.port = bench.endpoint().port;
  expect_echo(bench, by_name);
}

TEST(Exchange, over_a_unix_socket) {
  const auto path = std::filesystem::temp_directory_path() / ("openpcc_http_" + std::to_string(getpid()) + ".sock");
  const auto endpoint = Endpoint::parse("unix:" + path.string());
  ASSERT_OK(endpoint);
  {
    Bench bench;
    bench.serve(echo, {}, *endpoint);
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    bench.use_client();
    expect_echo(bench, *endpoint);
    EXPECT_RULE(Server::listen(bench.loop, *endpoint, nullptr, echo), "http.server.bind");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Exchange, streams_both_ways_at_once) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  bench.run([&]() -> Task<> {
    const auto opened = co_await bench.open("POST", "/", std::nullopt);
    EXPECT_OK(opened);
    if (!opened) co_return;
    ClientExchange& exchange = **opened;
    for (int i = 0; i < 100; ++i) {
      const Bytes piece = to_bytes("piece " + std::to_string(i));
      const auto written = co_await exchange.write(piece);
      EXPECT_OK(written);
      if (i == 0) {
        const auto head = co_await exchange.read_head();
        EXPECT_OK(head);
      }
      const auto back = co_await exchange.read();
      EXPECT_TRUE(back && equal(*back, piece));
    }
    const auto finished = co_await exchange.finish_request();
    EXPECT_OK(finished);
    const auto end = co_await exchange.read();
    EXPECT_TRUE(end && end->empty());
  });
}

TEST(Exchange, connection_is_used_again) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  bench.run([&]() -> Task<> {
    for (int i = 0; i < 20; ++i) {
      const std::string body = std::to_string(i);
      const auto answer = co_await bench.fetch("POST", "/", body);
      EXPECT_OK(answer);
      EXPECT_TRUE(answer && text_of(answer->body) == body);
    }
  });
}

TEST(Exchange, large_bodies_survive) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  bench.run([&]() -> Task<> {
    Bytes body(8 * 1024 * 1024);
    testkit::TestRandom random;
    random.fill(body);
    const auto opened = co_await bench.open("POST", "/", body.size());
    EXPECT_OK(opened);
    ClientExchange& exchange = **opened;
    TaskGroup group(bench.loop.executor());
    const auto writer = [&]() -> Task<> {
      const auto written = co_await exchange.write(body);
      EXPECT_OK(written);
    };
    group.spawn(writer());
    const auto head = co_await exchange.read_head();
    EXPECT_OK(head);
    const auto back = co_await exchange.read_all(body.size());
    co_await group.join();
    EXPECT_OK(back);
    EXPECT_TRUE(back && *back == body);
  });
}

TEST(Exchange, two_hundred_at_once) {
  Bench bench;
  bench.serve(echo);
  bench.use_client();
  bench.run([&]() -> Task<> {
    int good = 0;
    const auto one = [&](int i) -> Task<> {
      const std::string target = "/" + std::to_string(i);
      const std::string body(3000, 'x');
      const auto answer = co_await bench.fetch("POST", target, body);
      EXPECT_OK(answer);
      if (answer && text_of(answer->body) == body && answer->head.fields.find("x-target") == target) ++good;
    };
    for (int round = 0; round < 3; ++round) {
      TaskGroup group(bench.loop.executor());
      for (int i = 0; i < 200; ++i) group.spawn(one(i));
      co_await group.join();
    }
    EXPECT_EQ(good, 600);
  });
}

TEST(Exchange, nobody_listens) {
  Bench bench;
  bench.use_client();
  bench.run([&]() -> Task<> {
    auto listener = Listener::bind(bench.loop.executor(), loopback());
    const Endpoint dead = (*listener)->endpoint();
    listener->reset();
    RequestHead head = Bench::request("GET", "/");
    const auto opened = co_await bench.client->open(dead, std::move(head), 0);
    EXPECT_RULE(opened, "http.client.connect");
    const auto connected = co_await connect(dead, 1s);
    EXPECT_RULE(connected, "http.stream.connect");
  });
}

}  // namespace
}  // namespace openpcc::http
