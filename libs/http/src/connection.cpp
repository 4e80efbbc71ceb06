#include "connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

namespace openpcc::http {
namespace {

// After our last byte the peer may still be sending: closing at once would reset the connection and take the answer with it.
constexpr Milliseconds kLingerTime{1'000};
constexpr size_t kLingerBytesMax = 1024 * 1024;
constexpr size_t kQueuedAndPieces = 5;

}  // namespace

Connection::Connection(const Executor& executor, std::unique_ptr<Stream> stream, size_t buffer_bytes)
    : executor_(executor), stream_(std::move(stream)), buffer_bytes_(buffer_bytes), pumped_(executor), written_(executor) {}

void Connection::consume(size_t n) {
  OPENPCC_CHECK(n <= end_ - begin_);
  begin_ += n;
}

Task<Result<size_t>> Connection::read_more(Milliseconds timeout) {
  if (failure_) co_return std::unexpected(*failure_);
  if (ended_) co_return size_t{0};
  if (buffer_.empty()) buffer_.resize(buffer_bytes_);
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const MutableByteSpan room = MutableByteSpan(buffer_).subspan(end_);
  OPENPCC_CHECK(!room.empty());
  const Result<size_t> n = co_await stream_->read_some(room, timeout);
  if (n) {
    end_ += *n;
    ended_ = *n == 0;
  } else {
    failure_ = n.error();
  }
  co_return n;
}

Task<Result<size_t>> Connection::fill(Milliseconds timeout) {
  const size_t before = end_ - begin_;
  pump_must_stop_ = true;
  while (pumping_) {
    const bool in_time = co_await pumped_.wait(timeout);
    if (!in_time) co_return fail(Code::unavailable, "http.stream.timeout");
  }
  const size_t pumped = end_ - begin_ - before;
  if (pumped != 0) co_return pumped;
  const Result<size_t> n = co_await read_more(timeout);
  co_return n;
}

void Connection::watch(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  pump_must_stop_ = false;
  if (gone())
    post(executor_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tell_gone();
    });
  if (pumping_ || gone() || end_ - begin_ == buffer_bytes_) return;
  pumping_ = true;
  spawn(executor_, pump(shared_from_this()));
}

Task<> Connection::pump(std::shared_ptr<Connection> self) {
  do {
    const Result<size_t> n = co_await self->read_more(Stream::kForever);
    if (!n || *n == 0) break;
  } while (!self->pump_must_stop_ && self->end_ - self->begin_ < self->buffer_bytes_);
  self->pumping_ = false;
  self->pumped_.set();
  if (self->gone()) self->tell_gone();
}

void Connection::tell_gone() {
  const std::function<void()> on_gone = std::exchange(on_gone_, nullptr);
  if (on_gone) on_gone();
}

void Connection::stop_watching() {
  on_gone_ = nullptr;
  pump_must_stop_ = true;  // after its current read: from then on views into the buffer must stay where they are
}

void Connection::queue(std::string head, Milliseconds timeout) {
  queued_ += head;
  post(executor_, [weak = weak_from_this(), timeout] {
    const auto self = weak.lock();
    if (self && !self->queued_.empty() && !self->writing_) spawn(self->executor_, flush(self, timeout));
  });
}

Task<> Connection::flush(std::shared_ptr<Connection> self, Milliseconds timeout) {
  if (self->queued_.empty() || self->writing_) co_return;
  // Its failure is remembered, and the next send() returns it.
  const std::span<const ByteSpan> nothing_more;
  std::ignore = co_await self->send(nothing_more, timeout);
}

Task<Result<>> Connection::send(std::span<const ByteSpan> pieces, Milliseconds timeout) {
  OPENPCC_CHECK(pieces.size() < kQueuedAndPieces);
  const std::shared_ptr<Connection> self = shared_from_this();
  while (writing_) co_await written_.wait(Milliseconds::max());  // a queued head on its way: bounded by its own time
  if (aborted_) co_return fail(Code::closed, "http.stream.closed", "aborted");
  if (write_failure_) co_return std::unexpected(*write_failure_);
  const std::string head = std::exchange(queued_, {});
  std::array<ByteSpan, kQueuedAndPieces> all{as_bytes(head)};
  std::ranges::copy(pieces, all.begin() + 1);
  const std::span<const ByteSpan> used(all.data(), pieces.size() + 1);
  writing_ = true;
  const Result<> written = co_await stream_->write(used, timeout);
  writing_ = false;
  written_.set();
  if (!written) write_failure_ = written.error();
  co_return written;
}

Task<Result<ByteSpan>> Connection::next_body_piece(http1::BodyDecoder& decoder, Milliseconds timeout) {
  const std::shared_ptr<Connection> self = shared_from_this();
  for (;;) {
    const Result<http1::BodyDecoder::Step> step = decoder.decode(buffered());
    if (!step) co_return std::unexpected(step.error());
    consume(step->consumed);
    if (!step->data.empty() || decoder.done()) co_return step->data;
    if (step->consumed != 0) continue;
    const Result<size_t> n = co_await fill(timeout);
    if (!n) co_return std::unexpected(n.error());
    if (*n != 0) continue;
    const Result<> ended = decoder.end_of_input();
    if (!ended) co_return std::unexpected(ended.error());
  }
}

void Connection::abort() {
  aborted_ = true;
  on_gone_ = nullptr;
  stream_->abort();
}

Task<> Connection::close() {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (aborted_) co_return;
  const Alarm alarm(executor_, kLingerTime, [this] { abort(); });
  on_gone_ = nullptr;
  const Result<> finished = co_await stream_->finish(kLingerTime);
  for (size_t drained = 0; finished && drained < kLingerBytesMax;) {
    begin_ = end_ = 0;
    const Result<size_t> n = co_await fill(kLingerTime);
    if (!n || *n == 0) co_return;
    drained += *n;
  }
}

void Connection::finish_beside() { spawn(executor_, finish(shared_from_this())); }

Task<> Connection::finish(std::shared_ptr<Connection> self) { const Result<> ignored = co_await self->stream_->finish(kLingerTime); }

}  // namespace openpcc::http
