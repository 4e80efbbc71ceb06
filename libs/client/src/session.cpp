#include "openpcc/client/session.h"

#include <algorithm>

namespace openpcc::client {
namespace {

constexpr http::Milliseconds kFirstBundleInterval{200};
constexpr size_t kSignatureBytesMax = note::kNoteBytesMax;

// How many requests that come in one moment are met by encapsulations made ahead.
constexpr size_t kBurst = 64;
constexpr size_t kReadyMin = 4;
constexpr http::Milliseconds kBetweenTwo{1};
constexpr http::Milliseconds kLong{3'600'000};

http::Task<Result<Bytes>> fetch_one(http::Client& client, http::Endpoint relay, std::string target, size_t bytes_max) {
  http::RequestHead head;
  head.method = "GET";
  head.target = target;
  auto answer = co_await client.fetch(relay, std::move(head), Bytes{}, bytes_max);
  OPENPCC_CO_TRY(answer);
  if (answer->head.status != 200) {
    co_return fail(Code::unavailable, "client.relay.fetch", target + ": status " + std::to_string(answer->head.status));
  }
  co_return std::move(answer->body);
}

}  // namespace

http::Task<Result<Published>> fetch_published(http::Client& client, http::Endpoint relay) {
  // The signature first: a bundle published between the two fetches does not match it and is fetched again next time.
  std::string target = "/bundle.sig";
  auto signature = co_await fetch_one(client, relay, std::move(target), kSignatureBytesMax);
  OPENPCC_CO_TRY(signature);
  target = "/bundle";
  auto bundle = co_await fetch_one(client, relay, std::move(target), directory::kBundleBytesMax);
  OPENPCC_CO_TRY(bundle);
  co_return Published{std::move(*bundle), std::move(*signature)};
}

Session::Session(SessionConfig config, std::shared_ptr<const policy::Policy> policy, http::Client& client, const Clock& clock,
                 Random& random, daemon::Metrics& metrics)
    : config_(std::move(config)), policy_(policy), client_(client), clock_(clock), random_(random), metrics_(metrics), nodes_(policy) {}

const http::Endpoint& Session::any_relay() { return config_.relays[random_.below(config_.relays.size())]; }

Result<Session::Gateway> Session::gateway_of(const directory::BundleContent& content) {
  OPENPCC_LET(const std::vector<ohttp::KeyConfig> configs, ohttp::parse_key_configs(content.ohttp_keys));
  const auto is_hybrid = [](const ohttp::KeyConfig& config) { return config.kem == hpke::KemId::x_wing; };
  const auto found = std::find_if(configs.begin(), configs.end(), is_hybrid);
  if (found == configs.end()) return fail(Code::unsupported, "client.gateway_key", "the bundle has no X-Wing key of the gateway");
  OPENPCC_LET(hpke::PublicKey key, hpke::PublicKey::parse(found->kem, found->public_key));
  return Gateway{content.gateway_authority, *found, std::move(key)};
}

Result<> Session::take(const Published& published) {
  const policy::Requirements& required = policy::requirements(*policy_);
  const directory::Trust trust{required.directory_key, required.beacon_key, required.deployment};
  const std::optional<directory::LastSeen> last = bundle_ ? std::optional(bundle_->seen()) : std::nullopt;
  OPENPCC_LET(directory::VerifiedBundle verified,
              directory::verify_bundle(published.bundle, published.signature, trust, clock_.now(), last));
  OPENPCC_LET(Gateway gateway, gateway_of(verified.content()));
  nodes_.update(verified, clock_.now());
  gateway_ = std::move(gateway);
  bundle_ = std::move(verified);
  keep_encapsulations();
  metrics_.set(daemon::Gauge::bundle_epoch, static_cast<int64_t>(bundle_->content().epoch));
  const auto accepted =
      std::count_if(entries().begin(), entries().end(), [](const directory::Entry& entry) { return entry.node != nullptr; });
  metrics_.set(daemon::Gauge::nodes_known, static_cast<int64_t>(accepted));
  return {};
}

http::Task<Result<>> Session::refresh() {
  http::Endpoint relay = any_relay();
  const auto published = co_await fetch_published(client_, std::move(relay));
  if (!published) {
    const Error& error = published.error();
    if (error.rule == Rule("client.relay.fetch")) co_return std::unexpected(error);
    co_return fail(Code::unavailable, "client.relay.fetch", describe(error));
  }
  metrics_.add(daemon::Counter::bundle_refreshes);
  co_return take(*published);
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

Result<std::vector<directory::NodePtr>> Session::choose(std::string_view model, const std::set<attest::NodeId>& exclude,
                                                        const std::optional<CacheScope>& scope) {
  if (!scope) return nodes_.draw(model, config_.recipients, exclude, clock_.now(), random_);
  // One recipient, or the gateway would choose whose cache it is.
  OPENPCC_LET(directory::NodePtr node, nodes_.nearest(model, exclude, clock_.now(), [&](const auto& n) { return scope->rank(n); }));
  return std::vector{std::move(node)};
}

Result<Route> Session::route(std::string_view model, const std::set<attest::NodeId>& exclude, const std::optional<CacheScope>& scope) {
  const UnixSeconds now = clock_.now();
  if (!bundle_ || !bundle_->usable_at(now)) {
    return fail(Code::unavailable, "client.no_bundle", problem_ ? describe(*problem_) : "no directory bundle was received yet");
  }
  if (!models().contains(std::string(model))) return fail(Code::rejected, "client.unknown_model");
  OPENPCC_LET(auto nodes, choose(model, exclude, scope));
  GatewayTarget gateway{gateway_->authority, gateway_->config, take_encapsulation(gateway_->key)};
  return Route{any_relay(), std::move(gateway), std::move(nodes)};
}

void Session::keep_encapsulations() {
  std::vector<Encapsulations::Wanted> wanted{{gateway_->key, kBurst}};
  const auto nodes = static_cast<size_t>(
      std::count_if(entries().begin(), entries().end(), [](const directory::Entry& entry) { return entry.node != nullptr; }));
  for (const directory::Entry& entry : entries()) {
    if (entry.node == nullptr) continue;
    wanted.push_back({entry.node->key(), std::max(kReadyMin, kBurst * config_.recipients / nodes)});
  }
  encapsulations_.keep(std::move(wanted));
  if (wanted_) wanted_->set();
}

std::optional<hpke::Encapsulation> Session::take_encapsulation(const hpke::PublicKey& key) {
  if (wanted_) wanted_->set();
  return encapsulations_.take(key);
}

http::Task<> Session::make_ahead() {
  wanted_ = std::make_shared<http::Event>(co_await boost::asio::this_coro::executor);
  for (;;) {
    if (encapsulations_.make_one(random_)) {
      co_await http::sleep_for(kBetweenTwo);
    } else {
      const bool wanted = co_await wanted_->wait(kLong);
      static_cast<void>(wanted);
    }
  }
}

}  // namespace openpcc::client
