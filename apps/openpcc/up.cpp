// `openpcc up`: a whole deployment on this machine, every party a process of its own.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>

#include "commands.h"
#include "deployment.h"
#include "files.h"
#include "openpcc/daemon/supervisor.h"
#include "openpcc/http/client.h"
#include "tap.h"

namespace openpcc::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr http::Milliseconds kReadyTimeout{30'000};
constexpr http::Milliseconds kStopTimeout{5'000};
constexpr size_t kAnswerBytesMax = 8u << 20;

fs::path programs_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

// A temporary folder is the deployment's own and goes with it.
struct Folder {
  fs::path path;
  bool temporary = false;
  ~Folder() {
    std::error_code ignored;
    if (temporary) fs::remove_all(path, ignored);
  }
};

Result<> choose_folder(const fs::path& wanted, Folder& folder) {
  if (!wanted.empty()) {
    std::error_code failed;
    fs::create_directories(wanted, failed);
    if (failed) return fail(Code::internal, "app.file.write", wanted.string() + ": " + failed.message());
    folder.path = fs::canonical(wanted);
    return {};
  }
  std::string name = (fs::temp_directory_path() / "openpcc-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return fail(Code::internal, "app.file.write", name);
  folder.path = name;
  folder.temporary = true;
  return {};
}

class Up {
 public:
  explicit Up(const UpOptions& options) : options_(options), client_(http::Client::create(loop_, nullptr)) {}

  int run() {
    const auto started = start();
    if (!started) {
      fmt::print(stderr, "openpcc up: {}\n", describe(started.error()));
      return kInternal;
    }
    loop_.on_signal({SIGINT, SIGTERM, SIGHUP}, [this](int) { loop_.spawn(stop(kAccept)); });
    loop_.spawn(watch());
    loop_.run();
    return exit_code_;
  }

 private:
  Result<> start() {
    OPENPCC_TRY(choose_folder(options_.folder, folder_));
    OPENPCC_LET(deployment_, prepare(options_, folder_.path));
    for (const Hop& hop : deployment_.hops) {
      OPENPCC_LET(auto tap, Tap::open(loop_, hop.name, hop.listen, hop.target, folder_.path / "capture"));
      taps_.push_back(std::move(tap));
    }
    supervisor_ = std::make_unique<daemon::Supervisor>(loop_, [](const std::string& line) { fmt::print(stderr, "up: {}\n", line); });
    for (const Party& party : deployment_.parties) {
      daemon::ChildProgram program{.name = party.name, .command = party.command, .output = log_of(party.name)};
      program.command[0] = (programs_folder() / party.command[0]).string();
      OPENPCC_TRY(supervisor_->start(std::move(program)));
    }
    return {};
  }

  http::Task<bool> is_ready(const Party& party) {
    http::RequestHead head;
    head.method = "GET";
    head.target = "/readyz";
    const auto answer = co_await client_->fetch(party.admin, std::move(head), Bytes{}, kAnswerBytesMax);
    co_return answer && answer->head.status == 200;
  }

  http::Task<bool> wait_for(const Party& party) {
    const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
    while (std::chrono::steady_clock::now() < deadline) {
      const bool ready = co_await is_ready(party);
      if (ready) co_return true;
      const http::Milliseconds step(50);
      co_await http::sleep_for(step);
    }
    co_return false;
  }

  http::Task<> watch() {
    for (const Party& party : deployment_.parties) {
      const bool ready = co_await wait_for(party);
      if (ready) continue;
      fmt::print(stderr, "openpcc up: {} did not become ready; the end of its log:\n{}\n", party.name, log_tail(party.name));
      co_await stop(kInternal);
      co_return;
    }
    write_state();
    co_await print_summary();
  }

  fs::path log_of(std::string_view name) const { return folder_.path / "log" / fmt::format("{}.log", name); }

  std::string log_tail(std::string_view name) const {
    std::ifstream in(log_of(name));
    const std::string text(std::istreambuf_iterator<char>(in), {});
    return text.substr(text.size() > 2000 ? text.size() - 2000 : 0);
  }

  // state.json tells other programs what runs where.
  void write_state() const {
    json::object parties;
    const auto pids = supervisor_->running();
    for (const Party& party : deployment_.parties) {
      const auto pid = pids.find(party.name);
      parties[party.name] = {{"pid", pid == pids.end() ? 0 : pid->second},
                             {"listen", party.listen.host.empty() ? "" : party.listen.to_string()},
                             {"admin", party.admin.to_string()}};
    }
    const json::value state = {
        {"proxy", deployment_.proxy.to_string()}, {"policy", deployment_.policy.string()}, {"parties", std::move(parties)}};
    const std::string text = json::serialize(state) + "\n";
    const auto written = replace_file(folder_.path / "state.json", as_bytes(text));
    if (!written) fmt::print(stderr, "openpcc up: {}\n", describe(written.error()));
  }

  http::Task<> print_summary() {
    fmt::print("\n  {:<12} {:<44} {}\n", "party", "serves", "learns");
    for (const Party& party : deployment_.parties) {
      fmt::print("  {:<12} {:<44} {}\n", party.name, party.listen.host.empty() ? "-" : party.listen.to_string(), learns(party.name));
    }
    http::RequestHead head;
    head.method = "GET";
    head.target = "/openpcc/verdict";
    const auto answer = co_await client_->fetch(deployment_.proxy, std::move(head), Bytes{}, kAnswerBytesMax);
    if (answer) print_verdict(as_text(answer->body));
    fmt::print("\nOne person runs every role here, and the TEE is software: this shows how it works, it protects nothing.\n");
    fmt::print("keys, configurations and logs: {}\n", folder_.path.string());
    fmt::print("base URL for applications: {}/v1     (Ctrl-C ends everything)\n\n", deployment_.proxy.to_string());
    fmt::print(
        "  curl -N {}/v1/chat/completions -H 'content-type: application/json' \\\n"
        "    -d '{{\"model\":\"{}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Who can read this?\"}}]}}'\n",
        deployment_.proxy.to_string(), options_.model);
    std::fflush(stdout);
  }

  static std::string_view learns(std::string_view name) {
    if (name.starts_with("engine")) return "the prompt, inside the node";
    if (name.starts_with("node")) return "the prompt, and forgets it; never who asks";
    if (name == "gateway") return "sizes, times, which nodes; neither who nor what";
    if (name.starts_with("relay")) return "who asks, sizes, times; not what";
    if (name == "directory") return "public data: evidence, keys";
    return "everything: it is yours";
  }

  static void print_verdict(std::string_view text) {
    boost::system::error_code failed;
    const json::value list = json::parse(text, failed);
    const json::value* nodes = failed ? nullptr : list.find_pointer("/nodes", failed);
    if (nodes == nullptr || !nodes->is_array()) return;
    fmt::print("\nverdict of the proxy on each node's evidence (openpcc verify --explain says why):\n");
    for (const json::value& node : nodes->as_array()) {
      boost::system::error_code absent;
      const json::value* id = node.find_pointer("/node_id", absent);
      const json::value* outcome = node.find_pointer("/outcome", absent);
      const bool known = id != nullptr && id->is_string() && outcome != nullptr && outcome->is_string();
      if (known) fmt::print("  node {}…  {}\n", std::string_view(id->as_string()).substr(0, 16), std::string_view(outcome->as_string()));
    }
  }

  http::Task<> stop(int exit_code) {
    if (stopping_) co_return;
    stopping_ = true;
    exit_code_ = exit_code;
    co_await supervisor_->stop_all(kStopTimeout);
    loop_.stop();
  }

  const UpOptions& options_;
  http::Loop loop_;
  std::unique_ptr<http::Client> client_;
  Folder folder_;
  Deployment deployment_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::unique_ptr<daemon::Supervisor> supervisor_;
  bool stopping_ = false;
  int exit_code_ = kAccept;
};

}  // namespace

int run_up(const UpOptions& options) { return Up(options).run(); }

}  // namespace openpcc::app
