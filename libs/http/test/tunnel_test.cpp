// The client behind an outgoing proxy: what it asks, what it believes of the answer, and TLS inside the tunnel.
#include "certificates.h"
#include "harness.h"

namespace openpcc::http {
namespace {

using namespace test;
using crypto::test::Authority;

constexpr std::string_view kGood = "HTTP/1.1 200 Connection established\r\n\r\n";

// Proxy answers each CONNECT with `answer`; a good one is followed by a tunnel to `destination`, whatever was asked for.
class Proxy {
 public:
  Proxy(Bench& bench, std::string answer, std::optional<Endpoint> destination = {}, std::shared_ptr<const crypto::TlsContext> tls = nullptr)
      : answer_(std::move(answer)), destination_(std::move(destination)), tls_(std::move(tls)) {
    auto listener = Listener::bind(bench.loop.executor(), loopback());
    OPENPCC_CHECK(listener.has_value());
    listener_ = std::move(*listener);
    bench.loop.spawn(accept_all(bench.loop.executor()));
  }
  // url is how a configuration names it.
  std::string url(std::string_view user = "") const {
    return (tls_ ? "https://" : "http://") + std::string(user) + "127.0.0.1:" + std::to_string(listener_->endpoint().port);
  }
  const std::vector<std::string>& heads() const { return heads_; }

 private:
  Task<> accept_all(Executor executor) {
    for (;;) {
      Result<std::unique_ptr<Stream>> stream = co_await listener_->accept();
      if (!stream) co_return;
      spawn(executor, serve(executor, std::move(*stream)));
    }
  }
  Task<> serve(Executor executor, std::unique_ptr<Stream> stream) {
    if (tls_) {
      Result<std::unique_ptr<Stream>> secured = co_await tls_server(std::move(stream), tls_, 5s);
      if (!secured) co_return;
      stream = std::move(*secured);
    }
    const auto raw = std::make_shared<Raw>(std::move(stream));
    std::string head = co_await raw->read_until("\r\n\r\n");
    heads_.push_back(std::move(head));
    co_await raw->send(answer_);
    if (!destination_) {
      co_await raw->read_to_end();
      co_return;
    }
    Result<std::unique_ptr<Stream>> onward = co_await connect(*destination_, 5s);
    OPENPCC_CHECK(onward.has_value());
    const auto far = std::make_shared<Raw>(std::move(*onward));
    spawn(executor, pump(far, raw));
    co_await pump(raw, far);
  }
  static Task<> pump(std::shared_ptr<Raw> from, std::shared_ptr<Raw> to) {
    std::array<uint8_t, 4096> buffer;
    const MutableByteSpan into(buffer);
    for (;;) {
      const Result<size_t> n = co_await from->stream().read_some(into, 5s);
      if (!n || *n == 0) break;
      const std::string text(reinterpret_cast<const char*>(buffer.data()), *n);
      const bool sent = co_await to->send(text);
      if (!sent) break;
    }
    to->stream().abort();
  }

  std::string answer_;
  std::optional<Endpoint> destination_;
  std::shared_ptr<const crypto::TlsContext> tls_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::string> heads_;
};

std::shared_ptr<const ProxyRules> through(std::string_view url) {
  ProxyRules rules;
  rules.for_http = std::make_shared<const OutgoingProxy>(*OutgoingProxy::parse(url));
  rules.for_https = rules.for_http;
  return std::make_shared<const ProxyRules>(std::move(rules));
}

Task<> greet(ServerExchange& exchange) {
  const Result<Bytes> body = co_await exchange.read_all(100'000);
  if (!body) co_return;
  const std::string text = "hello " + text_of(*body) + " at " + exchange.request().authority;
  ResponseHead head;
  std::ignore = co_await exchange.respond_with(std::move(head), as_bytes(text));
}

// fetch asks `url` through the proxy at `proxy_url`.
Result<Client::Answer> fetch(Bench& bench, std::string_view url, std::string_view proxy_url,
                             std::shared_ptr<const crypto::TlsContext> tls = nullptr, ClientLimits limits = {}) {
  bench.client = Client::create(bench.loop, std::move(tls), limits, through(proxy_url));
  Result<Client::Answer> out;
  bench.run([&]() -> Task<> {
    const Endpoint endpoint = *Endpoint::parse(url);
    RequestHead head = Bench::request("POST", "/");
    Bytes body = to_bytes("world");
    out = co_await bench.client->fetch(endpoint, std::move(head), std::move(body), 1000);
  });
  return out;
}

Result<Client::Answer> fetch_answered_with(std::string answer, ClientLimits limits = {}) {
  Bench bench;
  const Proxy proxy(bench, std::move(answer));
  return fetch(bench, "http://relay.example", proxy.url("u:hunter2@"), nullptr, limits);
}

std::string body_of(const Result<Client::Answer>& answer) { return answer ? text_of(answer->body) : describe(answer.error()); }

TEST(Tunnel, plain_endpoints_are_reached_by_connect_too) {
  Bench bench;
  bench.serve(greet);
  const Proxy proxy(bench, std::string(kGood), bench.endpoint());
  EXPECT_EQ(body_of(fetch(bench, "http://relay.example", proxy.url())), "hello world at relay.example");
  EXPECT_EQ(proxy.heads(), std::vector<std::string>{"CONNECT relay.example:80 HTTP/1.1\r\nHost: relay.example:80\r\n\r\n"});
}

TEST(Tunnel, tls_runs_inside) {
  const Authority root;
  Bench bench;
  bench.serve(greet, {}, *Endpoint::parse("https://127.0.0.1:0"),
              *crypto::TlsContext::server(root.issue("DNS:relay.example").config({"http/1.1"})));
  const Proxy proxy(bench, "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", bench.endpoint());
  const auto trusting = *crypto::TlsContext::client(root.trusted({"http/1.1"}));
  EXPECT_EQ(body_of(fetch(bench, "https://relay.example:8443", proxy.url("u:p@"), trusting)), "hello world at relay.example:8443");
  EXPECT_EQ(proxy.heads(), std::vector<std::string>{"CONNECT relay.example:8443 HTTP/1.1\r\nHost: relay.example:8443\r\n"
                                                    "Proxy-Authorization: Basic dTpw\r\n\r\n"});
}

TEST(Tunnel, a_proxy_that_intercepts_is_refused_unless_its_authority_is_trusted) {
  const Authority root;
  const Authority interceptor("Interceptor of the organisation");
  Bench bench;
  bench.serve(greet, {}, *Endpoint::parse("https://127.0.0.1:0"),
              *crypto::TlsContext::server(interceptor.issue("DNS:relay.example").config({"http/1.1"})));
  const Proxy proxy(bench, std::string(kGood), bench.endpoint());
  const auto trusting_root = *crypto::TlsContext::client(root.trusted({"http/1.1"}));
  const auto refused = fetch(bench, "https://relay.example", proxy.url(), trusting_root);
  EXPECT_RULE(refused, "http.client.tls");
  EXPECT_NE(body_of(refused).find("Interceptor of the organisation"), std::string::npos) << body_of(refused);
  const auto trusting_both = *crypto::TlsContext::client({root.pem() + interceptor.pem(), {"http/1.1"}});
  EXPECT_EQ(body_of(fetch(bench, "https://relay.example", proxy.url(), trusting_both)), "hello world at relay.example");
}

TEST(Tunnel, the_proxy_itself_may_be_spoken_to_over_tls) {
  const Authority root;
  Bench bench;
  bench.serve(greet);
  const Proxy proxy(bench, std::string(kGood), bench.endpoint(), *crypto::TlsContext::server(root.issue("IP:127.0.0.1").config()));
  const auto trusting = *crypto::TlsContext::client(root.trusted({"http/1.1"}));
  EXPECT_EQ(body_of(fetch(bench, "http://relay.example", proxy.url(), trusting)), "hello world at relay.example");
  const auto other = *crypto::TlsContext::client(Authority("other").trusted());
  EXPECT_RULE(fetch(bench, "http://relay.example", proxy.url(), other), "http.client.tls");
  EXPECT_RULE(fetch(bench, "http://relay.example", proxy.url(), nullptr), "http.client.tls");
}

TEST(Tunnel, ipv6_targets_stand_in_brackets) {
  Bench bench;
  bench.serve(greet);
  const Proxy proxy(bench, std::string(kGood), bench.endpoint());
  EXPECT_OK(fetch(bench, "http://[2001:db8::1]:8080", proxy.url()));
  EXPECT_EQ(proxy.heads(), std::vector<std::string>{"CONNECT [2001:db8::1]:8080 HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"});
}

TEST(Tunnel, loopback_never_goes_through_it) {
  Bench bench;
  bench.serve(greet);
  EXPECT_OK(fetch(bench, bench.endpoint().to_string(), "http://127.0.0.1:1"));
}

TEST(Tunnel, a_refusal_is_told_with_its_status_and_without_the_password) {
  for (const char* status : {"407", "403", "502", "302", "500"}) {
    const auto answer = fetch_answered_with(std::string("HTTP/1.1 ") + status + " No\r\nContent-Length: 5\r\n\r\n<no/>");
    EXPECT_RULE(answer, "http.client.proxy");
    EXPECT_NE(body_of(answer).find(status), std::string::npos);
    EXPECT_EQ(body_of(answer).find("hunter2"), std::string::npos);
  }
}

TEST(Tunnel, what_is_no_answer_is_refused) {
  ClientLimits limits;
  limits.connect_timeout = 100ms;
  for (const std::string& text :
       {std::string("SSH-2.0-x\r\n\r\n"), std::string("HTTP/1.1 200\r\n\r\n"), std::string("HTTP/1.1 200 OK\n\n"),
        std::string("HTTP/1.1 101 Switching Protocols\r\n\r\n"), std::string(kGood) + "injected", std::string("HTTP/1.1 200 OK\r\n"),
        std::string(), "HTTP/1.1 200 OK\r\nx: " + std::string(17'000, 'y') + "\r\n\r\n",
        std::string("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 103 x\r\n\r\n")}) {
    EXPECT_RULE(fetch_answered_with(text, limits), "http.client.proxy_answer") << text;
  }
}

TEST(Tunnel, an_answer_that_drips_is_cut_off) {
  Bench bench;
  auto listener = Listener::bind(bench.loop.executor(), loopback());
  ASSERT_OK(listener);
  const auto drip = [&]() -> Task<> {
    Result<std::unique_ptr<Stream>> stream = co_await (*listener)->accept();
    Raw raw(std::move(*stream));
    co_await raw.send("HTTP/1.1 200 ");
    for (bool sent = true; sent;) {
      sent = co_await raw.send("y");
      co_await sleep_for(10ms);
    }
  };
  bench.loop.spawn(drip());
  ClientLimits limits;
  limits.connect_timeout = 150ms;
  EXPECT_RULE(fetch(bench, "http://relay.example", (*listener)->endpoint().to_string(), nullptr, limits), "http.client.proxy_answer");
}

TEST(Tunnel, a_proxy_that_is_not_there_is_named) {
  Bench bench;
  const auto answer = fetch(bench, "http://relay.example", "http://u:hunter2@127.0.0.1:1");
  EXPECT_RULE(answer, "http.client.connect");
  EXPECT_NE(body_of(answer).find("outgoing proxy: http://127.0.0.1:1"), std::string::npos) << body_of(answer);
}

}  // namespace
}  // namespace openpcc::http
