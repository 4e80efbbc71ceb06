#include "openpcc/http/client.h"

#include <algorithm>
#include <list>
#include <unordered_map>

#include "connection.h"
#include "tunnel.h"

namespace openpcc::http {
namespace {

using http1::Framing;
using Clock = std::chrono::steady_clock;

constexpr size_t kBufferBytes = 32 * 1024;
constexpr int kInterimAnswersMax = 8;

// client_error turns an error of the layers below into one of ClientExchange's own.
std::unexpected<Error> client_error(const Error& error) {
  if (error.rule == Rule("http.stream.timeout")) return fail(Code::unavailable, "http.client.timeout");
  if (error.rule == Rule("http.body.truncated") || error.rule == Rule("crypto.tls.truncated")) {
    return fail(Code::closed, "http.client.truncated", describe(error));
  }
  if (error.code == Code::limit) return fail(Code::limit, "http.client.too_large", describe(error));
  if (error.code == Code::malformed) return fail(Code::malformed, "http.client.malformed", describe(error));
  return fail(Code::closed, "http.client.closed", describe(error));
}

// idempotent methods may be sent twice (RFC 9110 s9.2.2).
bool idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

std::unexpected<Error> no_roots(const Endpoint& endpoint) {
  return fail(Code::unsupported, "http.client.tls", endpoint.to_string() + ": there are no trusted roots to judge its certificate by");
}

// Pool keeps connections between exchanges. Exchanges share it, so that it outlives the Client where it must.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(const Executor& executor, std::shared_ptr<const crypto::TlsContext> tls, const ClientLimits& limits,
       std::shared_ptr<const ProxyRules> proxies)
      : executor_(executor), tls_(std::move(tls)), limits_(limits), proxies_(std::move(proxies)) {}

  const ClientLimits& limits() const { return limits_; }

  // take returns a kept connection that is still good, or null.
  std::shared_ptr<Connection> take(const Endpoint& endpoint);
  // give keeps a connection for the next exchange, if it is fit for one.
  void give(const Endpoint& endpoint, std::shared_ptr<Connection> connection);
  // open makes a new connection.
  static Task<Result<std::shared_ptr<Connection>>> open(std::shared_ptr<Pool> self, Endpoint endpoint);
  void close();

 private:
  struct Idle {
    std::shared_ptr<Connection> connection;
    Clock::time_point since;
  };
  static std::string key(const Endpoint& endpoint);
  static Task<Result<std::unique_ptr<Stream>>> reach(std::shared_ptr<Pool> self, Endpoint endpoint);
  void sweep();
  void sweep_later();

  Executor executor_;
  std::shared_ptr<const crypto::TlsContext> tls_;
  ClientLimits limits_;
  std::shared_ptr<const ProxyRules> proxies_;
  std::unordered_map<std::string, std::list<Idle>> idle_;  // the latest used at the end
  std::unique_ptr<Alarm> sweeper_;
  bool closed_ = false;
};

// The scheme is part of the key: a plain connection never serves an https endpoint.
std::string Pool::key(const Endpoint& endpoint) {
  Endpoint bare = endpoint;
  bare.base_path.clear();
  return bare.to_string();
}

std::shared_ptr<Connection> Pool::take(const Endpoint& endpoint) {
  const auto found = idle_.find(key(endpoint));
  if (found == idle_.end()) return nullptr;
  std::list<Idle>& kept = found->second;
  while (!kept.empty()) {
    const Idle candidate = std::move(kept.back());
    kept.pop_back();
    const bool young = Clock::now() - candidate.since < limits_.keep_alive;
    if (young && candidate.connection->reusable()) return candidate.connection;
  }
  return nullptr;
}

void Pool::give(const Endpoint& endpoint, std::shared_ptr<Connection> connection) {
  if (closed_ || limits_.idle_connections_max == 0 || !connection->clean()) return;
  std::list<Idle>& kept = idle_[key(endpoint)];
  if (kept.size() >= limits_.idle_connections_max) kept.pop_front();
  kept.push_back({std::move(connection), Clock::now()});
  sweep_later();
}

void Pool::sweep_later() {
  if (sweeper_) return;
  sweeper_ = std::make_unique<Alarm>(executor_, limits_.keep_alive, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sweep();
  });
}

void Pool::sweep() {
  const auto oldest = Clock::now() - limits_.keep_alive;
  for (auto& [endpoint, kept] : idle_) kept.remove_if([&](const Idle& idle) { return idle.since <= oldest; });
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  sweeper_.reset();
  if (!idle_.empty()) sweep_later();
}

void Pool::close() {
  closed_ = true;
  idle_.clear();
  sweeper_.reset();
}

// reach makes the bytes flow to the endpoint, directly or through the proxy that stands before it.
Task<Result<std::unique_ptr<Stream>>> Pool::reach(std::shared_ptr<Pool> self, Endpoint endpoint) {
  const OutgoingProxy* const found = self->proxies_ ? proxy_for(*self->proxies_, endpoint) : nullptr;
  if (found != nullptr) {
    std::shared_ptr<const OutgoingProxy> proxy(self->proxies_, found);
    std::shared_ptr<const crypto::TlsContext> context = self->tls_;
    if (proxy->endpoint().kind == Endpoint::Kind::tls && !context) co_return no_roots(proxy->endpoint());
    const TunnelLimits limits{self->limits_.connect_timeout, self->limits_.head_bytes_max};
    Result<std::unique_ptr<Stream>> tunnel = co_await open_tunnel(std::move(proxy), std::move(endpoint), std::move(context), limits);
    co_return tunnel;
  }
  Result<std::unique_ptr<Stream>> stream = co_await connect(endpoint, self->limits_.connect_timeout);
  if (!stream) co_return fail(Code::unavailable, "http.client.connect", stream.error().detail);
  co_return stream;
}

Task<Result<std::shared_ptr<Connection>>> Pool::open(std::shared_ptr<Pool> self, Endpoint endpoint) {
  std::shared_ptr<const crypto::TlsContext> context = self->tls_;
  if (endpoint.kind == Endpoint::Kind::tls && !context) co_return no_roots(endpoint);
  Result<std::unique_ptr<Stream>> stream = co_await reach(self, endpoint);
  if (!stream) co_return std::unexpected(stream.error());
  if (endpoint.kind == Endpoint::Kind::tls) {
    std::string name = endpoint.host;
    stream = co_await tls_client(std::move(*stream), std::move(context), std::move(name), self->limits_.connect_timeout);
    if (!stream) co_return fail(stream.error().code, "http.client.tls", endpoint.to_string() + ": " + describe(stream.error()));
  }
  const size_t buffer_bytes = std::max(kBufferBytes, self->limits_.head_bytes_max);
  co_return std::make_shared<Connection>(self->executor_, std::move(*stream), buffer_bytes);
}

// Request is what open() was asked for, kept for a second try.
struct Request {
  Endpoint endpoint;
  std::string head;  // as sent
  Framing framing;
  bool answers_head;
  bool may_repeat;  // by its method
};

// Call is the state of one exchange. Its operations are coroutines that share it: destroying a ClientExchange never pulls it from under them.
struct Call {
  Call(std::shared_ptr<Pool> p, Request r) : pool(std::move(p)), request(std::move(r)), left(request.framing.length) {
    sent_all = request.framing.kind == Framing::Kind::none || (request.framing.kind == Framing::Kind::length && left == 0);
  }

  std::shared_ptr<Pool> pool;
  Request request;
  std::shared_ptr<Connection> connection;
  bool pooled = false;      // the connection served an exchange before
  bool body_begun = false;  // bytes of the body were handed to the connection
  bool sent_all = false;
  uint64_t left;  // of a declared length
  bool aborted = false;
  std::optional<Error> failure;

  std::optional<http1::ResponseStart> start;
  std::optional<http1::BodyDecoder> decoder;
};

std::unexpected<Error> give_up(Call& call, std::unexpected<Error> error) {
  call.failure = error.error();
  if (call.connection) call.connection->abort();
  return error;
}

Task<Result<>> attach(std::shared_ptr<Call> call, bool fresh) {
  call->connection = fresh ? nullptr : call->pool->take(call->request.endpoint);
  call->pooled = call->connection != nullptr;
  if (!call->connection) {
    Result<std::shared_ptr<Connection>> opened = co_await Pool::open(call->pool, call->request.endpoint);
    if (!opened) co_return std::unexpected(opened.error());
    call->connection = std::move(*opened);
  }
  if (call->aborted) {
    call->connection->abort();
    co_return fail(Code::closed, "http.client.closed", "aborted");
  }
  call->connection->queue(call->request.head, call->pool->limits().idle_timeout);
  co_return Result<>{};
}

// may_start_again: the kept connection was dead before this exchange began, and the peer cannot have acted on the request: it saw at most
// its head, and either no body was complete or the method may be repeated.
bool may_start_again(const Call& call) {
  return call.pooled && !call.aborted && !call.body_begun && (!call.sent_all || call.request.may_repeat);
}

Task<Result<>> send_body(std::shared_ptr<Call> call, ByteSpan bytes) {
  const Milliseconds patience = call->pool->limits().idle_timeout;
  if (call->connection->write_failed() && may_start_again(*call)) {
    const Result<> attached = co_await attach(call, true);
    if (!attached) co_return give_up(*call, std::unexpected(attached.error()));
  }
  call->body_begun = true;
  Result<> sent;
  if (call->request.framing.kind == Framing::Kind::chunked) {
    const http1::ChunkHeader header(bytes.size());
    const std::array<ByteSpan, 3> pieces{header.view(), bytes, as_bytes(http1::kChunkEnd)};
    const std::span<const ByteSpan> all(pieces);
    sent = co_await call->connection->send(all, patience);
  } else {
    const std::array<ByteSpan, 1> pieces{bytes};
    const std::span<const ByteSpan> all(pieces);
    sent = co_await call->connection->send(all, patience);
  }
  // Not the end of the exchange: a peer that stopped reading may have answered why.
  if (!sent) co_return client_error(sent.error());
  co_return Result<>{};
}

Task<Result<>> write_body(std::shared_ptr<Call> call, ByteSpan bytes) {
  if (call->failure) co_return std::unexpected(*call->failure);
  if (bytes.empty()) co_return Result<>{};
  OPENPCC_CHECK(!call->sent_all || call->request.framing.kind == Framing::Kind::length);
  if (call->request.framing.kind != Framing::Kind::chunked) {
    if (bytes.size() > call->left) co_return give_up(*call, fail(Code::internal, "http.client.length", "more than was declared"));
    call->left -= bytes.size();
    call->sent_all = call->left == 0;
  }
  const Result<> sent = co_await send_body(call, bytes);
  co_return sent;
}

Task<Result<>> end_body(std::shared_ptr<Call> call) {
  if (call->failure) co_return std::unexpected(*call->failure);
  if (call->request.framing.kind != Framing::Kind::chunked) {
    if (call->left != 0) co_return give_up(*call, fail(Code::internal, "http.client.length", "less than was declared"));
    co_return Result<>{};
  }
  OPENPCC_CHECK(!call->sent_all);
  call->body_begun = true;
  call->sent_all = true;
  const std::array<ByteSpan, 1> pieces{as_bytes(http1::kLastChunk)};
  const std::span<const ByteSpan> all(pieces);
  const Result<> sent = co_await call->connection->send(all, call->pool->limits().idle_timeout);
  if (!sent) co_return client_error(sent.error());
  co_return Result<>{};
}

// receive_head waits for one head, interim or final. nullopt: the connection ended before its first byte.
Task<Result<std::optional<http1::ResponseStart>>> receive_head(std::shared_ptr<Call> call) {
  const std::shared_ptr<Connection> connection = call->connection;
  const ClientLimits& limits = call->pool->limits();
  http1::HeadScanner scanner(limits.head_bytes_max);
  const auto deadline = Clock::now() + std::min(limits.head_timeout, Milliseconds(std::chrono::hours(24)));
  for (;;) {
    const ByteSpan buffered = connection->buffered();
    const Result<size_t> head_bytes = scanner.scan(buffered);
    if (!head_bytes) co_return std::unexpected(head_bytes.error());
    if (*head_bytes != 0) {
      Result<http1::ResponseStart> start = http1::parse_response(buffered.first(*head_bytes), call->request.answers_head);
      connection->consume(*head_bytes);
      if (!start) co_return std::unexpected(start.error());
      co_return std::move(*start);
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now());
    if (left <= Milliseconds::zero()) co_return fail(Code::unavailable, "http.stream.timeout");
    const Result<size_t> n = co_await connection->fill(left);
    if (n && *n != 0) continue;
    if (!n && n.error().code != Code::closed) co_return std::unexpected(n.error());
    if (connection->buffered().empty()) co_return std::nullopt;
    co_return fail(Code::closed, "http.body.truncated", "inside a head");
  }
}

Task<Result<ResponseHead>> read_final_head(std::shared_ptr<Call> call) {
  OPENPCC_CHECK(!call->start.has_value());
  for (int interim = 0; interim <= kInterimAnswersMax;) {
    if (call->failure) co_return std::unexpected(*call->failure);
    Result<std::optional<http1::ResponseStart>> start = co_await receive_head(call);
    if (!start) co_return give_up(*call, client_error(start.error()));
    if (!*start) {
      if (interim != 0 || !may_start_again(*call)) co_return give_up(*call, fail(Code::closed, "http.client.closed", "no answer"));
      const Result<> attached = co_await attach(call, true);
      if (!attached) co_return give_up(*call, std::unexpected(attached.error()));
      continue;
    }
    if ((*start)->head.status < 200) {
      ++interim;
      continue;
    }
    call->start = std::move(*start);
    call->decoder.emplace(call->start->framing);
    co_return call->start->head;
  }
  co_return give_up(*call, fail(Code::malformed, "http.client.malformed", "too many interim answers"));
}

Task<Result<ByteSpan>> read_body(std::shared_ptr<Call> call) {
  OPENPCC_CHECK(call->start.has_value() || call->failure.has_value());
  if (call->failure) co_return std::unexpected(*call->failure);
  const Milliseconds patience = call->pool->limits().idle_timeout;
  const std::shared_ptr<Connection> connection = call->connection;
  const Result<ByteSpan> piece = co_await connection->next_body_piece(*call->decoder, patience);
  if (!piece) {
    // A reset inside the body is an end before its time, like any other.
    const bool cut = piece.error().rule == Rule("http.stream.closed") && !call->aborted;
    if (cut) co_return give_up(*call, fail(Code::closed, "http.client.truncated", describe(piece.error())));
    co_return give_up(*call, client_error(piece.error()));
  }
  co_return *piece;
}

class Exchange final : public ClientExchange {
 public:
  explicit Exchange(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~Exchange() override {
    if (ended_cleanly()) {
      call_->pool->give(call_->request.endpoint, call_->connection);
    } else {
      abort();
    }
  }

  Task<Result<>> write(ByteSpan bytes) override { return write_body(call_, bytes); }
  Task<Result<>> finish_request() override { return end_body(call_); }
  Task<Result<ResponseHead>> read_head() override { return read_final_head(call_); }
  bool delimited() const override { return call_->start && call_->start->framing.kind != Framing::Kind::until_close; }
  Task<Result<ByteSpan>> read() override { return read_body(call_); }
  void abort() override {
    call_->aborted = true;
    if (!call_->failure) call_->failure = fail(Code::closed, "http.client.closed", "aborted").error();
    if (call_->connection) call_->connection->abort();
  }

 private:
  bool ended_cleanly() const {
    return !call_->failure && call_->sent_all && call_->decoder && call_->decoder->done() && call_->start->keep_alive;
  }

  std::shared_ptr<Call> call_;
};

class PooledClient final : public Client {
 public:
  explicit PooledClient(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
  ~PooledClient() override { pool_->close(); }

  Task<Result<std::unique_ptr<ClientExchange>>> open(const Endpoint& endpoint, RequestHead head,
                                                     std::optional<uint64_t> body_bytes) override {
    return begin(pool_, endpoint, std::move(head), body_bytes);
  }

 private:
  static Task<Result<std::unique_ptr<ClientExchange>>> begin(std::shared_ptr<Pool> pool, Endpoint endpoint, RequestHead head,
                                                             std::optional<uint64_t> body_bytes) {
    const Framing framing = body_bytes ? Framing{Framing::Kind::length, *body_bytes} : Framing{Framing::Kind::chunked, 0};
    // A request without a body needs no length, unless its method lets one expect a body (RFC 9110 s8.6).
    const bool bodiless =
        body_bytes == 0 && (head.method == "GET" || head.method == "HEAD" || head.method == "DELETE" || head.method == "OPTIONS");
    const std::string authority = head.authority.empty() ? endpoint.authority() : head.authority;
    const std::string target = endpoint.base_path + head.target;
    Result<std::string> text = http1::format_request(head, target, authority, bodiless ? Framing{} : framing);
    if (!text) co_return std::unexpected(text.error());
    Request request{std::move(endpoint), std::move(*text), framing, head.method == "HEAD", idempotent(head.method)};
    const auto call = std::make_shared<Call>(std::move(pool), std::move(request));
    const Result<> attached = co_await attach(call, false);
    if (!attached) co_return std::unexpected(attached.error());
    co_return std::make_unique<Exchange>(call);
  }

  std::shared_ptr<Pool> pool_;
};

}  // namespace

Task<Result<Bytes>> ClientExchange::read_all(size_t bytes_max) {
  Bytes out;
  for (;;) {
    const Result<ByteSpan> piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return out;
    if (piece->size() > bytes_max - out.size()) {
      abort();
      co_return fail(Code::limit, "http.client.too_large");
    }
    out.insert(out.end(), piece->begin(), piece->end());
  }
}

std::unique_ptr<Client> Client::create(Loop& loop, std::shared_ptr<const crypto::TlsContext> tls, ClientLimits limits,
                                       std::shared_ptr<const ProxyRules> proxies) {
  return std::make_unique<PooledClient>(std::make_shared<Pool>(loop.executor(), std::move(tls), limits, std::move(proxies)));
}

Task<Result<Client::Answer>> Client::fetch(const Endpoint& endpoint, RequestHead head, Bytes body, size_t answer_bytes_max) {
  const Result<std::unique_ptr<ClientExchange>> opened = co_await open(endpoint, std::move(head), body.size());
  if (!opened) co_return std::unexpected(opened.error());
  ClientExchange& exchange = **opened;
  // A peer that refuses the body unread may still say why: the answer decides, not the failed write.
  const Result<> written = co_await exchange.write(body);
  Result<ResponseHead> answer = co_await exchange.read_head();
  if (!answer) co_return std::unexpected(written ? answer.error() : written.error());
  Result<Bytes> bytes = co_await exchange.read_all(answer_bytes_max);
  if (!bytes) co_return std::unexpected(bytes.error());
  co_return Answer{std::move(*answer), std::move(*bytes)};
}

}  // namespace openpcc::http
