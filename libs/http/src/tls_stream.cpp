// TLS as a Stream over another Stream: crypto::TlsSession does the protocol, this file carries its bytes.
#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <tuple>

#include "openpcc/http/stream.h"

namespace openpcc::http {
namespace {

constexpr size_t kRecordBytes = 16 * 1024;                  // RFC 8446 s5.1
constexpr size_t kRecordsBytes = 2 * (kRecordBytes + 256);  // of ciphertext, per system call

// Channel is what a TLS stream and the operations on it share.
struct Channel {
  Channel(const Executor& executor, std::unique_ptr<Stream> t, crypto::TlsSession s)
      : transport(std::move(t)), session(std::move(s)), flushed(executor), from_transport(kRecordBytes) {}

  std::unique_ptr<Stream> transport;
  crypto::TlsSession session;
  bool flushing = false;
  Event flushed;
  Bytes from_transport;
  Bytes records;  // on their way out
};

// flush sends what the session has ready. A reader flushes too (answers to key updates), beside at most one writer: one waits for the other.
Task<Result<>> flush(std::shared_ptr<Channel> channel, Milliseconds timeout) {
  while (channel->flushing) co_await channel->flushed.wait(Milliseconds::max());
  channel->flushing = true;
  Result<> outcome;
  channel->records.resize(kRecordsBytes);
  while (outcome && channel->session.wants_to_send()) {
    const size_t n = channel->session.pull(channel->records);
    const std::array<ByteSpan, 1> pieces{ByteSpan(channel->records).first(n)};
    const std::span<const ByteSpan> all(pieces);
    outcome = co_await channel->transport->write(all, timeout);
  }
  channel->flushing = false;
  channel->flushed.set();
  co_return outcome;
}

// receive feeds the session with what the transport has next. When the session fails, its alert is sent before the error is returned.
Task<Result<>> receive(std::shared_ptr<Channel> channel, Milliseconds timeout) {
  const MutableByteSpan into(channel->from_transport);
  const Result<size_t> n = co_await channel->transport->read_some(into, timeout);
  if (!n) co_return std::unexpected(n.error());
  const Result<> fed = channel->session.feed(ByteSpan(channel->from_transport).first(*n));
  if (!fed) std::ignore = co_await flush(channel, timeout);
  co_return fed;
}

Task<Result<size_t>> read_plaintext(std::shared_ptr<Channel> channel, MutableByteSpan into, Milliseconds timeout) {
  for (;;) {
    const Result<size_t> n = channel->session.read(into);
    if (channel->session.wants_to_send()) {
      const Result<> flushed = co_await flush(channel, timeout);
      if (n && !flushed) co_return std::unexpected(flushed.error());
    }
    if (!n || *n != 0 || channel->session.closed_by_peer()) co_return n;
    const Result<> received = co_await receive(channel, timeout);
    if (!received) co_return std::unexpected(received.error());
  }
}

// Records fills whole records from the pieces of a write, so that a chunk's header, data and end share one.
class Records {
 public:
  explicit Records(std::span<const ByteSpan> pieces) : pieces_(pieces) {}
  // next encrypts up to one record; false: nothing was left.
  Result<bool> next(crypto::TlsSession& session) {
    plain_.clear();
    while (!pieces_.empty() && plain_.size() < kRecordBytes) {
      const ByteSpan rest = pieces_.front().subspan(taken_);
      const size_t n = std::min(rest.size(), kRecordBytes - plain_.size());
      plain_.insert(plain_.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(n));
      taken_ += n;
      if (n < rest.size()) break;
      pieces_ = pieces_.subspan(1);
      taken_ = 0;
    }
    if (plain_.empty()) return false;
    OPENPCC_TRY(session.write(plain_));
    return true;
  }

 private:
  std::span<const ByteSpan> pieces_;
  size_t taken_ = 0;
  Bytes plain_;
};

Task<Result<>> write_plaintext(std::shared_ptr<Channel> channel, std::span<const ByteSpan> pieces, Milliseconds timeout) {
  Records records(pieces);
  for (bool more = true; more;) {
    for (size_t bytes = 0; more && bytes < kRecordsBytes; bytes += kRecordBytes) {
      const Result<bool> written = records.next(channel->session);
      if (!written) co_return std::unexpected(written.error());
      more = *written;
    }
    const Result<> flushed = co_await flush(channel, timeout);
    if (!flushed) co_return std::unexpected(flushed.error());
  }
  co_return Result<>{};
}

Task<Result<>> finish_writing(std::shared_ptr<Channel> channel, Milliseconds timeout) {
  channel->session.close();
  const Result<> flushed = co_await flush(channel, timeout);
  if (!flushed) co_return std::unexpected(flushed.error());
  const Result<> finished = co_await channel->transport->finish(timeout);
  co_return finished;
}

class TlsStream final : public Stream {
 public:
  explicit TlsStream(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  // An operation that is pending keeps the channel: it is woken here, not by the transport's destruction.
  ~TlsStream() override { channel_->transport->abort(); }

  Task<Result<size_t>> read_some(MutableByteSpan into, Milliseconds timeout) override { return read_plaintext(channel_, into, timeout); }
  Task<Result<>> write(std::span<const ByteSpan> pieces, Milliseconds timeout) override {
    return write_plaintext(channel_, pieces, timeout);
  }
  Task<Result<>> finish(Milliseconds timeout) override { return finish_writing(channel_, timeout); }
  void abort() override { channel_->transport->abort(); }
  bool quiet() override {
    // What the session still holds was sent before the transport fell silent.
    std::array<uint8_t, 1> byte;
    const Result<size_t> n = channel_->session.read(byte);
    return n && *n == 0 && !channel_->session.closed_by_peer() && channel_->transport->quiet();
  }

 private:
  std::shared_ptr<Channel> channel_;
};

Task<Result<std::unique_ptr<Stream>>> shake_hands(std::shared_ptr<Channel> channel, Milliseconds timeout) {
  // One deadline for all of it, or a peer could stretch it byte by byte.
  bool late = false;
  Stream* const transport = channel->transport.get();
  const Executor executor = co_await boost::asio::this_coro::executor;
  const Alarm alarm(executor, timeout, [&late, transport] {
    late = true;
    transport->abort();
  });
  Result<> outcome = co_await flush(channel, timeout);
  while (outcome && !channel->session.established()) {
    outcome = co_await receive(channel, timeout);
    if (outcome) outcome = co_await flush(channel, timeout);
  }
  if (late) co_return fail(Code::unavailable, "http.stream.timeout", "inside the TLS handshake");
  if (!outcome) co_return std::unexpected(outcome.error());
  co_return std::make_unique<TlsStream>(channel);
}

Task<Result<std::unique_ptr<Stream>>> start(std::unique_ptr<Stream> transport, crypto::TlsSession session, Milliseconds timeout) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  const auto channel = std::make_shared<Channel>(executor, std::move(transport), std::move(session));
  Result<std::unique_ptr<Stream>> stream = co_await shake_hands(channel, timeout);
  co_return stream;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> tls_client(std::unique_ptr<Stream> transport, std::shared_ptr<const crypto::TlsContext> context,
                                                 std::string server_name, Milliseconds timeout) {
  return start(std::move(transport), crypto::TlsSession::client(std::move(context), server_name), timeout);
}

Task<Result<std::unique_ptr<Stream>>> tls_server(std::unique_ptr<Stream> transport, std::shared_ptr<const crypto::TlsContext> context,
                                                 Milliseconds timeout) {
  return start(std::move(transport), crypto::TlsSession::server(std::move(context)), timeout);
}

}  // namespace openpcc::http
