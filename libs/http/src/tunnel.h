// A connection through an outgoing proxy.
#pragma once

#include <memory>

#include "openpcc/http/outgoing_proxy.h"
#include "openpcc/http/stream.h"

namespace openpcc::http {

struct TunnelLimits {
  Milliseconds timeout;   // for each of: connecting, TLS to the proxy, its whole answer
  size_t head_bytes_max;  // of the proxy's answer
};

// open_tunnel asks the proxy for a connection to `target` (CONNECT, RFC 9110 s9.3.6) and returns it as if it were a plain one. The proxy
// sees the target's name and port, and nothing that distinguishes us from other programs. `proxy` lives until the task has ended; `tls` is
// for proxies that are spoken to over TLS.
//   http.client.connect        the proxy cannot be reached
//   http.client.tls            its certificate was refused
//   http.client.proxy          it refused; the detail has its status
//   http.client.proxy_answer   what it answered is not HTTP, too long, cut, or late; or it spoke on after its answer, as no peer of ours does
Task<Result<std::unique_ptr<Stream>>> open_tunnel(std::shared_ptr<const OutgoingProxy> proxy, Endpoint target,
                                                  std::shared_ptr<const crypto::TlsContext> tls, TunnelLimits limits);

}  // namespace openpcc::http
