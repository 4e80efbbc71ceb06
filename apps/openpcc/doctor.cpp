// `openpcc doctor`: follows a request's way from this machine to an answer, by the code that the proxy uses, and says what is in its way.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "commands.h"
#include "doctor_report.h"
#include "openpcc/client/exchange.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/daemon.h"
#include "proxy_settings.h"

namespace openpcc::app {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr size_t kAnswerBytesMax = 8u << 20;

// GivenClock stands at a time of the user's choice, or is the machine's.
class GivenClock final : public Clock {
 public:
  explicit GivenClock(std::optional<int64_t> at) : at_(at) {}
  UnixSeconds now() const override { return at_ ? *at_ : system_.now(); }

 private:
  http::SystemClock system_;
  std::optional<int64_t> at_;
};

http::ClientLimits patience(http::Milliseconds for_answers) {
  http::ClientLimits limits;
  limits.connect_timeout = 5s;
  limits.head_timeout = for_answers;
  limits.idle_timeout = for_answers;
  return limits;
}

http::RequestHead request(std::string method, std::string target) {
  http::RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  return head;
}

std::string text_at(const Bytes& body, std::string_view pointer) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(as_text(body), failed);
  const json::value* found = failed ? nullptr : parsed.find_pointer(pointer, failed);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

std::string age(UnixSeconds seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

// default_config is where the systemd unit of deploy/ expects it.
std::filesystem::path default_config() {
  const char* const config = std::getenv("XDG_CONFIG_HOME");
  const char* const home = std::getenv("HOME");
  std::filesystem::path folder;
  if (config != nullptr && *config != '\0') {
    folder = config;
  } else if (home != nullptr) {
    folder = std::filesystem::path(home) / ".config";
  }
  return folder / "openpcc" / "proxy.toml";
}

// Served is what a relay gave.
struct Served {
  std::string relay;
  client::Published published;
};

class Doctor {
 public:
  Doctor(const DoctorOptions& options, std::filesystem::path config) : options_(options), config_(std::move(config)), clock_(options.at) {}

  int run() {
    if (read_settings()) {
      loop_.spawn(examine_and_stop());
      loop_.run();
    }
    if (options_.json) {
      fmt::print("{}\n", report_.json());
    } else {
      fmt::print("{}", report_.text(config_.string(), clock_.now()));
    }
    return report_.healthy() ? kAccept : kReject;
  }

 private:
  bool read_settings();
  bool read_policy();
  bool prepare_network();
  http::Task<> examine_and_stop();
  http::Task<> examine();
  http::Task<std::vector<Served>> examine_relays();
  void examine_bundles(const std::vector<Served>& served);
  void examine_clock(const std::vector<Served>& served);
  void examine_gateway_and_nodes();
  void examine_node(const directory::Entry& entry, Health refused_is);
  void examine_models();
  http::Task<> ask();
  http::Task<> examine_listener();
  std::string way_to(const http::Endpoint& relay) const;
  void not_reached(std::initializer_list<std::string_view> checks, const std::string& why);

  const DoctorOptions& options_;
  std::filesystem::path config_;
  GivenClock clock_;
  DoctorReport report_;
  daemon::Environment environment_ = daemon::current_environment();
  ProxySettings settings_;
  client::ProxyConfig proxy_config_;
  std::shared_ptr<const policy::Policy> policy_;
  std::shared_ptr<const crypto::TlsContext> tls_;
  std::shared_ptr<const http::ProxyRules> proxies_;
  std::string roots_;
  crypto::SystemRandom random_;
  daemon::Metrics metrics_;
  http::Loop loop_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<client::Session> session_;
};

// ---- what stands in files

bool Doctor::read_settings() {
  daemon::Options declared({"openpcc proxy", "Read by openpcc doctor."});
  daemon::CommonSettings common;
  settings_.declare(declared);
  common.declare(declared);
  const std::vector<std::string> arguments{"--config", config_.string()};
  const auto loaded = declared.load(arguments, environment_);
  if (!loaded) {
    report_.refused("configuration", {}, loaded.error());
    not_reached({"policy", "roots", "outgoing proxy", "relay", "bundle", "clock", "gateway", "nodes", "models", "question", "listener"},
                "the configuration comes first");
    return false;
  }
  auto config = settings_.proxy_config();
  const auto listener = settings_.tls.server(settings_.listen);
  if (!listener) report_.refused("configuration", "listen", listener.error());
  if (!config) {
    report_.refused("configuration", "api_key_file", config.error());
  } else {
    proxy_config_ = std::move(*config);
    report_.ok("configuration", {},
               fmt::format("read; {} relays, {} nodes per request", settings_.session.relays.size(), settings_.session.recipients));
  }
  if (settings_.session.relays.size() == 1) {
    report_.add({"configuration",
                 "relays",
                 Health::warning,
                 "one relay alone, which sees every request's time and size",
                 {},
                 "name relays of two operators or more"});
  }
  return true;
}

bool Doctor::read_policy() {
  auto policy = settings_.read_policy();
  if (!policy) {
    report_.refused("policy", settings_.policy.string(), policy.error());
    return false;
  }
  policy_ = std::move(*policy);
  const policy::Requirements& required = policy::requirements(*policy_);
  if (std::holds_alternative<policy::ProductionPolicy>(*policy_)) {
    report_.ok("policy", {}, "production, for " + required.deployment);
  } else {
    report_.add({"policy",
                 {},
                 Health::warning,
                 "development, for " + required.deployment + ": it accepts simulated TEEs, which protect nothing",
                 {},
                 "use a policy of kind \"production\" for anything that matters"});
  }
  const auto exceptions = required.exceptions.names();
  if (!exceptions.empty()) {
    report_.add(
        {"policy", "exceptions", Health::warning, fmt::format("checks are switched off by name: {}", fmt::join(exceptions, ", ")), {}, {}});
  }
  return true;
}

bool Doctor::prepare_network() {
  const auto roots = settings_.tls.roots(environment_);
  const auto tls = settings_.tls.client(environment_);
  if (!tls) {
    report_.refused("roots", {}, tls.error());
  } else {
    tls_ = *tls;
    roots_ = roots->source;
    report_.add({"roots", {}, tls_ ? Health::ok : Health::warning, "certificates are judged by " + roots_, {}, {}});
  }
  auto proxies = settings_.outgoing.rules(environment_);
  if (!proxies) {
    report_.refused("outgoing proxy", {}, proxies.error());
    return false;
  }
  proxies_ = std::move(*proxies);
  std::string seen;
  for (const http::Endpoint& relay : settings_.session.relays) {
    if (!seen.empty()) seen += "; ";
    seen += relay.to_string() + " " + way_to(relay);
  }
  report_.ok("outgoing proxy", {}, seen);
  return tls.has_value();
}

std::string Doctor::way_to(const http::Endpoint& relay) const {
  const http::OutgoingProxy* proxy = http::proxy_for(*proxies_, relay);
  if (proxy == nullptr) return "directly";
  return fmt::format("through {} ({})", proxy->endpoint().to_string(), settings_.outgoing.source(relay.kind, environment_));
}

// ---- what others answer

http::Task<> Doctor::examine_and_stop() {
  co_await examine();
  loop_.stop();
}

http::Task<> Doctor::examine() {
  const bool has_policy = read_policy();
  const bool has_network = prepare_network();
  if (has_network) {
    client_ = http::Client::create(loop_, tls_, patience(10s), proxies_);
    const std::vector<Served> served = co_await examine_relays();
    if (has_policy) {
      session_ = std::make_unique<client::Session>(settings_.session, policy_, *client_, clock_, random_, metrics_);
      examine_bundles(served);
      examine_clock(served);
    }
  } else {
    report_.not_checked("relay", "roots and outgoing proxy come first");
  }
  if (!session_) not_reached({"bundle", "clock"}, has_policy ? "no relay was asked" : "the policy comes first");
  if (session_ && session_->bundle()) {
    examine_gateway_and_nodes();
    examine_models();
    co_await ask();
  } else {
    not_reached({"gateway", "nodes", "models", "question"}, "there is no acceptable bundle");
  }
  co_await examine_listener();
}

void Doctor::not_reached(std::initializer_list<std::string_view> checks, const std::string& why) {
  for (const std::string_view check : checks) report_.not_checked(check, why);
}

http::Task<std::vector<Served>> Doctor::examine_relays() {
  std::vector<Served> out;
  for (const http::Endpoint& relay : settings_.session.relays) {
    http::Endpoint endpoint = relay;
    const auto begun = http::monotonic_now();
    auto published = co_await client::fetch_published(*client_, std::move(endpoint));
    const auto took = std::chrono::duration_cast<http::Milliseconds>(http::monotonic_now() - begun);
    const std::string name = relay.to_string();
    if (published) {
      report_.ok("relay", name,
                 fmt::format("answered {}, with a bundle of {} bytes, after {} ms", way_to(relay), published->bundle.size(), took.count()));
      out.push_back({name, std::move(*published)});
      continue;
    }
    Error error = published.error();
    error.detail += ", " + way_to(relay);
    if (error.rule == Rule("http.client.tls")) error.detail += "; certificates are judged by " + roots_;
    report_.refused("relay", name, error);
  }
  co_return out;
}

void Doctor::examine_bundles(const std::vector<Served>& served) {
  if (served.empty()) report_.not_checked("bundle", "no relay gave one");
  for (const Served& one : served) {
    const auto taken = session_->take(one.published);
    if (!taken) {
      const Error& error = taken.error();
      const bool of_gateway = error.rule == Rule("client.gateway_key") || error.rule.id().starts_with("ohttp.");
      // A relay that lags behind another serves users still; everything else stops them.
      const bool lags = error.rule == Rule("directory.rollback");
      report_.refused(of_gateway ? "gateway" : "bundle", "from " + one.relay, error, lags ? Health::warning : Health::problem);
      continue;
    }
    const directory::BundleContent& content = session_->bundle()->content();
    report_.ok(
        "bundle", "from " + one.relay,
        fmt::format(
            "signed by the directory; epoch {}, {} old, good for another {}; rollback is judged between relays alone, nothing is kept",
            content.epoch, age(clock_.now() - content.not_before), age(content.not_after - clock_.now())));
  }
}

// No relay sends a date. What is known of the time are signatures: a beacon was made before we have it, so a clock that is behind it is wrong.
// That a clock is ahead cannot be shown: whoever holds newer bundles back looks the same.
void Doctor::examine_clock(const std::vector<Served>& served) {
  const policy::Requirements& required = policy::requirements(*policy_);
  const directory::Trust trust{required.directory_key, required.beacon_key, required.deployment};
  std::optional<UnixSeconds> newest;
  bool all_expired = true;
  for (const auto& [relay, published] : served) {
    const auto times = directory::signed_times(published.bundle, published.signature, trust);
    if (!times) continue;
    newest = std::max(newest.value_or(times->not_before), times->newest_beacon.value_or(times->not_before));
    all_expired = all_expired && times->not_after < clock_.now();
  }
  if (!newest) return report_.not_checked("clock", "no signed time to compare it with");
  const UnixSeconds behind = *newest - clock_.now();
  if (behind > directory::kClockSkew_s) {
    report_.add({"clock",
                 {},
                 Health::problem,
                 fmt::format("at least {} slow: something was signed then", age(behind)),
                 {},
                 "set this machine's clock (timedatectl set-ntp true)"});
  } else if (all_expired) {
    report_.add(
        {"clock",
         {},
         Health::warning,
         fmt::format(
             "the newest signed time is {} ago: this clock is ahead, or the relays serve what is old; which of the two is not provable",
             age(-behind)),
         {},
         "compare it with another clock; timedatectl shows whether it is set from the network"});
  } else {
    report_.ok(
        "clock", {},
        fmt::format("the newest signed time is {} ago; that it is not ahead is not provable", age(std::max<UnixSeconds>(-behind, 0))));
  }
}

void Doctor::examine_gateway_and_nodes() {
  report_.ok("gateway", session_->bundle()->content().gateway_authority, "its key is one that this program can seal to");
  const auto& entries = session_->entries();
  const auto accepted = static_cast<size_t>(std::ranges::count_if(entries, [](const auto& entry) { return entry.node != nullptr; }));
  if (entries.empty()) {
    report_.add({"nodes", {}, Health::problem, "the bundle lists none", {}, "the service is down: tell its operator"});
    return;
  }
  for (const directory::Entry& entry : entries) {
    examine_node(entry, accepted >= settings_.session.recipients ? Health::warning : Health::problem);
  }
}

void Doctor::examine_node(const directory::Entry& entry, Health refused_is) {
  const std::string name = to_hex(entry.node_id).substr(0, 16);
  if (entry.node != nullptr) return report_.ok("nodes", name, std::string(attest::to_string(entry.verdict->outcome())));
  if (entry.refusal) return report_.refused("nodes", name, *entry.refusal, refused_is);
  const attest::Row* row = entry.verdict ? entry.verdict->first_refusal() : nullptr;
  if (row == nullptr) return report_.add({"nodes", name, refused_is, "not accepted", {}, {}});
  std::string seen = fmt::format("refused for {}: {}", attest::to_string(row->property), row->seen);
  if (!row->expected.empty()) seen += "; the policy demands " + row->expected;
  report_.add({"nodes", name, refused_is, std::move(seen), std::string(row->rule.id()), row->remedy});
}

// examine_models draws and seals as a request would, and sends nothing.
void Doctor::examine_models() {
  const std::set<std::string> models = session_->models();
  if (models.empty()) {
    report_.add({"models", {}, Health::problem, "no accepted node serves any", {}, "see the nodes above"});
  }
  for (const std::string& model : models) {
    auto route = session_->route(model, {});
    if (!route) {
      report_.refused("models", model, route.error());
      continue;
    }
    std::vector<envelope::Recipient> recipients;
    for (const directory::NodePtr& node : route->nodes) recipients.push_back({node->node_id(), &node->key(), {}, std::nullopt});
    const client::SealOptions sealing{proxy_config_.profile, clock_.now() + proxy_config_.begin_within_s};
    const auto sealed = client::Exchange::start(std::move(route->gateway), {"POST", "", "", "/v1/chat/completions", {}}, as_bytes("{}"),
                                                std::move(recipients), sealing, random_);
    if (!sealed) {
      report_.refused("models", model, sealed.error());
    } else {
      report_.ok("models", model, fmt::format("{} nodes were drawn, and a request was sealed to them", route->nodes.size()));
    }
  }
}

// ask sends a question through a proxy of our own, so that it travels exactly as an application's.
http::Task<> Doctor::ask() {
  if (!options_.ask) co_return report_.not_checked("question", "--ask sends one, of one token, through the whole path");
  const std::set<std::string> models = session_->models();
  if (models.empty()) co_return report_.not_checked("question", "there is no model to ask");
  const auto client = http::Client::create(loop_, tls_, patience(120s), proxies_);
  std::unique_ptr<client::Proxy> proxy;
  const auto server = http::Server::listen(loop_, *http::Endpoint::parse("http://127.0.0.1:0"), nullptr,
                                           [&proxy](http::ServerExchange& exchange) { return proxy->handle(exchange); });
  if (!server) co_return report_.refused("question", {}, server.error());
  const http::Endpoint endpoint = (*server)->endpoint();
  client::ProxyConfig config = proxy_config_;
  config.door = {.port = endpoint.port, .api_key = std::nullopt, .hosts = {}};
  proxy = std::make_unique<client::Proxy>(std::move(config), settings_.session.recipients, *session_, *client, clock_, random_, metrics_);

  const std::string model = *models.begin();
  const std::string text = json::serialize(
      json::value{{"model", model}, {"max_tokens", 1}, {"messages", json::array{json::value{{"role", "user"}, {"content", "Hello"}}}}});
  http::RequestHead head = request("POST", "/v1/chat/completions");
  head.fields.add("content-type", "application/json");
  Bytes body(text.begin(), text.end());
  const auto begun = http::monotonic_now();
  const auto answer = co_await client->fetch(endpoint, std::move(head), std::move(body), kAnswerBytesMax);
  const auto took = std::chrono::duration_cast<http::Milliseconds>(http::monotonic_now() - begun);
  if (!answer) co_return report_.refused("question", model, answer.error());
  if (answer->head.status == 200) {
    co_return report_.ok("question", model, fmt::format("answered after {} ms, through relay, gateway and node", took.count()));
  }
  report_.add({"question", model, Health::problem,
               fmt::format("status {}: {}", answer->head.status, text_at(answer->body, "/error/message")),
               text_at(answer->body, "/error/code"), "see the checks above; when all of them are good, tell the operator of the service"});
}

// examine_listener looks who answers where applications connect.
http::Task<> Doctor::examine_listener() {
  http::Endpoint endpoint = settings_.listen;
  if (endpoint.port == 0 && endpoint.kind != http::Endpoint::Kind::unix_socket) {
    co_return report_.not_checked("listener", "`listen` leaves the port to the system");
  }
  if (endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  const auto client = http::Client::create(loop_, tls_, patience(5s));
  http::RequestHead head = request("GET", "/openpcc/verdict");
  head.authority = fmt::format("localhost:{}", endpoint.port);
  if (proxy_config_.door.api_key) head.fields.add("authorization", "Bearer " + *proxy_config_.door.api_key);
  const std::string name = endpoint.to_string();
  const auto answer = co_await client->fetch(endpoint, std::move(head), Bytes{}, kAnswerBytesMax);
  if (!answer && answer.error().rule == Rule("http.client.connect")) {
    co_return report_.add({"listener",
                           name,
                           Health::warning,
                           "nothing listens there: the proxy is not running",
                           {},
                           "systemctl --user start openpcc-proxy, or openpcc proxy --config " + config_.string()});
  }
  if (!answer && answer.error().rule == Rule("http.client.tls")) {
    co_return report_.refused("listener", name, answer.error(), Health::warning);
  }
  const std::string code = answer ? text_at(answer->body, "/error/code") : std::string();
  boost::system::error_code failed;
  const json::value verdict = answer && answer->head.status == 200 ? json::parse(as_text(answer->body), failed) : json::value();
  const json::value* nodes = failed ? nullptr : verdict.find_pointer("/nodes", failed);
  if (nodes != nullptr && nodes->is_array()) {
    co_return report_.ok("listener", name, fmt::format("the proxy runs and knows {} nodes", nodes->as_array().size()));
  }
  if (code.starts_with("client.proxy.")) {
    co_return report_.add({"listener", name, Health::problem,
                           "a proxy runs there and refuses us: " + text_at(answer->body, "/error/message"), code,
                           "restart it after a change of api_key_file"});
  }
  report_.add({"listener",
               name,
               Health::problem,
               "the port belongs to another program, which does not answer as the proxy does",
               {},
               fmt::format("choose another port in `listen`, or end that program (ss -ltnp 'sport = :{}' shows it)", endpoint.port)});
}

}  // namespace

int run_doctor(const DoctorOptions& options) { return Doctor(options, options.config.empty() ? default_config() : options.config).run(); }

}  // namespace openpcc::app
