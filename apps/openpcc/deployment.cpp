#include "deployment.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "files.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/random.h"
#include "openpcc/crypto/sign.h"
#include "openpcc/daemon/options.h"
#include "openpcc/note/note.h"

namespace openpcc::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDeployment = "local.openpcc.invalid";
constexpr std::string_view kRelease = "openpcc simulated release";
constexpr std::string_view kGpuRelease = "openpcc simulated gpu firmware";
constexpr std::string_view kAuthority = "gateway.invalid";

// Ports are free when drawn; each program binds its own again. The sockets stay open together, so that no port is drawn twice.
class Ports {
 public:
  static Result<Ports> draw(size_t count) {
    std::vector<int> sockets;
    Ports ports;
    bool good = true;
    for (size_t i = 0; i < count && good; ++i) {
      const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      auto* generic = reinterpret_cast<sockaddr*>(&address);
      good = s >= 0 && bind(s, generic, size) == 0 && getsockname(s, generic, &size) == 0;
      if (s >= 0) sockets.push_back(s);
      if (good) ports.free_.push_back(ntohs(address.sin_port));
    }
    for (const int s : sockets) close(s);
    if (!good) return fail(Code::internal, "up.ports", std::strerror(errno));
    return ports;
  }
  http::Endpoint next() {
    OPENPCC_CHECK(!free_.empty());
    http::Endpoint endpoint{.kind = http::Endpoint::Kind::tcp, .host = "127.0.0.1", .port = free_.back(), .base_path = {}};
    free_.pop_back();
    return endpoint;
  }

 private:
  std::vector<uint16_t> free_;
};

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string toml_list(const std::vector<http::Endpoint>& endpoints) {
  std::vector<std::string> items;
  for (const auto& endpoint : endpoints) items.push_back(toml_text(endpoint.to_string()));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string hex_digest(std::string_view text) { return to_hex(crypto::sha256(as_bytes(text))); }

class Preparation {
 public:
  Preparation(const UpOptions& options, const fs::path& folder, Ports ports) : options_(options), ports_(std::move(ports)) {
    out_.folder = folder;
    out_.policy = folder / "policy.toml";
  }

  Result<Deployment> run() {
    for (const char* name : {"config", "keys", "log", "bundle", "run", "capture"}) fs::create_directories(out_.folder / name);
    fs::permissions(out_.folder / "keys", fs::perms::owner_all);
    OPENPCC_TRY(make_keys());
    OPENPCC_TRY(write_policy());
    for (size_t i = 1; i <= options_.nodes; ++i) {
      OPENPCC_TRY(add_node(i));
    }
    OPENPCC_TRY(add_gateway());
    for (size_t i = 1; i <= 2; ++i) {
      OPENPCC_TRY(add_relay(i));
    }
    OPENPCC_TRY(add_directory());
    OPENPCC_TRY(add_proxy());
    return std::move(out_);
  }

 private:
  fs::path key(std::string_view name) const { return out_.folder / "keys" / name; }

  // keep_secret makes a key file unless an earlier run left one.
  static Result<> keep_secret(const fs::path& path, ByteSpan content) {
    if (fs::exists(path)) return {};
    return write_secret(path, content);
  }

  Result<> make_keys() {
    SecretBytes seeds(64);
    random_.fill(seeds.reveal_mutable());
    OPENPCC_TRY(keep_secret(key("sim-roots"), as_bytes(to_hex(seeds.reveal()))));
    SecretBytes gateway(32);
    random_.fill(gateway.reveal_mutable());
    OPENPCC_TRY(keep_secret(key("gateway"), as_bytes(to_hex(gateway.reveal()))));
    OPENPCC_TRY(make_signer("directory", note::KeyType::ed25519));
    return make_signer("beacon", note::KeyType::cosignature_v1);
  }

  Result<> make_signer(std::string_view name, note::KeyType type) {
    OPENPCC_LET(const note::SignerKey made, note::SignerKey::generate(fmt::format("{}/{}", kDeployment, name), type, random_));
    const SecretBytes text = made.reveal_for_export();
    return keep_secret(key(name), text.reveal());
  }

  Result<note::VerifierKey> verifier(std::string_view name) const {
    OPENPCC_LET(const SecretBytes text, daemon::read_secret(key(name)));
    OPENPCC_LET(const note::SignerKey signer, note::SignerKey::parse(text));
    return signer.verifier();
  }

  // The roots' public keys; the maker of simulated evidence itself is linked into openpcc-node-sim alone.
  Result<std::pair<std::string, std::string>> root_keys() const {
    OPENPCC_LET(const SecretBytes text, daemon::read_secret(key("sim-roots")));
    OPENPCC_LET(Bytes decoded, from_hex(as_text(text.reveal())));
    const SecretBytes seeds = SecretBytes::adopt(std::move(decoded));
    const auto public_text = [&](size_t at) {
      return to_base64(crypto::Ed25519Private(std::span<const uint8_t, 32>(seeds.reveal().subspan(at, 32))).public_key());
    };
    return std::pair{public_text(0), public_text(32)};
  }

  Result<> write_policy();
  Result<> add_node(size_t number);
  Result<> add_gateway();
  Result<> add_relay(size_t number);
  Result<> add_directory();
  Result<> add_proxy();

  // add writes a program's configuration and notes how to start it.
  Result<> add(std::string name, std::vector<std::string> command, http::Endpoint listen, std::string config) {
    const http::Endpoint admin = ports_.next();
    const fs::path path = out_.folder / "config" / (name + ".toml");
    config = "drain_timeout = \"2s\"\n" + config + fmt::format("\n[admin]\nlisten = {}\n", toml_text(admin.to_string()));
    OPENPCC_TRY(replace_file(path, as_bytes(config)));
    command.insert(command.end(), {"--config", path.string()});
    out_.parties.push_back({std::move(name), std::move(command), std::move(listen), admin});
    return {};
  }

  // tapped returns where others reach `target`: through a tap when the deployment is recorded.
  http::Endpoint tapped(std::string name, const http::Endpoint& target) {
    if (!options_.record) return target;
    http::Endpoint listen = target;
    if (target.kind == http::Endpoint::Kind::unix_socket) {
      listen.host += ".tap";
    } else {
      listen = ports_.next();
    }
    out_.hops.push_back({std::move(name), listen, target});
    return listen;
  }

  http::Endpoint socket(std::string_view name) const {
    return {.kind = http::Endpoint::Kind::unix_socket, .host = (out_.folder / "run" / name).string(), .port = 0, .base_path = {}};
  }

  const UpOptions& options_;
  Ports ports_;
  crypto::SystemRandom random_;
  Deployment out_;
  std::vector<http::Endpoint> nodes_;   // as the gateway reaches them
  std::vector<http::Endpoint> relays_;  // as the proxy reaches them
  std::vector<http::Endpoint> bare_nodes_;
  http::Endpoint gateway_;
};

Result<> Preparation::write_policy() {
  OPENPCC_LET(const auto roots, root_keys());
  OPENPCC_LET(const note::VerifierKey directory, verifier("directory"));
  OPENPCC_LET(const note::VerifierKey beacon, verifier("beacon"));
  const std::string text = fmt::format(
      R"(# What the proxy of this machine demands of a node. Made by `openpcc up` for this deployment alone: one person runs every role, and
# the roots below are software.
kind = "development"
deployment = "{deployment}"

[keys]
directory = "{directory}"
beacon = "{beacon}"

[roots]
sim_cpu = "{sim_cpu}"
sim_gpu = "{sim_gpu}"

[nodes]
releases = ["{release}"]
require_gpu = {require_gpu}
gpu_releases = ["{gpu_release}"]
models = ["{model}"]
min_tcb = 1
min_gpu_tcb = 1
min_root_owners = {root_owners}
freshness_age_s = 1200

[exceptions]
no_chip_ledger = true
{one_root_owner}
)",
      fmt::arg("deployment", kDeployment), fmt::arg("directory", directory.to_string()), fmt::arg("beacon", beacon.to_string()),
      fmt::arg("sim_cpu", roots.first), fmt::arg("sim_gpu", roots.second), fmt::arg("release", hex_digest(kRelease)),
      fmt::arg("require_gpu", options_.gpus > 0), fmt::arg("gpu_release", hex_digest(kGpuRelease)),
      fmt::arg("model", hex_digest(options_.model)), fmt::arg("root_owners", options_.gpus > 0 ? 2 : 1),
      fmt::arg("one_root_owner", options_.gpus > 0 ? "" : "one_root_owner = true"));
  return replace_file(out_.policy, as_bytes(text));
}

Result<> Preparation::add_node(size_t number) {
  const std::string name = fmt::format("node-{}", number);
  http::Endpoint engine;
  if (options_.engines.empty()) {
    const std::string engine_name = fmt::format("engine-{}", number);
    const http::Endpoint listen = socket(engine_name + ".sock");
    OPENPCC_TRY(add(engine_name, {"openpcc-demo-engine"}, listen,
                    fmt::format("listen = {}\nmodel = {}\nttft = \"{}\"\ntpot = \"{}\"\n", toml_text(listen.to_string()),
                                toml_text(options_.model), options_.engine_ttft, options_.engine_tpot)));
    engine = tapped(engine_name, listen);
  } else {
    OPENPCC_LET(engine, http::Endpoint::parse(options_.engines[(number - 1) % options_.engines.size()]));
    engine = tapped(fmt::format("engine-{}", number), engine);
  }
  const http::Endpoint listen = ports_.next();
  OPENPCC_LET(const note::VerifierKey beacon, verifier("beacon"));
  const std::string config = fmt::format(
      R"(listen = {listen}
engine = {engine}
engine_kind = {engine_kind}
engine_canary = {engine_canary}
deployment = "{deployment}"
beacon_key = "{beacon}"

[[models]]
name = {model}
digest = "{digest}"

[sim]
roots_file = {roots}
chip_id = "{chip}"
measurement = "{release}"
gpus = {gpus}
gpu_measurement = "{gpu_release}"
)",
      fmt::arg("listen", toml_text(listen.to_string())), fmt::arg("engine", toml_text(engine.to_string())),
      fmt::arg("engine_kind", toml_text(options_.engine_kind)), fmt::arg("engine_canary", toml_text(options_.engine_canary)),
      fmt::arg("deployment", kDeployment), fmt::arg("beacon", beacon.to_string()), fmt::arg("model", toml_text(options_.model)),
      fmt::arg("digest", hex_digest(options_.model)), fmt::arg("roots", toml_text(key("sim-roots").string())),
      fmt::arg("chip", hex_digest("chip of " + name)), fmt::arg("release", hex_digest(kRelease)), fmt::arg("gpus", options_.gpus),
      fmt::arg("gpu_release", hex_digest(kGpuRelease)));
  OPENPCC_TRY(add(name, {"openpcc-node-sim"}, listen, config));
  bare_nodes_.push_back(listen);
  nodes_.push_back(tapped(name, listen));
  return {};
}

Result<> Preparation::add_gateway() {
  const http::Endpoint listen = ports_.next();
  OPENPCC_TRY(add("gateway", {"openpcc-gateway"}, listen,
                  fmt::format("listen = {}\nauthority = \"{}\"\nnodes = {}\nkey_file = {}\nbundle_folder = {}\npoll_interval = \"200ms\"\n",
                              toml_text(listen.to_string()), kAuthority, toml_list(nodes_), toml_text(key("gateway").string()),
                              toml_text((out_.folder / "bundle").string()))));
  gateway_ = listen;
  return {};
}

Result<> Preparation::add_relay(size_t number) {
  const std::string name = fmt::format("relay-{}", number);
  const http::Endpoint listen = ports_.next();
  // Each relay's own hop to the gateway, so that a capture tells them apart.
  const http::Endpoint gateway = tapped(fmt::format("gateway-from-{}", name), gateway_);
  OPENPCC_TRY(add(name, {"openpcc-relay"}, listen,
                  fmt::format("listen = {}\ngateway = {}\n", toml_text(listen.to_string()), toml_text(gateway.to_string()))));
  relays_.push_back(tapped(name, listen));
  return {};
}

Result<> Preparation::add_directory() {
  return add(
      "directory", {"openpcc", "directory", "build"}, {},
      fmt::format("nodes = {}\ngateway = {}\ngateway_authority = \"{}\"\nrelays = []\npolicy = {}\ndirectory_key_file = {}\n"
                  "beacon_key_file = {}\nout = {}\n",
                  toml_list(bare_nodes_), toml_text(gateway_.to_string()), kAuthority, toml_text(out_.policy.string()),
                  toml_text(key("directory").string()), toml_text(key("beacon").string()), toml_text((out_.folder / "bundle").string())));
}

Result<> Preparation::add_proxy() {
  http::Endpoint listen =
      options_.port == 0 ? ports_.next()
                         : http::Endpoint{.kind = http::Endpoint::Kind::tcp, .host = "127.0.0.1", .port = options_.port, .base_path = {}};
  // Where fewer nodes run than an envelope has recipients by default, it is sealed to all of them.
  const size_t recipients = std::min<size_t>(2, options_.nodes);
  OPENPCC_TRY(add("proxy", {"openpcc", "proxy"}, listen,
                  fmt::format("listen = {}\nrelays = {}\npolicy = {}\nrecipients = {}\nrefresh_interval = \"2s\"\n",
                              toml_text(listen.to_string()), toml_list(relays_), toml_text(out_.policy.string()), recipients)));
  out_.proxy = listen;
  return {};
}

}  // namespace

const Party* Deployment::find(std::string_view name) const {
  const auto found = std::find_if(parties.begin(), parties.end(), [&](const Party& party) { return party.name == name; });
  return found == parties.end() ? nullptr : &*found;
}

Result<Deployment> prepare(const UpOptions& options, const fs::path& folder) {
  // Each program has a port of its own, one for its admin endpoint, and one for a tap before it.
  OPENPCC_LET(Ports ports, Ports::draw(3 * (2 * options.nodes + 6)));
  return Preparation(options, folder, std::move(ports)).run();
}

}  // namespace openpcc::app
