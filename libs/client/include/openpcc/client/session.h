// What a client knows of its deployment: the newest verified bundle, its nodes with their verdicts, and where requests can go.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "openpcc/client/cache_scope.h"
#include "openpcc/client/encapsulations.h"
#include "openpcc/client/exchange.h"
#include "openpcc/daemon/metrics.h"
#include "openpcc/directory/bundle.h"
#include "openpcc/directory/nodes.h"
#include "openpcc/http/client.h"
#include "openpcc/policy/policy.h"

namespace openpcc::client {

inline constexpr size_t kNodesPerRequestMax = 4;  // distinct nodes that one application request may reach, all attempts together

struct SessionConfig {
  std::vector<http::Endpoint> relays;  // one is drawn for each request; two operators or more, or a relay sees everything of the path
  size_t recipients = 2;               // k: nodes that can open one envelope
  http::Milliseconds refresh_interval{60'000};  // how often the bundle is fetched; jittered by half of it
};

// Route is where one attempt goes: nodes of the client's own choice.
struct Route {
  http::Endpoint relay;
  GatewayTarget gateway;
  std::vector<directory::NodePtr> nodes;
};

// Published is what a relay serves of the directory, nothing of it verified.
struct Published {
  Bytes bundle;
  Bytes signature;
};

// fetch_published asks one relay for both. `client` outlives the task.
//   client.relay.fetch   the relay answered, but does not have them; http.client.* where it could not be asked
http::Task<Result<Published>> fetch_published(http::Client& client, http::Endpoint relay);

// Session belongs to one loop. The references outlive it.
class Session {
 public:
  Session(SessionConfig config, std::shared_ptr<const policy::Policy> policy, http::Client& client, const Clock& clock, Random& random,
          daemon::Metrics& metrics);

  // refresh fetches bundle and signature through a relay and takes them over when they verify; otherwise the last bundle stays in use.
  //   client.relay.fetch     the relay does not have them, or cannot be reached (the detail says which)
  //   and the errors of take
  http::Task<Result<>> refresh();
  // take takes over what was fetched.
  //   client.gateway_key     the bundle has no X-Wing key configuration
  //   directory.*, note.*    it is refused
  Result<> take(const Published& published);
  // keep_fresh refreshes for as long as the loop runs: quickly until the first bundle, then at the interval, or at once after wake().
  http::Task<> keep_fresh();
  // wake asks for a refresh soon: a gateway that knows none of our nodes has a newer bundle.
  void wake();

  // route draws a relay and k nodes for the model that are not in `exclude`; with a scope, the one node that the scope keeps to.
  //   client.no_bundle        none was accepted yet, or the last one has expired (unavailable)
  //   client.unknown_model    no verified node serves it (rejected)
  //   directory.draw.too_few  fewer than k verified nodes are left (unavailable)
  Result<Route> route(std::string_view model, const std::set<attest::NodeId>& exclude, const std::optional<CacheScope>& scope = {});

  // take_encapsulation gives one to the key of a node that route() drew, where one was made ahead.
  std::optional<hpke::Encapsulation> take_encapsulation(const hpke::PublicKey& key);
  // make_ahead makes encapsulations to every key in use for as long as the loop runs, one at a time while others are served.
  http::Task<> make_ahead();

  bool ready() const;
  std::set<std::string> models() const;
  const std::vector<directory::Entry>& entries() const { return nodes_.entries(); }
  // bundle is the newest one taken over.
  const std::optional<directory::VerifiedBundle>& bundle() const { return bundle_; }
  // problem is why the last refresh was refused; empty when it was not.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  struct Gateway {
    std::string authority;
    ohttp::KeyConfig config;
    hpke::PublicKey key;
  };

  static Result<Gateway> gateway_of(const directory::BundleContent& content);
  Result<std::vector<directory::NodePtr>> choose(std::string_view model, const std::set<attest::NodeId>& exclude,
                                                 const std::optional<CacheScope>& scope);
  const http::Endpoint& any_relay();
  void keep_encapsulations();

  SessionConfig config_;
  std::shared_ptr<const policy::Policy> policy_;
  http::Client& client_;
  const Clock& clock_;
  Random& random_;
  daemon::Metrics& metrics_;
  directory::NodeSet nodes_;
  std::optional<directory::VerifiedBundle> bundle_;
  std::optional<Gateway> gateway_;
  Encapsulations encapsulations_;
  std::shared_ptr<http::Event> wanted_;
  std::optional<Error> problem_;
  std::shared_ptr<http::Event> woken_;
};

}  // namespace openpcc::client
