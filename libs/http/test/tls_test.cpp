// Exchanges over TLS, and what happens to them when the TLS below is wrong.
#include "certificates.h"
#include "harness.h"

namespace openpcc::http {
namespace {

using namespace test;
using crypto::test::Authority;

std::shared_ptr<const crypto::TlsContext> server_context(const Authority& root, const std::string& names = "DNS:localhost,IP:127.0.0.1") {
  const auto context = crypto::TlsContext::server(root.issue(names).config({"http/1.1"}));
  OPENPCC_CHECK(context.has_value());
  return *context;
}

std::shared_ptr<const crypto::TlsContext> client_context(const Authority& root) {
  const auto context = crypto::TlsContext::client(root.trusted({"http/1.1"}));
  OPENPCC_CHECK(context.has_value());
  return *context;
}

Endpoint https() { return *Endpoint::parse("https://127.0.0.1:0"); }

Task<> greet(ServerExchange& exchange) {
  const Result<Bytes> body = co_await exchange.read_all(10'000'000);
  if (!body) co_return;
  const std::string text = "hello " + text_of(*body);
  ResponseHead head;
  std::ignore = co_await exchange.respond_with(std::move(head), as_bytes(text));
}

TEST(Https, exchanges_over_one_connection) {
  const Authority root;
  Bench bench;
  bench.serve(greet, {}, https(), server_context(root));
  bench.use_client({}, client_context(root));
  bench.run([&]() -> Task<> {
    for (int i = 0; i < 5; ++i) {
      const auto answer = co_await bench.fetch("POST", "/", "world");
      EXPECT_OK(answer);
      EXPECT_TRUE(answer && text_of(answer->body) == "hello world");
    }
  });
}

TEST(Https, large_bodies_both_ways) {
  const Authority root;
  Bench bench;
  bench.serve(greet, {}, https(), server_context(root));
  bench.use_client({}, client_context(root));
  bench.run([&]() -> Task<> {
    const std::string body(3'000'000, 'z');
    const auto answer = co_await bench.fetch("POST", "/", body, 4'000'000);
    EXPECT_OK(answer);
    EXPECT_TRUE(answer && text_of(answer->body) == "hello " + body);
  });
}

TEST(Https, wrong_root_and_wrong_name_are_refused) {
  const Authority root;
  const Authority other("other root");
  for (const bool wrong_root : {true, false}) {
    Bench bench;
    bench.serve(greet, {}, https(), server_context(root, wrong_root ? "IP:127.0.0.1" : "DNS:elsewhere"));
    bench.use_client({}, client_context(wrong_root ? other : root));
    bench.run([&]() -> Task<> {
      const auto answer = co_await bench.fetch("GET", "/");
      EXPECT_RULE(answer, "http.client.tls");
      const std::string why = wrong_root ? "issuer" : "mismatch";
      EXPECT_TRUE(!answer && answer.error().detail.find(why) != std::string::npos);
    });
  }
}

TEST(Https, plain_text_is_not_answered) {
  const Authority root;
  Bench bench;
  bench.serve(greet, {}, https(), server_context(root));
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    co_await raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = co_await raw.read_to_end();
    EXPECT_EQ(answer.find("HTTP"), std::string::npos);
  });
}

TEST(Https, handshake_that_does_not_come_times_out) {
  const Authority root;
  Bench bench;
  ServerLimits limits;
  limits.head_timeout = 50ms;
  bench.serve(greet, limits, https(), server_context(root));
  bench.run([&]() -> Task<> {
    Raw raw = co_await Raw::connect_to(bench.endpoint());
    // Bytes now and then do not stretch it.
    for (int i = 0; i < 20; ++i) {
      co_await raw.send(std::string_view("\x16", 1));
      co_await sleep_for(10ms);
    }
    const std::string rest = co_await raw.read_to_end();
    EXPECT_NE(raw.end(), "http.stream.timeout");
  });
}

// speak_tls accepts one connection, sends `text` over TLS, and ends as told.
Task<> speak_tls(Listener& listener, std::shared_ptr<const crypto::TlsContext> context, std::string text, bool cleanly) {
  Result<std::unique_ptr<Stream>> plain = co_await listener.accept();
  Result<std::unique_ptr<Stream>> stream = co_await tls_server(std::move(*plain), std::move(context), 5s);
  OPENPCC_CHECK(stream.has_value());
  std::array<uint8_t, 1024> buffer;
  const MutableByteSpan into(buffer);
  std::ignore = co_await (*stream)->read_some(into, 5s);
  const std::array<ByteSpan, 1> pieces{as_bytes(text)};
  const std::span<const ByteSpan> all(pieces);
  std::ignore = co_await (*stream)->write(all, 5s);
  if (cleanly) {
    std::ignore = co_await (*stream)->finish(5s);
    std::ignore = co_await (*stream)->read_some(into, 5s);
  }
}

// An answer without a length ends where TLS says so, and only there.
TEST(Https, close_delimited_answers_need_close_notify) {
  const Authority root;
  for (const bool cleanly : {true, false}) {
    Bench bench;
    bench.use_client({}, client_context(root));
    auto listener = Listener::bind(bench.loop.executor(), https());
    ASSERT_OK(listener);
    bench.run([&]() -> Task<> {
      std::string text = "HTTP/1.1 200 OK\r\n\r\nall there is";
      bench.loop.spawn(speak_tls(**listener, server_context(root), std::move(text), cleanly));
      RequestHead head = Bench::request("GET", "/");
      const auto answer = co_await bench.client->fetch((*listener)->endpoint(), std::move(head), {}, 1000);
      if (cleanly) {
        EXPECT_OK(answer);
        EXPECT_TRUE(answer && text_of(answer->body) == "all there is");
      } else {
        EXPECT_RULE(answer, "http.client.truncated");
      }
    });
  }
}

}  // namespace
}  // namespace openpcc::http
