// The settings of `openpcc proxy`, which `openpcc doctor` reads too.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "openpcc/client/proxy.h"
#include "openpcc/daemon/outgoing.h"
#include "openpcc/daemon/tls.h"

namespace openpcc::app {

struct ProxySettings {
  http::Endpoint listen = *http::Endpoint::parse("http://127.0.0.1:8787");
  client::SessionConfig session;
  std::filesystem::path policy;
  std::string profile = "balanced";
  std::string cache = "none";
  http::Milliseconds keep_alive = client::ProxyConfig().keep_alive;
  std::filesystem::path api_key_file;
  std::vector<std::string> hosts;
  daemon::OutgoingSettings outgoing;
  daemon::TlsSettings tls;

  // declare binds the options to this object, which must stay where it is. Conditions:
  //   proxy.relays.none   an empty list
  //   proxy.listen.key    a listener beyond loopback that demands no key
  void declare(daemon::Options& options);
  // read_policy: app.file.*, policy.*, and
  //   proxy.policy.simulated   it accepts simulated TEEs, and a relay is beyond this machine
  //   proxy.relays.plain       such a relay is not reached by https
  Result<std::shared_ptr<const policy::Policy>> read_policy() const;
  // proxy_config: daemon.secret.* for the key's file. The door's port is set by whoever listens.
  Result<client::ProxyConfig> proxy_config() const;
};

}  // namespace openpcc::app
