#include "openpcc/http/server.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "connection.h"

namespace openpcc::http {
namespace {

using http1::Framing;

constexpr size_t kBufferBytes = 32 * 1024;
// A request body that the handler did not want is read to its end only if it is short; else the connection is closed.
constexpr size_t kUnwantedBytesMax = 64 * 1024;
constexpr Milliseconds kUnwantedTime{1'000};
constexpr uint64_t kReserveBytesMax = 256 * 1024;  // a declared length is only a promise
constexpr Milliseconds kUnwindTime{250};           // what handlers get to return after drain() cut them off

// server_error turns an error of the layers below into one of ServerExchange's own.
std::unexpected<Error> server_error(const Error& error) {
  if (error.rule == Rule("http.stream.timeout")) return fail(Code::unavailable, "http.server.timeout");
  if (error.code == Code::limit) return fail(Code::limit, "http.server.too_large", describe(error));
  if (error.code == Code::malformed) return fail(Code::malformed, "http.server.malformed", describe(error));
  return fail(Code::closed, "http.server.closed", describe(error));
}

class Session;

// Core is what a server's connections share; they keep it alive.
struct Core {
  Core(const Executor& e, std::shared_ptr<const crypto::TlsContext> t, Handler h, const ServerLimits& l)
      : executor(e), tls(std::move(t)), handler(std::move(h)), limits(l), room(e), ended(e) {}

  Executor executor;
  std::shared_ptr<const crypto::TlsContext> tls;
  Handler handler;
  ServerLimits limits;
  std::unique_ptr<Listener> listener;
  std::unordered_set<Session*> sessions;
  size_t connections = 0;
  size_t exchanges = 0;
  Event room;   // a connection ended: accepting may go on
  Event ended;  // a connection or an exchange ended: draining may be over
  bool draining = false;
};

// Counted raises a count for as long as it lives, and tells whoever waits for the fall.
class Counted {
 public:
  Counted(size_t& count, Event& fell) : count_(count), fell_(fell) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    --count_;
    fell_.set();
  }

 private:
  size_t& count_;
  Event& fell_;
};

class Exchange final : public ServerExchange {
 public:
  Exchange(std::shared_ptr<Core> core, std::shared_ptr<Connection> connection, http1::RequestStart start)
      : core_(std::move(core)), connection_(std::move(connection)), start_(std::move(start)), decoder_(start_.framing) {}

  const RequestHead& request() const override { return start_.head; }
  std::optional<uint64_t> declared_body_bytes() const override {
    return start_.framing.kind == Framing::Kind::length ? std::optional(start_.framing.length) : std::nullopt;
  }
  Task<Result<ByteSpan>> read() override;
  Task<Result<>> respond(ResponseHead head, std::optional<uint64_t> body_bytes) override;
  Task<Result<>> write(ByteSpan bytes) override;
  Task<Result<>> finish() override;
  void abort() override;
  void when_abandoned(std::function<void()> callback) override;

  // settle ends what the handler left open; true: the connection may carry another request.
  Task<bool> settle();

 private:
  Milliseconds patience() const { return core_->limits.idle_timeout; }
  void watch_if_read();
  Task<Result<>> send_continue();
  Task<Result<>> send_body(ByteSpan bytes);
  Task<bool> skip_unwanted();

  std::shared_ptr<Core> core_;
  std::shared_ptr<Connection> connection_;
  http1::RequestStart start_;
  http1::BodyDecoder decoder_;
  std::optional<Error> read_failure_;
  bool read_to_end_ = false;
  std::function<void()> on_abandoned_;
  bool abandoned_ = false;

  bool responded_ = false;
  bool finished_ = false;
  bool body_suppressed_ = false;  // HEAD, 204, 304
  bool keep_alive_ = true;
  Framing framing_;
  uint64_t left_ = 0;  // of a declared length
};

Task<Result<>> Exchange::send_continue() {
  start_.expects_continue = false;
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::array<ByteSpan, 1> pieces{as_bytes(kContinue)};
  const std::span<const ByteSpan> all(pieces);
  const Result<> sent = co_await connection_->send(all, patience());
  co_return sent;
}

Task<Result<ByteSpan>> Exchange::read() {
  if (read_failure_) co_return std::unexpected(*read_failure_);
  if (read_to_end_) co_return ByteSpan{};
  if (start_.expects_continue && !responded_) {
    const Result<> sent = co_await send_continue();
    if (!sent) co_return server_error(sent.error());
  }
  Result<ByteSpan> piece = co_await connection_->next_body_piece(decoder_, patience());
  if (!piece) {
    read_failure_ = server_error(piece.error()).error();
    co_return std::unexpected(*read_failure_);
  }
  read_to_end_ = piece->empty();
  watch_if_read();
  co_return piece;
}

void Exchange::when_abandoned(std::function<void()> callback) {
  on_abandoned_ = std::move(callback);
  watch_if_read();
}

void Exchange::watch_if_read() {
  // A request without a body has no end to wait for. Nobody holds a view into the buffer at this point.
  if (!on_abandoned_ || finished_ || (!read_to_end_ && start_.framing.kind != Framing::Kind::none)) return;
  connection_->watch([this] {
    abandoned_ = true;
    const std::function<void()> callback = std::exchange(on_abandoned_, nullptr);
    callback();
  });
}

Task<Result<>> Exchange::respond(ResponseHead head, std::optional<uint64_t> body_bytes) {
  OPENPCC_CHECK(!responded_);
  body_suppressed_ = start_.head.method == "HEAD" || http1::status_has_no_body(head.status);
  if (body_bytes) {
    framing_ = {Framing::Kind::length, *body_bytes};
  } else {
    framing_ = {Framing::Kind::chunked, 0};
  }
  left_ = framing_.length;
  // A body that was never asked for may come or not: nobody could tell where the next request begins.
  keep_alive_ = start_.keep_alive && !core_->draining && !start_.expects_continue && !read_failure_;
  const Framing announced = http1::status_has_no_body(head.status) ? Framing{} : framing_;
  const Result<std::string> text = http1::format_response(head, announced, keep_alive_);
  if (!text) co_return std::unexpected(text.error());
  responded_ = true;
  if (abandoned_ || connection_->aborted()) co_return fail(Code::closed, "http.server.closed");
  connection_->queue(*text, patience());
  co_return Result<>{};
}

Task<Result<>> Exchange::send_body(ByteSpan bytes) {
  if (abandoned_ || connection_->aborted()) co_return fail(Code::closed, "http.server.closed");
  Result<> sent;
  if (framing_.kind == Framing::Kind::chunked) {
    const http1::ChunkHeader header(bytes.size());
    const std::array<ByteSpan, 3> pieces{header.view(), bytes, as_bytes(http1::kChunkEnd)};
    const std::span<const ByteSpan> all(pieces);
    sent = co_await connection_->send(all, patience());
  } else {
    const std::array<ByteSpan, 1> pieces{bytes};
    const std::span<const ByteSpan> all(pieces);
    sent = co_await connection_->send(all, patience());
  }
  if (!sent) co_return server_error(sent.error());
  co_return Result<>{};
}

Task<Result<>> Exchange::write(ByteSpan bytes) {
  OPENPCC_CHECK(responded_ && !finished_);
  if (bytes.empty() || body_suppressed_) co_return Result<>{};
  if (framing_.kind == Framing::Kind::length) {
    if (bytes.size() > left_) {
      abort();
      co_return fail(Code::internal, "http.server.length", "more than was declared");
    }
    left_ -= bytes.size();
  }
  const Result<> sent = co_await send_body(bytes);
  co_return sent;
}

Task<Result<>> Exchange::finish() {
  OPENPCC_CHECK(responded_ && !finished_);
  if (framing_.kind == Framing::Kind::length && left_ != 0 && !body_suppressed_) {
    abort();
    co_return fail(Code::internal, "http.server.length", "less than was declared");
  }
  if (abandoned_ || connection_->aborted()) co_return fail(Code::closed, "http.server.closed");
  const bool last_chunk = framing_.kind == Framing::Kind::chunked && !body_suppressed_;
  const std::array<ByteSpan, 1> pieces{last_chunk ? as_bytes(http1::kLastChunk) : ByteSpan{}};
  const std::span<const ByteSpan> all(pieces);
  const Result<> sent = co_await connection_->send(all, patience());
  if (!sent) co_return server_error(sent.error());
  finished_ = true;
  on_abandoned_ = nullptr;
  connection_->stop_watching();
  co_return Result<>{};
}

void Exchange::abort() { connection_->abort(); }

Task<bool> Exchange::skip_unwanted() {
  if (decoder_.done()) co_return true;
  if (read_failure_) co_return false;
  const std::shared_ptr<Connection> connection = connection_;
  const Alarm alarm(core_->executor, kUnwantedTime, [connection] { connection->abort(); });
  for (size_t skipped = 0; skipped <= kUnwantedBytesMax;) {
    const Result<ByteSpan> piece = co_await connection_->next_body_piece(decoder_, kUnwantedTime);
    if (!piece) co_return false;
    if (decoder_.done()) co_return true;
    skipped += piece->size();
  }
  co_return false;
}

Task<bool> Exchange::settle() {
  on_abandoned_ = nullptr;
  connection_->stop_watching();
  if (connection_->aborted()) co_return false;
  if (!responded_) {
    const bool their_fault = read_failure_ && (read_failure_->code == Code::malformed || read_failure_->code == Code::limit);
    ResponseHead head{static_cast<uint16_t>(their_fault ? 400 : 500), {}};
    start_.keep_alive = false;
    const Result<> head_sent = co_await respond(std::move(head), 0);
    if (head_sent) std::ignore = co_await finish();
  }
  if (!finished_) {
    connection_->abort();
    co_return false;
  }
  if (!keep_alive_) co_return false;
  const bool at_end = co_await skip_unwanted();
  co_return at_end;
}

// Session is one connection's life: heads in, exchanges out.
class Session {
 public:
  Session(std::shared_ptr<Core> core, std::shared_ptr<Connection> connection) : core_(std::move(core)), connection_(std::move(connection)) {
    core_->sessions.insert(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    core_->sessions.erase(this);
    core_->ended.set();
  }

  Task<> run();
  void abort() { connection_->abort(); }
  // dismiss tells the peer of an idle connection that no more requests are taken.
  void dismiss() {
    dismissed_ = true;
    connection_->finish_beside();
  }
  bool idle() const { return idle_; }

 private:
  Task<Result<http1::RequestStart>> read_request();
  Task<> refuse(const Error& error);
  Task<bool> serve(http1::RequestStart start);

  std::shared_ptr<Core> core_;
  std::shared_ptr<Connection> connection_;
  bool idle_ = true;
  bool dismissed_ = false;
};

Task<Result<http1::RequestStart>> Session::read_request() {
  idle_ = connection_->buffered().empty();
  if (idle_) {
    const Result<size_t> first = co_await connection_->fill(core_->limits.idle_timeout);
    if (!first) co_return std::unexpected(first.error());
    if (*first == 0 || dismissed_) co_return fail(Code::closed, "http.stream.closed", "no further request");
    idle_ = false;
  }
  const std::shared_ptr<Connection> connection = connection_;
  http1::HeadScanner scanner(core_->limits.head_bytes_max);
  const auto deadline = std::chrono::steady_clock::now() + core_->limits.head_timeout;
  for (;;) {
    const ByteSpan buffered = connection->buffered();
    const Result<size_t> head_bytes = scanner.scan(buffered);
    if (!head_bytes) co_return std::unexpected(head_bytes.error());
    if (*head_bytes != 0) {
      Result<http1::RequestStart> start = http1::parse_request(buffered.first(*head_bytes));
      connection->consume(*head_bytes);
      co_return start;
    }
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= Milliseconds::zero()) co_return fail(Code::unavailable, "http.stream.timeout");
    const Result<size_t> n = co_await connection->fill(left);
    if (!n) co_return std::unexpected(n.error());
    if (*n == 0) co_return fail(Code::closed, "http.stream.closed", "the peer left inside a head");
  }
}

Task<> Session::refuse(const Error& error) {
  const bool timed_out = error.rule == Rule("http.stream.timeout");
  if (idle_ || (!timed_out && error.code != Code::malformed && error.code != Code::limit)) co_return;
  ResponseHead head;
  head.status = timed_out ? 408 : 400;
  const Framing empty{Framing::Kind::length, 0};
  const Result<std::string> text = http1::format_response(head, empty, false);
  const std::array<ByteSpan, 1> pieces{as_bytes(*text)};
  const std::span<const ByteSpan> all(pieces);
  std::ignore = co_await connection_->send(all, core_->limits.idle_timeout);
}

Task<bool> Session::serve(http1::RequestStart start) {
  const Counted running(core_->exchanges, core_->ended);
  Exchange exchange(core_, connection_, std::move(start));
  co_await core_->handler(exchange);
  const bool again = co_await exchange.settle();
  co_return again && !core_->draining;
}

Task<> Session::run() {
  for (bool again = true; again;) {
    Result<http1::RequestStart> start = co_await read_request();
    if (!start) {
      co_await refuse(start.error());
      break;
    }
    again = co_await serve(std::move(*start));
  }
  co_await connection_->close();
}

// `counted` was made when the connection was accepted: coroutines start later.
Task<> run_session(std::shared_ptr<Core> core, std::unique_ptr<Stream> stream, std::shared_ptr<Counted> counted) {
  if (core->tls) {
    std::shared_ptr<const crypto::TlsContext> context = core->tls;
    Result<std::unique_ptr<Stream>> secured = co_await tls_server(std::move(stream), std::move(context), core->limits.head_timeout);
    if (!secured || core->draining) co_return;
    stream = std::move(*secured);
  }
  const size_t buffer_bytes = std::max(kBufferBytes, core->limits.head_bytes_max);
  auto connection = std::make_shared<Connection>(core->executor, std::move(stream), buffer_bytes);
  {
    Session session(core, std::move(connection));
    co_await session.run();
  }
  counted.reset();
}

Task<> accept_loop(std::shared_ptr<Core> core) {
  for (;;) {
    while (core->connections >= core->limits.connections_max) co_await core->room.wait(Milliseconds::max());
    Result<std::unique_ptr<Stream>> stream = co_await core->listener->accept();
    if (!stream) co_return;
    auto counted = std::make_shared<Counted>(core->connections, core->room);
    spawn(core->executor, run_session(core, std::move(*stream), std::move(counted)));
  }
}

class ServerOverSockets final : public Server {
 public:
  ServerOverSockets(std::shared_ptr<Core> core, Endpoint endpoint) : core_(std::move(core)), endpoint_(std::move(endpoint)) {}
  ~ServerOverSockets() override {
    core_->draining = true;
    core_->listener->close();
    abort_all();
  }

  const Endpoint& endpoint() const override { return endpoint_; }
  size_t exchanges_running() const override { return core_->exchanges; }

  Task<> drain(Milliseconds timeout) override {
    const std::shared_ptr<Core> core = core_;
    core->draining = true;
    core->listener->close();
    for (Session* session : core->sessions) {
      if (session->idle()) session->dismiss();
    }
    co_await wait_for_busy(core, timeout);
    for (Session* session : core->sessions) session->abort();
    co_await wait_for_busy(core, kUnwindTime);
  }

 private:
  // An answer counts as delivered when its connection has ended, not when its last byte was written.
  static Task<> wait_for_busy(std::shared_ptr<Core> core, Milliseconds timeout) {
    const auto busy = [](const Session* session) { return !session->idle(); };
    const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, Milliseconds(std::chrono::hours(24)));
    while (std::ranges::any_of(core->sessions, busy)) {
      const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left <= Milliseconds::zero()) co_return;
      co_await core->ended.wait(left);
    }
  }
  void abort_all() {
    for (Session* session : core_->sessions) session->abort();
  }

  std::shared_ptr<Core> core_;
  Endpoint endpoint_;
};

}  // namespace

Task<Result<Bytes>> ServerExchange::read_all(size_t bytes_max) {
  const uint64_t declared = declared_body_bytes().value_or(0);
  if (declared > bytes_max) co_return fail(Code::limit, "http.server.too_large");
  Bytes out;
  out.reserve(static_cast<size_t>(std::min(declared, kReserveBytesMax)));
  for (;;) {
    const Result<ByteSpan> piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return out;
    if (piece->size() > bytes_max - out.size()) co_return fail(Code::limit, "http.server.too_large");
    out.insert(out.end(), piece->begin(), piece->end());
  }
}

Task<Result<>> ServerExchange::respond_with(ResponseHead head, ByteSpan body) {
  const Result<> head_sent = co_await respond(std::move(head), body.size());
  if (!head_sent) co_return std::unexpected(head_sent.error());
  const Result<> body_sent = co_await write(body);
  if (!body_sent) co_return std::unexpected(body_sent.error());
  const Result<> finished = co_await finish();
  co_return finished;
}

Result<std::unique_ptr<Server>> Server::listen(Loop& loop, const Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> tls,
                                               Handler handler, ServerLimits limits) {
  OPENPCC_CHECK((endpoint.kind == Endpoint::Kind::tls) == (tls != nullptr));
  auto listener = Listener::bind(loop.executor(), endpoint);
  if (!listener) return fail(Code::unavailable, "http.server.bind", listener.error().detail);
  Endpoint bound = (*listener)->endpoint();
  auto core = std::make_shared<Core>(loop.executor(), std::move(tls), std::move(handler), limits);
  core->listener = std::move(*listener);
  loop.spawn(accept_loop(core));
  return std::make_unique<ServerOverSockets>(std::move(core), std::move(bound));
}

}  // namespace openpcc::http
