// `openpcc proxy`: configuration and wiring of the local proxy (libs/client).
#include <algorithm>

#include "commands.h"
#include "files.h"
#include "openpcc/client/proxy.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/daemon.h"
#include "openpcc/daemon/tls.h"

namespace openpcc::app {
namespace {

struct Settings {
  http::Endpoint listen = *http::Endpoint::parse("http://127.0.0.1:8787");
  client::SessionConfig session;
  std::filesystem::path policy;
  std::string profile = "balanced";
  std::filesystem::path api_key_file;
  std::vector<std::string> hosts;
  daemon::TlsSettings tls;

  void declare(daemon::Options& options) {
    options.add("listen", listen, "where applications connect: their base URL is this address and /v1");
    options.add("relays", session.relays, "relays of different operators; one is drawn for each request", daemon::Presence::required);
    options.add("policy", policy, "what a node must prove before it is used", daemon::Presence::required);
    options.add("recipients", session.recipients, daemon::Range{1, 4}, "nodes that can open one request; 1 means once overall");
    options.add("refresh_interval", session.refresh_interval, "how often the directory's bundle is fetched, jittered");
    options.add("profile", profile, daemon::Choices{"low-latency", "balanced", "strict"}, "how much sizes and times of answers are hidden");
    options.add("api_key_file", api_key_file, "a key that applications must send; required to listen on more than loopback");
    options.add("hosts", hosts, "names besides localhost under which applications may reach us");
    tls.declare(options);
    options.check([this]() -> Result<> {
      const auto plain = [](const http::Endpoint& relay) { return relay.kind == http::Endpoint::Kind::tcp && !relay.is_loopback(); };
      if (std::any_of(session.relays.begin(), session.relays.end(), plain)) {
        return fail(Code::rejected, "proxy.relays.plain", "relays: https beyond this machine, or everyone on the way sees when you ask how much");
      }
      if (listen.is_loopback() || !api_key_file.empty()) return {};
      return fail(Code::rejected, "proxy.listen.key", "listen: only loopback without api_key_file, or everyone nearby could spend your tokens");
    });
  }
};

// Simulated evidence proves nothing, so a policy that takes it is good for this machine alone: nobody may be sent away to such nodes.
Result<> check_policy_fits(const policy::Policy& policy, const std::vector<http::Endpoint>& relays) {
  const bool all_here = std::all_of(relays.begin(), relays.end(), [](const http::Endpoint& relay) { return relay.is_loopback(); });
  if (std::holds_alternative<policy::ProductionPolicy>(policy) || all_here) return {};
  return fail(Code::rejected, "proxy.policy.simulated", "policy: its kind is development, which accepts simulated TEEs; relays beyond loopback need one of kind production");
}

}  // namespace

int run_proxy(int argc, char** argv) {
  Settings settings;
  daemon::Options options({"openpcc proxy",
                           "An OpenAI-compatible server on your own machine. It verifies the nodes, seals each request to nodes that it drew "
                           "itself, and sends it through a relay; applications change nothing but their base URL."});
  settings.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    OPENPCC_LET(const Bytes text, read_bounded(settings.policy, policy::kPolicyBytesMax));
    OPENPCC_LET(policy::Policy parsed, policy::parse(text));
    OPENPCC_TRY(check_policy_fits(parsed, settings.session.relays));
    OPENPCC_LET(auto outgoing, settings.tls.client());
    OPENPCC_LET(auto incoming, settings.tls.server(settings.listen));
    client::ProxyConfig config;
    config.profile = *envelope::parse_profile(settings.profile);
    config.door.hosts = settings.hosts;
    if (!settings.api_key_file.empty()) {
      OPENPCC_LET(const SecretBytes key, daemon::read_secret(settings.api_key_file));
      config.door.api_key = std::string(as_text(key.reveal()));
    }

    // What the handler needs lives as long as it does; the order of destruction is the reverse of this one.
    struct Parts {
      std::unique_ptr<http::Client> client;
      crypto::SystemRandom random;
      std::unique_ptr<client::Session> session;
      std::unique_ptr<client::Proxy> proxy;
    };
    const auto parts = std::make_shared<Parts>();
    parts->client = http::Client::create(daemon.loop(), outgoing);
    parts->session = std::make_unique<client::Session>(settings.session, std::make_shared<const policy::Policy>(std::move(parsed)),
                                                       *parts->client, daemon.clock(), parts->random, daemon.metrics());
    OPENPCC_LET(const http::Endpoint endpoint,
                daemon.serve(settings.listen, incoming, [parts](http::ServerExchange& exchange) { return parts->proxy->handle(exchange); }));
    config.door.port = endpoint.port;
    parts->proxy = std::make_unique<client::Proxy>(std::move(config), settings.session.recipients, *parts->session, *parts->client,
                                                   daemon.clock(), parts->random, daemon.metrics());
    daemon.ready_when([parts] { return parts->session->ready(); });
    daemon.loop().spawn(parts->session->keep_fresh());
    return {};
  });
}

}  // namespace openpcc::app
