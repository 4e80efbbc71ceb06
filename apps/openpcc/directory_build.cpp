// `openpcc directory build`: shows the nodes a beacon, collects their evidence, and publishes the signed bundle.
#include "commands.h"
#include "files.h"
#include "openpcc/attest/key_list.h"
#include "openpcc/attest/verify.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/daemon.h"
#include "openpcc/daemon/tls.h"
#include "openpcc/directory/bundle.h"
#include "openpcc/http/client.h"

namespace openpcc::app {
namespace {

constexpr size_t kEvidenceListBytesMax = 4u << 20;
constexpr UnixSeconds kBeaconKept_s = 2 * 3600;  // longer than any key that refers to it lives

struct Settings {
  std::vector<http::Endpoint> nodes;
  http::Endpoint gateway;
  std::string gateway_authority;
  std::vector<std::string> relays;
  std::filesystem::path policy;
  std::filesystem::path directory_key_file;
  std::filesystem::path beacon_key_file;
  std::filesystem::path out;
  http::Milliseconds every{600'000};
  http::Milliseconds poll_interval{500};
  http::Milliseconds lifetime{3 * 3'600'000};
  bool once = false;
  daemon::TlsSettings tls;

  void declare(daemon::Options& options) {
    options.add("nodes", nodes, "the nodes whose evidence goes into the bundle", daemon::Presence::required);
    options.add("gateway", gateway, "where the gateway's key configurations are fetched", daemon::Presence::required);
    options.add("gateway_authority", gateway_authority, "the gateway's name, which clients seal to", daemon::Presence::required);
    options.add("relays", relays, "URLs of relays, for information: clients choose their own");
    options.add("policy", policy, "nodes that this policy refuses are left out", daemon::Presence::required);
    options.add("directory_key_file", directory_key_file, "signs the bundle, made by `openpcc keygen directory`",
                daemon::Presence::required);
    options.add("beacon_key_file", beacon_key_file, "cosigns the freshness beacons, made by `openpcc keygen beacon`",
                daemon::Presence::required);
    options.add("out", out, "folder for bundle and bundle.sig", daemon::Presence::required);
    options.add("every", every, "a new bundle and a new beacon at least this often; sooner when a node's keys change");
    options.add("poll_interval", poll_interval, "how often the nodes are asked for their keys");
    options.add("lifetime", lifetime, "how long a bundle is valid, at most 3h");
    options.add("once", once, "publish one bundle of all nodes and leave");
    tls.declare(options);
  }
};

class Builder {
 public:
  Builder(const Settings& settings, daemon::Daemon& daemon, policy::Policy policy, note::SignerKey directory_key,
          note::SignerKey beacon_key, std::shared_ptr<const crypto::TlsContext> tls)
      : settings_(settings),
        daemon_(daemon),
        policy_(std::move(policy)),
        directory_key_(std::move(directory_key)),
        beacon_key_(std::move(beacon_key)),
        client_(http::Client::create(daemon.loop(), std::move(tls))) {}

  http::Task<> run() {
    load_epoch();
    for (;;) {
      if (due(beacon_made_)) make_beacon();
      const std::vector<Bytes> evidence = co_await collect();
      if (!evidence.empty() && (evidence != published_ || due(bundle_made_))) {
        const auto published = co_await publish(evidence);
        if (!published) daemon_.log().write(daemon::Event::upstream_failed, {daemon::Field::rule(published.error())});
      }
      if (settings_.once && reached_ == settings_.nodes.size() && !published_.empty()) {
        daemon_.stop();
        co_return;
      }
      co_await http::sleep_for(settings_.poll_interval);
    }
  }
  bool ready() const { return !published_.empty(); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  bool due(std::optional<Time> last) const { return !last || std::chrono::steady_clock::now() - *last >= settings_.every; }

  // Epochs go up over restarts too: clients take a lower one for a rollback.
  void load_epoch() {
    const auto old = read_bounded(settings_.out / "bundle.sig", note::kNoteBytesMax);
    if (!old) return;
    const auto note = note::Note::parse(*old);
    if (!note) return;
    const std::string& text = note->unverified_text();
    const size_t line = text.find('\n');
    if (line != std::string::npos) epoch_ = std::strtoull(text.c_str() + line + 1, nullptr, 10);
  }

  void make_beacon() {
    const UnixSeconds now = daemon_.clock().now();
    // The counter only has to go up: seconds do, also over restarts.
    beacons_.push_back(note::make_beacon(static_cast<uint64_t>(now), now, beacon_key_, random_));
    const auto stale = [&](const std::string& text) {
      const auto beacon = note::verify_beacon(as_bytes(text), beacon_key_.verifier());
      return !beacon || beacon->time() + kBeaconKept_s < now;
    };
    std::erase_if(beacons_, stale);
    beacon_made_ = std::chrono::steady_clock::now();
  }

  http::Task<std::vector<Bytes>> collect() {
    std::vector<Bytes> all;
    reached_ = 0;
    for (const http::Endpoint& node : settings_.nodes) {
      auto keys = co_await collect_from(node);
      if (!keys) {
        daemon_.metrics().refused(keys.error());
        continue;
      }
      if (!keys->empty()) ++reached_;
      for (Bytes& evidence : *keys) all.push_back(std::move(evidence));
    }
    co_return all;
  }

  http::Task<Result<std::vector<Bytes>>> collect_from(const http::Endpoint& node) {
    http::RequestHead put;
    put.method = "PUT";
    put.target = "/v1/beacon";
    put.fields.add("content-type", "text/plain; charset=utf-8");
    const std::string& newest = beacons_.back();
    Bytes beacon(newest.begin(), newest.end());
    const auto shown = co_await client_->fetch(node, std::move(put), std::move(beacon), 4096);
    OPENPCC_CO_TRY(shown);
    http::RequestHead get;
    get.method = "GET";
    get.target = "/v1/evidence";
    const auto answer = co_await client_->fetch(node, std::move(get), Bytes{}, kEvidenceListBytesMax);
    OPENPCC_CO_TRY(answer);
    if (answer->head.status != 200) co_return std::vector<Bytes>{};  // no key made yet
    co_return attest::parse_key_list(answer->body);
  }

  std::vector<note::VerifiedBeacon> verified_beacons() const {
    std::vector<note::VerifiedBeacon> out;
    for (const std::string& text : beacons_) {
      auto beacon = note::verify_beacon(as_bytes(text), beacon_key_.verifier());
      OPENPCC_CHECK(beacon.has_value());
      out.push_back(std::move(*beacon));
    }
    return out;
  }

  // leaves are the nodes that our own policy accepts; a client judges them again by its own.
  std::vector<Bytes> leaves(const std::vector<Bytes>& all) {
    const std::vector<note::VerifiedBeacon> beacons = verified_beacons();
    const attest::Circumstances circumstances{daemon_.clock().now(), beacons, settings_.nodes.size()};
    std::vector<Bytes> out;
    for (const Bytes& bytes : all) {
      const attest::Appraisal appraisal = attest::verify(bytes, policy_, circumstances);
      const auto evidence = attest::Evidence::parse(bytes);
      if (!evidence) continue;
      if (appraisal.node != nullptr) {
        out.push_back(directory::make_leaf(*evidence, appraisal.node->chip_id()));
      } else if (const attest::Row* row = appraisal.verdict.first_refusal()) {
        daemon_.log().write(daemon::Event::node_refused, {daemon::Field::node(evidence->node_id()), daemon::Field::rule(row->rule)});
      }
    }
    return out;
  }

  http::Task<Result<>> publish(std::vector<Bytes> evidence) {
    http::RequestHead get;
    get.method = "GET";
    get.target = "/ohttp-keys";
    const auto keys = co_await client_->fetch(settings_.gateway, std::move(get), Bytes{}, directory::kOhttpKeysBytesMax);
    OPENPCC_CO_TRY(keys);
    directory::BundleContent content;
    content.epoch = epoch_ + 1;
    content.not_before = daemon_.clock().now();
    content.not_after = content.not_before + std::chrono::duration_cast<std::chrono::seconds>(settings_.lifetime).count();
    content.deployment = policy::requirements(policy_).deployment;
    content.gateway_authority = settings_.gateway_authority;
    content.ohttp_keys = keys->body;
    content.relays = settings_.relays;
    content.beacons = beacons_;
    content.nodes = leaves(evidence);
    if (content.nodes.empty()) co_return Result<>{};
    OPENPCC_CO_LET(const directory::SignedBundle signed_bundle, directory::sign_bundle(content, directory_key_));
    OPENPCC_CO_TRY(replace_file(settings_.out / "bundle", signed_bundle.bundle));
    OPENPCC_CO_TRY(replace_file(settings_.out / "bundle.sig", as_bytes(signed_bundle.signature)));
    epoch_ = content.epoch;
    published_ = std::move(evidence);
    bundle_made_ = std::chrono::steady_clock::now();
    daemon_.log().write(daemon::Event::bundle_published, {daemon::Field::epoch(epoch_), daemon::Field::count(content.nodes.size())});
    co_return Result<>{};
  }

  const Settings& settings_;
  daemon::Daemon& daemon_;
  policy::Policy policy_;
  note::SignerKey directory_key_;
  note::SignerKey beacon_key_;
  crypto::SystemRandom random_;
  std::unique_ptr<http::Client> client_;
  uint64_t epoch_ = 0;
  size_t reached_ = 0;
  std::vector<std::string> beacons_;  // oldest first
  std::vector<Bytes> published_;
  std::optional<Time> beacon_made_;
  std::optional<Time> bundle_made_;
};

Result<note::SignerKey> read_signer(const std::filesystem::path& path) {
  OPENPCC_LET(const SecretBytes text, daemon::read_secret(path));
  return note::SignerKey::parse(text);
}

}  // namespace

int run_directory_build(int argc, char** argv) {
  Settings settings;
  daemon::Options options(
      {"openpcc directory build",
       "Collects the evidence of all nodes, leaves out those that the policy refuses, and publishes the signed bundle that "
       "clients compare. Without --once it goes on, with a new bundle whenever keys change."});
  settings.declare(options);
  return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
    OPENPCC_LET(const Bytes text, read_bounded(settings.policy, policy::kPolicyBytesMax));
    OPENPCC_LET(policy::Policy policy, policy::parse(text));
    OPENPCC_LET(note::SignerKey directory_key, read_signer(settings.directory_key_file));
    OPENPCC_LET(note::SignerKey beacon_key, read_signer(settings.beacon_key_file));
    OPENPCC_LET(auto tls, settings.tls.client());
    const auto builder =
        std::make_shared<Builder>(settings, daemon, std::move(policy), std::move(directory_key), std::move(beacon_key), tls);
    daemon.loop().spawn(builder->run());
    daemon.ready_when([builder] { return builder->ready(); });
    return {};
  });
}

}  // namespace openpcc::app
