// Through which proxy of the organisation a program reaches the world: settings, and the environment where they say nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "openpcc/daemon/options.h"
#include "openpcc/http/outgoing_proxy.h"

namespace openpcc::daemon {

struct OutgoingSettings {
  std::string proxy;                // empty: as the environment says; "none"; or http[s]://host:port
  std::filesystem::path auth_file;  // user:password for it
  std::string no_proxy;             // empty: as the environment says; "none"; or a list like NO_PROXY's

  // declare adds outgoing_proxy, outgoing_proxy_auth_file and no_proxy. A URL with a user name or password is refused as a setting:
  // settings are printed by --print-config.
  void declare(Options& options);

  // rules says what is reached through which proxy. Variables are read as curl reads them: lower case before upper case, ALL_PROXY where
  // there is none for the scheme, and an empty one is none.
  //   http.proxy.url, http.proxy.no_proxy   a value cannot be read; the detail names the variable and never shows it
  //   daemon.secret.*                       the auth file
  Result<std::shared_ptr<const http::ProxyRules>> rules(const Environment& environment) const;

  // source is the setting or variable that names the proxy for endpoints of this kind; empty: none does.
  std::string source(http::Endpoint::Kind kind, const Environment& environment) const;
};

}  // namespace openpcc::daemon
