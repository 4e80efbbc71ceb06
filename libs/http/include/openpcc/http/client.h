// HTTP client: one Exchange per request over a pool of kept-alive connections.
#pragma once

#include <memory>

#include "openpcc/core/bytes.h"
#include "openpcc/crypto/tls.h"
#include "openpcc/http/endpoint.h"
#include "openpcc/http/loop.h"
#include "openpcc/http/message.h"
#include "openpcc/http/outgoing_proxy.h"

namespace openpcc::http {

// ClientExchange is one request and its answer. Destroying it before the answer ended closes its connection.
//
// Errors of every call: http.client.closed (also after abort()), http.client.timeout, http.client.malformed, http.client.too_large;
// http.client.truncated when the answer ends before its framing says so; http.client.length when the request's body is not as long as was
// declared. Any error is terminal, but for one of write() or finish_request(): a peer that stopped reading may have answered why.
class ClientExchange {
 public:
  virtual ~ClientExchange() = default;
  virtual Task<Result<>> write(ByteSpan bytes) = 0;
  // finish_request ends the request body.
  virtual Task<Result<>> finish_request() = 0;
  // read_head waits for the final head; interim answers (1xx) are skipped.
  virtual Task<Result<ResponseHead>> read_head() = 0;
  // delimited says, once the head was read, that the answer has a length or chunks. One that ends with its connection has no end that could be
  // told from its sender's death.
  virtual bool delimited() const = 0;
  // read returns the next piece of the answer's body, valid until the next call; an empty span is its clean end.
  virtual Task<Result<ByteSpan>> read() = 0;
  Task<Result<Bytes>> read_all(size_t bytes_max);
  // abort closes the connection at once; a pending call fails with http.client.closed. The peer sees that we left.
  virtual void abort() = 0;
};

struct ClientLimits {
  size_t head_bytes_max = 16 * 1024;
  size_t idle_connections_max = 64;  // kept per endpoint
  Milliseconds connect_timeout{10'000};
  Milliseconds head_timeout{600'000};  // from the end of the request to the answer's head
  Milliseconds idle_timeout{600'000};  // between two pieces of the answer; a write that does not drain
  Milliseconds keep_alive{4'000};      // an idle connection older than this is not used again (llama.cpp closes after 5 s)
};

class Client {
 public:
  // `tls` may be null: then https endpoints fail with http.client.tls. `proxies`: which outgoing proxy stands before an endpoint; null: none.
  static std::unique_ptr<Client> create(Loop& loop, std::shared_ptr<const crypto::TlsContext> tls, ClientLimits limits = {},
                                        std::shared_ptr<const ProxyRules> proxies = nullptr);
  virtual ~Client() = default;
  // open sends the request's head. `body_bytes`: Content-Length; nullopt: chunked. A connection from the pool that turns out dead before
  // the first byte of an answer is replaced once, unseen, when nothing but the head was sent.
  //   http.client.connect   nobody listens there, or the name is unknown; the detail says when it is about the outgoing proxy
  //   http.emit.*           the head would not be legal on the wire
  //   http.client.tls       the handshake failed: certificate, name, or no TLS 1.3 (the detail says which)
  //   http.client.proxy     the outgoing proxy refused to connect us, with its status in the detail
  //   http.client.proxy_answer   the outgoing proxy's answer cannot be believed
  virtual Task<Result<std::unique_ptr<ClientExchange>>> open(const Endpoint& endpoint, RequestHead head,
                                                             std::optional<uint64_t> body_bytes) = 0;

  struct Answer {
    ResponseHead head;
    Bytes body;
  };
  // fetch sends a whole request and collects the whole answer.
  Task<Result<Answer>> fetch(const Endpoint& endpoint, RequestHead head, Bytes body, size_t answer_bytes_max);
};

}  // namespace openpcc::http
