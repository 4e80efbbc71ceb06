#include "openpcc/daemon/outgoing.h"

#include <initializer_list>

namespace openpcc::daemon {
namespace {

using ProxyPtr = std::shared_ptr<const http::OutgoingProxy>;

constexpr std::string_view kNone = "none";
constexpr std::string_view kProxyKey = "outgoing_proxy";
constexpr size_t kAuthBytesMax = 1024;

struct Named {
  std::string name;
  std::string value;
};

// first_of returns the first variable that is set and not empty.
Named first_of(const Environment& environment, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = environment.find(name);
    if (found != environment.end() && !found->second.empty()) return {std::string(name), found->second};
  }
  return {};
}

// proxy_named returns what names the proxy for a kind of endpoints, and the name it gives; an empty value: no proxy.
Named proxy_named(const std::string& setting, http::Endpoint::Kind kind, const Environment& environment) {
  if (setting == kNone) return {};
  if (!setting.empty()) return {std::string(kProxyKey), setting};
  if (kind == http::Endpoint::Kind::tls) return first_of(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  return first_of(environment, {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
}

Result<ProxyPtr> make_proxy(const Named& named, const std::optional<SecretBytes>& credentials) {
  if (named.value.empty()) return ProxyPtr();
  auto proxy = http::OutgoingProxy::parse(named.value);
  if (!proxy) return fail(proxy.error().code, proxy.error().rule, named.name + ": " + proxy.error().detail);
  if (credentials) proxy->set_credentials(credentials->reveal());
  return std::make_shared<const http::OutgoingProxy>(std::move(*proxy));
}

std::optional<std::string> accept_proxy(std::string_view text) {
  if (text.empty() || text == kNone) return std::nullopt;
  if (text.find('@') != std::string_view::npos) {
    return "expects no user name or password: they would be shown; put user:password into a file and name it in outgoing_proxy_auth_file";
  }
  if (!http::OutgoingProxy::parse(text)) return "expects \"http://host:port\", \"https://host:port\" or \"none\"";
  return std::nullopt;
}

std::optional<std::string> accept_no_proxy(std::string_view text) {
  if (text.empty() || text == kNone) return std::nullopt;
  const auto list = http::NoProxy::parse(text);
  if (list) return std::nullopt;
  return "expects names, addresses and networks, separated by commas; " + list.error().detail;
}

}  // namespace

void OutgoingSettings::declare(Options& options) {
  options.add(kProxyKey, proxy, accept_proxy,
              "the HTTP proxy through which relays are reached; empty: as HTTPS_PROXY, HTTP_PROXY and ALL_PROXY say; \"none\": directly");
  options.add("outgoing_proxy_auth_file", auth_file, "user:password for that proxy, in a file that its owner alone can read");
  options.add("no_proxy", no_proxy, accept_no_proxy,
              "hosts reached without it, as in NO_PROXY, which it replaces: \"example.org, 10.0.0.0/8\"; \"none\": no host");
}

Result<std::shared_ptr<const http::ProxyRules>> OutgoingSettings::rules(const Environment& environment) const {
  std::optional<SecretBytes> credentials;
  if (!auth_file.empty()) {
    OPENPCC_LET(credentials, read_secret(auth_file, kAuthBytesMax));
  }
  http::ProxyRules out;
  OPENPCC_LET(out.for_http, make_proxy(proxy_named(proxy, http::Endpoint::Kind::tcp, environment), credentials));
  OPENPCC_LET(out.for_https, make_proxy(proxy_named(proxy, http::Endpoint::Kind::tls, environment), credentials));
  if (no_proxy.empty()) {
    out.direct = http::NoProxy::parse_known(first_of(environment, {"no_proxy", "NO_PROXY"}).value);
  } else if (no_proxy != kNone) {
    OPENPCC_LET(out.direct, http::NoProxy::parse(no_proxy));
  }
  return std::make_shared<const http::ProxyRules>(std::move(out));
}

std::string OutgoingSettings::source(http::Endpoint::Kind kind, const Environment& environment) const {
  return proxy_named(proxy, kind, environment).name;
}

}  // namespace openpcc::daemon
