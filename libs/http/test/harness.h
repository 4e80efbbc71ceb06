// What the tests of this library share: a loop with a limit on its patience, a server and a client on loopback.
#pragma once

#include <atomic>
#include <string>
#include <tuple>

#include "openpcc/http/client.h"
#include "openpcc/http/server.h"
#include "openpcc/http/stream.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::http::test {

using namespace std::chrono_literals;

inline Endpoint loopback() { return *Endpoint::parse("http://127.0.0.1:0"); }

// Bench owns a loop and runs coroutines on it until they end; one that hangs fails the test.
class Bench {
 public:
  ~Bench() { loop.stop(); }

  // run runs `body` to its end. `body` may hold captures: it lives as long as the call.
  void run(const std::function<Task<>()>& body) {
    const Alarm alarm(loop.executor(), 30s, [this] {
      ADD_FAILURE() << "the coroutine hangs";
      loop.stop();
    });
    loop.spawn(run_then_stop(body));
    loop.run();
  }

  void serve(Handler handler, ServerLimits limits = {}, Endpoint endpoint = loopback(),
             std::shared_ptr<const crypto::TlsContext> tls = nullptr) {
    auto made = Server::listen(loop, endpoint, std::move(tls), std::move(handler), limits);
    ASSERT_OK(made);
    server = std::move(*made);
  }
  void use_client(ClientLimits limits = {}, std::shared_ptr<const crypto::TlsContext> tls = nullptr) {
    client = Client::create(loop, std::move(tls), limits);
  }
  const Endpoint& endpoint() const { return server->endpoint(); }
  // fetch and open take only trivial arguments, so that tests may await them in one expression (see Task).
  Task<Result<Client::Answer>> fetch(std::string_view method, std::string_view target, std::string_view body = {},
                                     size_t answer_bytes_max = 65536) {
    return client->fetch(endpoint(), request(method, target), Bytes(body.begin(), body.end()), answer_bytes_max);
  }
  Task<Result<std::unique_ptr<ClientExchange>>> open(std::string_view method, std::string_view target, std::optional<uint64_t> body_bytes) {
    return client->open(endpoint(), request(method, target), body_bytes);
  }
  static RequestHead request(std::string_view method, std::string_view target) {
    return {std::string(method), std::string(target), {}, {}};
  }

  Loop loop;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;

 private:
  Task<> run_then_stop(const std::function<Task<>()>& body) {
    co_await body();
    loop.stop();
  }
};

inline Bytes to_bytes(std::string_view text) { return Bytes(text.begin(), text.end()); }
inline std::string text_of(ByteSpan bytes) { return std::string(as_text(bytes)); }

// Raw is a peer that speaks bytes, not HTTP.
class Raw {
 public:
  static Task<Raw> connect_to(const Endpoint& endpoint) {
    Result<std::unique_ptr<Stream>> stream = co_await connect(endpoint, 5s);
    OPENPCC_CHECK(stream.has_value());
    co_return Raw(std::move(*stream));
  }
  explicit Raw(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  Stream& stream() { return *stream_; }
  Task<bool> send(std::string_view text) {
    const std::array<ByteSpan, 1> pieces{as_bytes(text)};
    const std::span<const ByteSpan> all(pieces);
    const Result<> sent = co_await stream_->write(all, 5s);
    co_return sent.has_value();
  }
  // read_until returns what came up to and including `mark`, or all until the end of the connection.
  Task<std::string> read_until(std::string_view mark) {
    for (;;) {
      const size_t at = held_.find(mark);
      if (at != std::string::npos) {
        std::string out = held_.substr(0, at + mark.size());
        held_.erase(0, at + mark.size());
        co_return out;
      }
      const bool more = co_await read_more(5s);
      if (!more) co_return std::exchange(held_, {});
    }
  }
  Task<std::string> read_to_end() {
    for (bool more = true; more;) more = co_await read_more(5s);
    co_return std::exchange(held_, {});
  }
  // read_more returns false at the end of the connection, or when nothing comes in time.
  Task<bool> read_more(Milliseconds timeout) {
    std::array<uint8_t, 4096> buffer;
    const MutableByteSpan into(buffer);
    const Result<size_t> n = co_await stream_->read_some(into, timeout);
    end_ = !n ? std::string(n.error().rule.id()) : *n == 0 ? "clean" : "";
    if (!n || *n == 0) co_return false;
    held_.append(reinterpret_cast<const char*>(buffer.data()), *n);
    co_return true;
  }
  // end says how the connection ended: "clean" or a rule id.
  const std::string& end() const { return end_; }

 private:
  std::unique_ptr<Stream> stream_;
  std::string held_;
  std::string end_;
};

}  // namespace openpcc::http::test
