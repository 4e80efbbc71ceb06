// Byte streams below HTTP: TCP, UNIX sockets and TLS behind one type. Servers and clients are built on it; so are tools that must see or
// disturb a connection's bytes.
#pragma once

#include <memory>
#include <span>

#include "openpcc/core/bytes.h"
#include "openpcc/crypto/tls.h"
#include "openpcc/http/endpoint.h"
#include "openpcc/http/loop.h"

namespace openpcc::http {

// Stream is one connection's bytes, both ways. At most one read and one write at a time; they may run beside each other. Destroying it
// aborts it, and a pending call then fails with http.stream.closed.
//
// Errors of every call: http.stream.closed (reset, aborted, or ended by the peer while writing), http.stream.timeout; over TLS also
// crypto.tls.*.
class Stream {
 public:
  // Constants are milliseconds; kForever is for reads that only end with the connection.
  static constexpr Milliseconds kForever = Milliseconds::max();

  virtual ~Stream() = default;
  // read_some waits for 1..into.size() bytes and returns how many; 0 is the peer's clean end (over TLS: its close_notify).
  virtual Task<Result<size_t>> read_some(MutableByteSpan into, Milliseconds timeout) = 0;
  // write hands all of `pieces` (at most kPiecesMax) to the system, in one call where its buffers have room. `timeout`: without progress.
  virtual Task<Result<>> write(std::span<const ByteSpan> pieces, Milliseconds timeout) = 0;
  // finish tells the peer that nothing more comes (FIN, over TLS after close_notify); reading goes on.
  virtual Task<Result<>> finish(Milliseconds timeout) = 0;
  // abort closes the connection at once; pending calls fail. What was written is still delivered to a peer that takes it. No close_notify
  // is sent: it is the framing above (a length, chunks, TLS) that tells the peer a cut from an end.
  virtual void abort() = 0;
  // quiet is true while the peer has neither sent anything that was not read, nor ended the connection: it may be used again.
  virtual bool quiet() = 0;

  static constexpr size_t kPiecesMax = 8;
};

// Listener accepts connections on an endpoint. A UNIX socket's file is made with mode 0600, replaces one that nobody listens on any more,
// and is removed at the end.
class Listener {
 public:
  // bind: http.stream.bind (address in use, no permission, unknown name), with the endpoint and the reason in the detail.
  static Result<std::unique_ptr<Listener>> bind(const Executor& executor, const Endpoint& endpoint);
  virtual ~Listener() = default;
  // endpoint is where it really listens (the port that the system chose).
  virtual const Endpoint& endpoint() const = 0;
  // accept waits for a connection; while the process has no file descriptors left, it waits for those too. http.stream.closed after close().
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual void close() = 0;
};

// connect opens a plain connection to the endpoint's host and port, or socket (the endpoint's scheme does not matter).
//   http.stream.connect  nobody listens there, the name is unknown, or `timeout` passed
Task<Result<std::unique_ptr<Stream>>> connect(Endpoint endpoint, Milliseconds timeout);

// tls_client and tls_server wrap a stream in TLS 1.3 and finish the handshake. Errors: crypto.tls.*, http.stream.*.
Task<Result<std::unique_ptr<Stream>>> tls_client(std::unique_ptr<Stream> transport, std::shared_ptr<const crypto::TlsContext> context,
                                                 std::string server_name, Milliseconds timeout);
Task<Result<std::unique_ptr<Stream>>> tls_server(std::unique_ptr<Stream> transport, std::shared_ptr<const crypto::TlsContext> context,
                                                 Milliseconds timeout);

}  // namespace openpcc::http
