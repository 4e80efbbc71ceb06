// What server and client share: one stream with its input buffer, serialised writes, and a read that watches for the peer's leaving.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http1.h"
#include "openpcc/http/stream.h"

namespace openpcc::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `buffer_bytes`: how much of the peer's bytes is held at most; a head section must fit.
  Connection(const Executor& executor, std::unique_ptr<Stream> stream, size_t buffer_bytes);

  const Executor& executor() const { return executor_; }

  // buffered are the bytes received and not yet consumed; a view stays valid until the next call of fill() or watch().
  ByteSpan buffered() const { return ByteSpan(buffer_).subspan(begin_, end_ - begin_); }
  void consume(size_t n);
  // fill waits for more bytes and returns how many came; 0: the peer ended cleanly. There must be room in the buffer.
  Task<Result<size_t>> fill(Milliseconds timeout);
  // watch reads on while nobody calls fill(), and calls `on_gone` when the transport ends. What arrives stays buffered.
  void watch(std::function<void()> on_gone);
  void stop_watching();
  // gone: the transport has ended or failed.
  bool gone() const { return ended_ || failure_.has_value(); }

  // queue holds a head back for the loop's turn: the first piece of its body usually comes in the same turn and shares its system call.
  void queue(std::string head, Milliseconds timeout);
  // send writes what is queued, then `pieces` (at most 4).
  Task<Result<>> send(std::span<const ByteSpan> pieces, Milliseconds timeout);

  // next_body_piece feeds the decoder until it has data (a view into the buffer), is done (an empty span), or fails: http.body.*,
  // http.stream.*, crypto.tls.*.
  Task<Result<ByteSpan>> next_body_piece(http1::BodyDecoder& decoder, Milliseconds timeout);

  // abort resets the connection; pending calls fail with http.stream.closed.
  void abort();
  bool aborted() const { return aborted_; }
  // close ends the connection so that the peer still receives what was sent: it says that nothing more comes, and reads on for a while.
  Task<> close();
  // finish_beside says that nothing more comes, without waiting for it to be said.
  void finish_beside();
  // clean: nothing failed and nothing is left over; reusable: and the peer is still there.
  bool clean() const { return !aborted_ && !gone() && !write_failure_ && !writing_ && queued_.empty() && begin_ == end_; }
  bool reusable() { return clean() && stream_->quiet(); }
  bool write_failed() const { return write_failure_.has_value(); }

 private:
  Task<Result<size_t>> read_more(Milliseconds timeout);
  void tell_gone();
  static Task<> pump(std::shared_ptr<Connection> self);
  static Task<> finish(std::shared_ptr<Connection> self);
  static Task<> flush(std::shared_ptr<Connection> self, Milliseconds timeout);

  Executor executor_;
  std::unique_ptr<Stream> stream_;
  size_t buffer_bytes_;
  Bytes buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;  // of reading

  bool pumping_ = false;
  bool pump_must_stop_ = false;
  Event pumped_;
  std::function<void()> on_gone_;

  std::string queued_;
  bool writing_ = false;
  Event written_;
  std::optional<Error> write_failure_;
  bool aborted_ = false;
};

}  // namespace openpcc::http
