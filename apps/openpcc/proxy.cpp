// `openpcc proxy`: wiring of the local proxy (libs/client).
#include "openpcc/client/proxy.h"

#include "commands.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/daemon.h"
#include "proxy_settings.h"

namespace openpcc::app {

int run_proxy(int argc, char** argv) {
  ProxySettings settings;
  daemon::Options options(
      {"openpcc proxy",
       "An OpenAI-compatible server on your own machine. It verifies the nodes, seals each request to nodes that it drew "
       "itself, and sends it through a relay; applications change nothing but their base URL."});
  settings.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    const daemon::Environment environment = daemon::current_environment();
    OPENPCC_LET(auto policy, settings.read_policy());
    OPENPCC_LET(auto outgoing, settings.tls.client(environment));
    OPENPCC_LET(auto proxies, settings.outgoing.rules(environment));
    OPENPCC_LET(auto incoming, settings.tls.server(settings.listen));
    OPENPCC_LET(client::ProxyConfig config, settings.proxy_config());

    // What the handler needs lives as long as it does; the order of destruction is the reverse of this one.
    struct Parts {
      std::unique_ptr<http::Client> client;
      crypto::SystemRandom random;
      std::unique_ptr<client::Session> session;
      std::unique_ptr<client::Proxy> proxy;
    };
    const auto parts = std::make_shared<Parts>();
    parts->client = http::Client::create(daemon.loop(), outgoing, {}, std::move(proxies));
    parts->session = std::make_unique<client::Session>(settings.session, std::move(policy), *parts->client, daemon.clock(), parts->random,
                                                       daemon.metrics());
    OPENPCC_LET(const http::Endpoint endpoint, daemon.serve(settings.listen, incoming, [parts](http::ServerExchange& exchange) {
      return parts->proxy->handle(exchange);
    }));
    config.door.port = endpoint.port;
    parts->proxy = std::make_unique<client::Proxy>(std::move(config), settings.session.recipients, *parts->session, *parts->client,
                                                   daemon.clock(), parts->random, daemon.metrics());
    daemon.ready_when([parts] { return parts->session->ready(); });
    daemon.loop().spawn(parts->session->keep_fresh());
    daemon.loop().spawn(parts->session->make_ahead());
    return {};
  });
}

}  // namespace openpcc::app
