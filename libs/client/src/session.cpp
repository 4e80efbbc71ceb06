#include "openpcc/client/session.h"

#include <algorithm>

namespace openpcc::client {
namespace {

constexpr http::Milliseconds kFirstBundleInterval{200};
constexpr size_t kSignatureBytesMax = note::kNoteBytesMax;

Result<GatewayTarget> gateway_of(const directory::BundleContent& content) {
  OPENPCC_LET(const std::vector<ohttp::KeyConfig> configs, ohttp::parse_key_configs(content.ohttp_keys));
  const auto is_hybrid = [](const ohttp::KeyConfig& config) { return config.kem == hpke::KemId::x_wing; };
  const auto found = std::find_if(configs.begin(), configs.end(), is_hybrid);
  if (found == configs.end()) return fail(Code::unsupported, "client.gateway_key", "the bundle has no X-Wing key of the gateway");
  return GatewayTarget{content.gateway_authority, *found};
}

}  // namespace

Session::Session(SessionConfig config, std::shared_ptr<const policy::Policy> policy, http::Client& client, const Clock& clock, Random& random,
                 daemon::Metrics& metrics)
    : config_(std::move(config)), policy_(policy), client_(client), clock_(clock), random_(random), metrics_(metrics), nodes_(policy) {}

const http::Endpoint& Session::any_relay() { return config_.relays[random_.below(config_.relays.size())]; }

http::Task<Result<Bytes>> Session::fetch(const http::Endpoint& relay, std::string_view target, size_t bytes_max) {
  http::RequestHead head;
  head.method = "GET";
  head.target = target;
  auto answer = co_await client_.fetch(relay, std::move(head), Bytes{}, bytes_max);
  if (!answer) co_return fail(Code::unavailable, "client.relay.fetch", std::string(target) + ": " + describe(answer.error()));
  if (answer->head.status != 200) {
    co_return fail(Code::unavailable, "client.relay.fetch", std::string(target) + ": status " + std::to_string(answer->head.status));
  }
  co_return std::move(answer->body);
}

Result<> Session::accept(ByteSpan bundle, ByteSpan signature) {
  const policy::Requirements& required = policy::requirements(*policy_);
  const directory::Trust trust{required.directory_key, required.beacon_key, required.deployment};
  const std::optional<directory::LastSeen> last = bundle_ ? std::optional(bundle_->seen()) : std::nullopt;
  OPENPCC_LET(directory::VerifiedBundle verified, directory::verify_bundle(bundle, signature, trust, clock_.now(), last));
  OPENPCC_LET(GatewayTarget gateway, gateway_of(verified.content()));
  nodes_.update(verified, clock_.now());
  gateway_ = std::move(gateway);
  bundle_ = std::move(verified);
  metrics_.set(daemon::Gauge::bundle_epoch, static_cast<int64_t>(bundle_->content().epoch));
  const auto accepted = std::count_if(entries().begin(), entries().end(), [](const directory::Entry& entry) { return entry.node != nullptr; });
  metrics_.set(daemon::Gauge::nodes_known, static_cast<int64_t>(accepted));
  return {};
}

http::Task<Result<>> Session::refresh() {
  // Both from one relay, the signature first: a bundle published between the two fetches does not match it and is fetched again next time.
  const http::Endpoint relay = any_relay();
  const auto signature = co_await fetch(relay, "/bundle.sig", kSignatureBytesMax);
  OPENPCC_CO_TRY(signature);
  const auto bundle = co_await fetch(relay, "/bundle", directory::kBundleBytesMax);
  OPENPCC_CO_TRY(bundle);
  metrics_.add(daemon::Counter::bundle_refreshes);
  co_return accept(*bundle, *signature);
}

http::Task<> Session::keep_fresh() {
  woken_ = std::make_shared<http::Event>(co_await boost::asio::this_coro::executor);
  for (;;) {
    const auto refreshed = co_await refresh();
    problem_ = refreshed ? std::nullopt : std::optional(refreshed.error());
    if (!refreshed) metrics_.refused(refreshed.error());
    http::Milliseconds interval = kFirstBundleInterval;
    if (refreshed || bundle_) {
      const auto half = static_cast<uint64_t>(config_.refresh_interval.count() / 2);
      interval = config_.refresh_interval / 2 + http::Milliseconds(random_.below(half + 1));
    }
    const bool woken = co_await woken_->wait(interval);
    // Woken by many requests at once: a breath between two fetches.
    if (woken) co_await http::sleep_for(kFirstBundleInterval);
  }
}

void Session::wake() {
  if (woken_) woken_->set();
}

bool Session::ready() const { return bundle_ && bundle_->usable_at(clock_.now()) && !models().empty(); }

std::set<std::string> Session::models() const { return nodes_.models(clock_.now()); }

Result<Route> Session::route(std::string_view model, const std::set<attest::NodeId>& exclude) {
  const UnixSeconds now = clock_.now();
  if (!bundle_ || !bundle_->usable_at(now)) {
    return fail(Code::unavailable, "client.no_bundle", problem_ ? describe(*problem_) : "no directory bundle was received yet");
  }
  if (!models().contains(std::string(model))) return fail(Code::rejected, "client.unknown_model");
  OPENPCC_LET(auto nodes, nodes_.draw(model, config_.recipients, exclude, now, random_));
  return Route{any_relay(), *gateway_, std::move(nodes)};
}

}  // namespace openpcc::client
