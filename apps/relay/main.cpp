// openpcc-relay: configuration and wiring; what a relay does is in libs/relay.
#include "openpcc/daemon/daemon.h"
#include "openpcc/daemon/tls.h"
#include "openpcc/relay/relay.h"

namespace {

using namespace openpcc;

struct Settings {
  http::Endpoint listen = *http::Endpoint::parse("http://127.0.0.1:8081");
  relay::Config relay;
  daemon::TlsSettings tls;

  void declare(daemon::Options& options) {
    options.add("listen", listen, "where clients connect: http://host:port, https://host:port or unix:/path");
    options.add("gateway", relay.gateway, "the one gateway that every request goes to", daemon::Presence::required);
    options.add("request_bytes_max", relay.request_bytes_max, daemon::Range{1 << 10, 1 << 30}, "bytes of a sealed request");
    options.add("copy_age_max", relay.copy_age_max, "how old a served copy of the gateway's bundle and keys may be");
    tls.declare(options);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  daemon::Options options(
      {"openpcc-relay",
       "Passes sealed requests on to one gateway and sealed answers back. It sees who asks, and nothing of what is asked; it "
       "keeps neither. Run it as someone else than the gateway's operator."});
  settings.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    OPENPCC_LET(auto outgoing, settings.tls.client());
    OPENPCC_LET(auto incoming, settings.tls.server(settings.listen));
    // Both live as long as the handler that owns them.
    const std::shared_ptr<http::Client> client = http::Client::create(daemon.loop(), outgoing);
    const auto relay = std::make_shared<relay::Relay>(settings.relay, *client, daemon.metrics());
    OPENPCC_TRY(
        daemon.serve(settings.listen, incoming, [client, relay](http::ServerExchange& exchange) { return relay->handle(exchange); }));
    return {};
  });
}
