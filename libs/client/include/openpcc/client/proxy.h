// The local proxy: an OpenAI-compatible server whose every request travels the private path.
#pragma once

#include "openpcc/client/app_request.h"
#include "openpcc/client/session.h"
#include "openpcc/http/server.h"

namespace openpcc::client {

struct ProxyConfig {
  Door door;
  envelope::Profile profile = envelope::Profile::balanced;
  Cache cache = Cache::none;
  size_t request_bytes_max = 32u << 20;
  // How long a stream of events may be silent, while its node's frames come, before its application gets a comment that clients ignore.
  http::Milliseconds keep_alive{10'000};
  UnixSeconds begin_within_s = 300;  // a node must begin within this time of the sealing
};

class Proxy {
 public:
  // The references outlive the proxy; `session` draws k of the nodes that one request may reach.
  Proxy(ProxyConfig config, size_t recipients, Session& session, http::Client& client, const Clock& clock, Random& random,
        daemon::Metrics& metrics);

  // handle serves one exchange:
  //   GET /v1/models, /v1/models/<name>   the models of verified nodes
  //   GET /openpcc/verdict    every node's verdict, as JSON
  //   anything else           sealed to nodes and answered by one of them
  // Failures before the first byte are errors in the API's shape with the rule id as code and x-should-retry: false; after it, an error event
  // (where the answer is an event stream) and an aborted connection: a cut answer never looks complete. Answers of JSON are passed on whole,
  // streams of events event by event, so that what is cut off ends between two of them.
  //   client.proxy.*          the application's request is refused here
  //   client.relay.connect, client.relay.status, client.relay.media_type   the relay did not pass it on
  //   client.gateway.<...>    the gateway refused: client.gateway.refused, client.gateway.busy
  http::Task<> handle(http::ServerExchange& exchange);

 private:
  struct Request;
  struct Progress;

  http::Task<Result<>> serve(http::ServerExchange& exchange);
  http::Task<Result<>> serve_models(http::ServerExchange& exchange);
  http::Task<Result<>> serve_model(http::ServerExchange& exchange, std::string name);
  http::Task<Result<>> serve_verdict(http::ServerExchange& exchange);
  http::Task<Result<>> serve_privately(http::ServerExchange& exchange);
  http::Task<Result<>> attempt(const Request& request, Route route, http::ServerExchange& exchange, Progress& progress);
  http::Task<> refuse(http::ServerExchange& exchange, Error error);
  Result<Exchange> seal(const Request& request, Route& route);

  ProxyConfig config_;
  size_t recipients_;
  Secret<32> cache_secret_;  // of this process: what its scopes link ends with it
  Session& session_;
  http::Client& client_;
  const Clock& clock_;
  Random& random_;
  daemon::Metrics& metrics_;
};

}  // namespace openpcc::client
