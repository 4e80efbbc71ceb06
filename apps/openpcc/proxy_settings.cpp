#include "proxy_settings.h"

#include "files.h"

namespace openpcc::app {
namespace {

// Beyond this machine a relay is reached by https, or everyone on the way sees who asks; and simulated evidence proves nothing, so a policy
// that takes it is good for this machine alone: nobody may be sent away to such nodes. Tests of networks name the exception.
Result<> check_reach(const policy::Policy& policy, const std::vector<http::Endpoint>& relays) {
  if (policy::requirements(policy).exceptions.beyond_loopback) return {};
  for (const http::Endpoint& relay : relays) {
    if (relay.is_loopback()) continue;
    if (std::holds_alternative<policy::DevelopmentPolicy>(policy)) {
      return fail(Code::rejected, "proxy.policy.simulated",
                  "policy: its kind is development, which accepts simulated TEEs; relays beyond loopback need one of kind production");
    }
    if (relay.kind != http::Endpoint::Kind::tls) {
      return fail(Code::rejected, "proxy.relays.plain",
                  "relays: https beyond this machine, or everyone on the way sees when you ask and how much");
    }
  }
  return {};
}

}  // namespace

void ProxySettings::declare(daemon::Options& options) {
  options.add("listen", listen, "where applications connect: their base URL is this address and /v1");
  options.add("relays", session.relays, "relays of different operators; one is drawn for each request", daemon::Presence::required);
  options.add("policy", policy, "what a node must prove before it is used", daemon::Presence::required);
  options.add("recipients", session.recipients, daemon::Range{1, 4}, "nodes that can open one request; 1 means once overall");
  options.add("refresh_interval", session.refresh_interval, "how often the directory's bundle is fetched, jittered");
  options.add("profile", profile, daemon::Choices{"low-latency", "balanced", "strict"}, "how much sizes and times of answers are hidden");
  options.add("cache", cache, daemon::Choices{"none", "conversation", "day"},
              "whose requests may share cached prefixes at the one node that they then keep to; links them there");
  options.add("keep_alive", keep_alive,
              "silence in a stream of events, while its node works, before a comment that clients ignore is sent");
  options.add("api_key_file", api_key_file, "a key that applications must send; required to listen on more than loopback");
  options.add("hosts", hosts, "names besides localhost under which applications may reach us");
  outgoing.declare(options);
  tls.declare(options);
  options.check([this]() -> Result<> {
    if (session.relays.empty()) return fail(Code::rejected, "proxy.relays.none", "relays: name at least one");
    if (listen.is_loopback() || !api_key_file.empty()) return {};
    return fail(Code::rejected, "proxy.listen.key",
                "listen: only loopback without api_key_file, or everyone nearby could spend your tokens");
  });
}

Result<std::shared_ptr<const policy::Policy>> ProxySettings::read_policy() const {
  OPENPCC_LET(const Bytes text, read_bounded(policy, policy::kPolicyBytesMax));
  OPENPCC_LET(policy::Policy parsed, policy::parse(text));
  OPENPCC_TRY(check_reach(parsed, session.relays));
  return std::make_shared<const policy::Policy>(std::move(parsed));
}

Result<client::ProxyConfig> ProxySettings::proxy_config() const {
  client::ProxyConfig out;
  out.keep_alive = keep_alive;
  out.profile = *envelope::parse_profile(profile);
  out.cache = *client::parse_cache(cache);
  out.door.hosts = hosts;
  if (!api_key_file.empty()) {
    OPENPCC_LET(const SecretBytes key, daemon::read_secret(api_key_file));
    out.door.api_key = std::string(as_text(key.reveal()));
  }
  return out;
}

}  // namespace openpcc::app
