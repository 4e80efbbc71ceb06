// The relay of Oblivious HTTP (RFC 9458 s6.2) in front of one gateway: it hides who asks, and reads nothing.
//
//   POST /ohttp                       forwarded as it streams, every field but the media type (and Incremental) stripped
//   GET  /ohttp-keys /bundle /bundle.sig   copies of the gateway's, the same for everyone
#pragma once

#include <functional>
#include <map>

#include "openpcc/daemon/metrics.h"
#include "openpcc/http/client.h"
#include "openpcc/http/server.h"

namespace openpcc::relay {

struct Config {
  http::Endpoint gateway;
  uint64_t request_bytes_max = 40u << 20;  // envelope and its encapsulation
  uint64_t copy_bytes_max = 9u << 20;      // of one cached copy
  http::Milliseconds copy_age_max{5'000};  // older copies are fetched again; where that fails they are served on
};

class Relay {
 public:
  // `client` holds the one pool of connections to the gateway that all clients share. Both outlive the relay.
  Relay(Config config, http::Client& client, daemon::Metrics& metrics);

  // handle serves one exchange. Refusals (status, rule):
  //   404 relay.path    405 relay.method    415 relay.media_type    413 relay.too_large    502 relay.gateway
  http::Task<> handle(http::ServerExchange& exchange);

 private:
  struct Copy {
    http::ResponseHead head;
    Bytes body;
    std::chrono::steady_clock::time_point fetched;
  };

  http::Task<> forward(http::ServerExchange& exchange);
  http::Task<Result<>> forward_request(http::ServerExchange& from, http::ClientExchange& to);
  http::Task<Result<>> forward_answer(http::ClientExchange& from, http::ServerExchange& to);
  http::Task<> serve_copy(http::ServerExchange& exchange, std::string path);
  http::Task<Result<const Copy*>> fetch_copy(std::string path);
  http::Task<> refuse(http::ServerExchange& exchange, uint16_t status, Error error);

  Config config_;
  http::Client& client_;
  std::map<std::string, Copy> copies_;
  daemon::Metrics& metrics_;
};

}  // namespace openpcc::relay
