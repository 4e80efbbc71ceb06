// HTTP server: one Exchange per request. Connections, keep-alive and framing stay inside.
#pragma once

#include <functional>
#include <memory>

#include "openpcc/core/bytes.h"
#include "openpcc/crypto/tls.h"
#include "openpcc/http/endpoint.h"
#include "openpcc/http/loop.h"
#include "openpcc/http/message.h"

namespace openpcc::http {

// ServerExchange is one request and its answer. It lives until its handler returns; a handler that returns before finish() leaves the
// peer with an aborted answer (or a plain 500, when respond() was never called).
//
// Errors of every call: http.server.closed (peer gone or aborted), http.server.timeout, http.server.malformed, http.server.too_large (the
// detail names the parser's rule).
class ServerExchange {
 public:
  virtual ~ServerExchange() = default;

  virtual const RequestHead& request() const = 0;
  // declared_body_bytes is the Content-Length, if there is one.
  virtual std::optional<uint64_t> declared_body_bytes() const = 0;

  // read returns the next piece of the request body, valid until the next call; an empty span is its clean end. "100 Continue" is sent
  // at the first call where the peer expects it.
  virtual Task<Result<ByteSpan>> read() = 0;
  // read_all collects the body up to `bytes_max` (http.server.too_large beyond it).
  Task<Result<Bytes>> read_all(size_t bytes_max);

  // respond sends the head. `body_bytes`: sent as Content-Length; nullopt: chunked, each write() is one chunk and one flush.
  //   http.emit.*   the head would not be legal on the wire; nothing was sent, and another may be tried
  virtual Task<Result<>> respond(ResponseHead head, std::optional<uint64_t> body_bytes) = 0;
  // write waits until the bytes were handed to the system: that is the back-pressure. An empty span writes nothing.
  virtual Task<Result<>> write(ByteSpan bytes) = 0;
  // finish ends the body normally. A body that is not as long as was declared aborts the exchange here, or in write(): http.server.length.
  virtual Task<Result<>> finish() = 0;
  // respond_with sends a whole answer.
  Task<Result<>> respond_with(ResponseHead head, ByteSpan body);

  // abort closes the connection at once, without a last chunk: the peer must see a truncated answer.
  virtual void abort() = 0;
  // when_abandoned calls `callback` once if the peer closes before finish(), after the request was read to its end.
  virtual void when_abandoned(std::function<void()> callback) = 0;
};

using Handler = std::function<Task<>(ServerExchange&)>;

struct ServerLimits {
  size_t head_bytes_max = 16 * 1024;
  size_t connections_max = 4096;      // beyond it new ones wait in the backlog
  Milliseconds head_timeout{15'000};  // from the first byte of a request to the end of its head
  Milliseconds idle_timeout{75'000};  // a kept-alive connection without a request; waiting for a body piece; a write without progress
};

class Server {
 public:
  // listen binds and starts accepting. `tls`: for an https endpoint, and only there. Errors: http.server.bind (address in use, no permission), with the endpoint in the detail.
  static Result<std::unique_ptr<Server>> listen(Loop& loop, const Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> tls,
                                                Handler handler, ServerLimits limits = {});
  virtual ~Server() = default;
  // endpoint is where it really listens (the port that the system chose).
  virtual const Endpoint& endpoint() const = 0;
  // drain stops accepting, lets running exchanges end (at most `timeout`) and then closes everything.
  virtual Task<> drain(Milliseconds timeout) = 0;
  virtual size_t exchanges_running() const = 0;
};

}  // namespace openpcc::http
