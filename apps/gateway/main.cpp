// openpcc-gateway: configuration and wiring; what a gateway does is in libs/gateway.
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/daemon.h"
#include "openpcc/daemon/tls.h"
#include "openpcc/gateway/gateway.h"
#include "openpcc/gateway/keys.h"
#include "published.h"

namespace {

using namespace openpcc;

struct Settings {
  http::Endpoint listen = *http::Endpoint::parse("http://127.0.0.1:8082");
  gateway::Config gateway;
  std::filesystem::path key_file;
  std::filesystem::path bundle_folder;
  daemon::TlsSettings tls;

  void declare(daemon::Options& options) {
    options.add("listen", listen, "where relays connect: http://host:port, https://host:port or unix:/path");
    options.add("authority", gateway.authority, "our name in the bundle; sealed requests to another one are refused",
                daemon::Presence::required);
    options.add("nodes", gateway.nodes, "the nodes behind us", daemon::Presence::required);
    options.add("key_file", key_file, "our private key, made by `openpcc keygen gateway`", daemon::Presence::required);
    options.add("bundle_folder", bundle_folder, "folder where `openpcc directory build` leaves bundle and bundle.sig",
                daemon::Presence::required);
    options.add("poll_interval", gateway.poll_interval, "how often nodes are asked which keys they hold");
    tls.declare(options);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  daemon::Options options(
      {"openpcc-gateway",
       "Opens the outer layer of sealed requests and hands the inner one, which it cannot read, to the least busy of the nodes "
       "that the client chose. It never learns who asks."});
  settings.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    OPENPCC_LET(const SecretBytes seed, daemon::read_secret(settings.key_file));
    OPENPCC_LET(auto keys, gateway::keys_from_seed(seed.reveal()));
    OPENPCC_LET(auto outgoing, settings.tls.client());
    OPENPCC_LET(auto incoming, settings.tls.server(settings.listen));
    const std::shared_ptr<http::Client> client = http::Client::create(daemon.loop(), outgoing);
    const auto random = std::make_shared<crypto::SystemRandom>();
    const auto gateway = std::make_shared<gateway::Gateway>(settings.gateway, std::move(keys), *client, *random, daemon.metrics());
    daemon.loop().spawn(gateway->poll_nodes());
    daemon.loop().spawn(app::watch_bundle(daemon, gateway, settings.bundle_folder));
    daemon.ready_when([gateway] { return gateway->ready(); });
    OPENPCC_TRY(daemon.serve(settings.listen, incoming,
                             [client, random, gateway](http::ServerExchange& exchange) { return gateway->handle(exchange); }));
    return {};
  });
}
