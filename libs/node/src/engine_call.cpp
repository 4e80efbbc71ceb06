#include "engine_call.h"

namespace openpcc::node {
namespace {

constexpr size_t kReadAheadBytes = 256 * 1024;
constexpr http::Milliseconds kLong{3'600'000};
constexpr Rule kUnframed("node.engine.unframed");

http::RequestHead engine_head(const Engine& engine, const EngineRequest& request) {
  http::RequestHead head;
  head.method = "POST";
  head.target = request.path;
  head.fields.add("content-type", request.content_type);
  head.fields.add("accept-encoding", "identity");  // without it an engine may use any coding (RFC 9110 s12.5.3)
  if (!engine.key.empty()) head.fields.add("authorization", "Bearer " + engine.key);
  return head;
}

Error engine_failed() { return fail(Code::unavailable, "node.engine.failed").error(); }

}  // namespace

std::shared_ptr<EngineCall> EngineCall::start(http::Loop& loop, http::Client& client, const Engine& engine, EngineRequest request) {
  std::shared_ptr<EngineCall> call(new EngineCall(loop.executor()));
  loop.spawn(run(call, client, engine, std::move(request)));
  return call;
}

http::Task<> EngineCall::run(std::shared_ptr<EngineCall> self, http::Client& client, Engine engine, EngineRequest request) {
  auto done = co_await self->exchange(client, engine, request);
  if (done) {
    self->ended_ = true;
  } else {
    self->failure_ = std::move(done).error();
  }
  self->stopped_ = true;
  self->changed_.set();
}

http::Task<Result<>> EngineCall::exchange(http::Client& client, const Engine& engine, EngineRequest& request) {
  http::RequestHead head = engine_head(engine, request);
  const std::optional<uint64_t> body_bytes = request.body.size();
  const auto opened = co_await client.open(engine.endpoint, std::move(head), body_bytes);
  if (!opened) co_return fail(Code::unavailable, "node.engine.unreachable");
  http::ClientExchange& exchange = **opened;
  open_ = &exchange;
  if (cancelled_) exchange.abort();
  const ByteSpan body = request.body.reveal();
  const auto written = co_await exchange.write(body);
  const auto finished = co_await exchange.finish_request();
  request.body = SecretBytes();
  // A refusal may come before the whole body was taken, so a failed write is not yet the end.
  const auto answered = co_await read_answer(exchange);
  open_ = nullptr;
  static_cast<void>(written);
  static_cast<void>(finished);
  if (cancelled_) co_return std::unexpected(engine_failed());
  if (answered || answered.error().rule == kUnframed) co_return answered;
  cause_ = answered.error().rule;
  co_return std::unexpected(engine_failed());
}

http::Task<Result<>> EngineCall::read_answer(http::ClientExchange& exchange) {
  const auto head = co_await exchange.read_head();
  OPENPCC_CO_TRY(head);
  if (!exchange.delimited()) co_return fail(Code::unavailable, kUnframed);
  head_ = *head;
  changed_.set();
  for (;;) {
    const auto piece = co_await exchange.read();
    OPENPCC_CO_TRY(piece);
    if (piece->empty()) co_return Result<>();
    content_.insert(content_.end(), piece->begin(), piece->end());
    changed_.set();
    while (content_.size() >= kReadAheadBytes && !cancelled_) {
      const bool drained = co_await drained_.wait(kLong);
      static_cast<void>(drained);
    }
  }
}

http::Task<> EngineCall::wait(http::Milliseconds timeout) {
  if (timeout.count() <= 0) co_return;
  const bool changed = co_await changed_.wait(timeout);
  static_cast<void>(changed);
}

std::optional<http::ResponseHead> EngineCall::take_head() { return std::exchange(head_, std::nullopt); }

Bytes EngineCall::take_content() {
  Bytes out = std::exchange(content_, Bytes());
  if (!out.empty()) drained_.set();
  return out;
}

void EngineCall::cancel() {
  cancelled_ = true;
  if (open_ != nullptr) open_->abort();
  drained_.set();
  changed_.set();
}

}  // namespace openpcc::node
