// Asks the vendors' services over HTTPS.
#pragma once

#include <memory>

#include "openpcc/collateral/plan.h"
#include "openpcc/crypto/tls.h"
#include "openpcc/http/loop.h"
#include "openpcc/http/outgoing_proxy.h"

namespace openpcc::fetch {

struct HttpSettings {
  std::string amd_url;    // in place of AMD's service; empty: AMD's
  std::string intel_url;  // in place of both of Intel's: a caching service has everything under one name
  std::shared_ptr<const crypto::TlsContext> tls;
  std::shared_ptr<const http::ProxyRules> proxies;
  http::Milliseconds connect_timeout{10'000};
  http::Milliseconds timeout{30'000};  // of one request, once there is a connection
};

// HttpFetcher asks on an event loop of its own, and blocks while it does: not for a thread that runs another loop. One thread at a time.
class HttpFetcher final : public collateral::Fetcher {
 public:
  //   fetch.url   not https://host[:port][/path]; http:// is taken on loopback alone
  static Result<std::unique_ptr<HttpFetcher>> create(HttpSettings settings);
  ~HttpFetcher() override;

  //   http.client.*                 with the URL in the detail
  //   fetch.timeout                 not all of the answer came in time (unavailable)
  //   collateral.answer.too_large
  Result<collateral::Answer> fetch(const collateral::Request& request) override;
  // url is what is asked for a request.
  std::string url(const collateral::Request& request) const;

 private:
  struct State;
  explicit HttpFetcher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::fetch
