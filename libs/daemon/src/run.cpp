#include <csignal>
#include <cstdio>

#include "admin.h"
#include "openpcc/daemon/daemon.h"

namespace openpcc::daemon {
namespace {

using namespace std::chrono_literals;
using http::Milliseconds;
using http::Task;

Log::Format format_of(const CommonSettings& common) { return common.log_format == "json" ? Log::Format::json : Log::Format::text; }

Level level_of(const CommonSettings& common) {
  if (common.log_level == "debug") return Level::debug;
  if (common.log_level == "warning") return Level::warning;
  return common.log_level == "error" ? Level::error : Level::info;
}

// Process is one running daemon. Its members die in reverse order: first what was made with the loop, and what may own such things; then the
// loop, with every coroutine; then what the coroutines use.
class Process final : public Daemon {
 public:
  Process(std::string_view program, const Options& options, const CommonSettings& common)
      : options_(options),
        common_(common),
        log_(program, format_of(common), level_of(common), clock_),
        admin_([this] { return is_ready(); }, [this] { return metrics_text(); }),
        drained_(loop_.executor()) {}

  http::Loop& loop() override { return loop_; }
  const Clock& clock() override { return clock_; }
  Log& log() override { return log_; }
  Metrics& metrics() override { return metrics_; }
  const Options& options() override { return options_; }

  Result<http::Endpoint> serve(const http::Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> tls, http::Handler handler,
                               http::ServerLimits limits) override {
    OPENPCC_LET(auto server, http::Server::listen(loop_, endpoint, std::move(tls), std::move(handler), limits));
    servers_.push_back(std::move(server));
    log_.write(Event::listening, {Field::endpoint(servers_.back()->endpoint())});
    return servers_.back()->endpoint();
  }
  void serve_admin(std::string_view method, std::string_view path, http::Handler handler) override {
    admin_.add(method, path, std::move(handler));
  }
  void ready_when(std::function<bool()> condition) override { conditions_.push_back(std::move(condition)); }
  void at_end(std::function<Task<>()> work) override { endings_.push_back(std::move(work)); }
  void stop(int exit_status) override { begin_drain(0, exit_status); }

  int run(const Start& start);

 private:
  Result<> serve_admin_endpoint();
  std::string metrics_text();
  bool is_ready() const;
  Task<> watch_readiness();
  void begin_drain(int signal, int exit_status);
  Task<> drain();
  Task<> drain_one(http::Server& server);
  Task<> report_stragglers();

  const Options& options_;
  const CommonSettings& common_;
  http::SystemClock clock_;
  Log log_;
  Metrics metrics_;
  size_t dropped_counted_ = 0;
  bool draining_ = false;
  bool was_ready_ = false;
  int exit_status_ = 0;
  size_t draining_servers_ = 0;
  http::Loop loop_;
  Admin admin_;
  std::vector<std::function<bool()>> conditions_;
  std::vector<std::function<Task<>()>> endings_;
  http::Event drained_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::unique_ptr<http::Server> admin_server_;
};

int Process::run(const Start& start) {
  log_.write(Event::starting);
  Result<> started = start(*this);
  if (started && common_.admin_enabled) started = serve_admin_endpoint();
  if (!started) {
    // Only what stands in the configuration can be at fault here: no request has been read yet, so the detail may be shown.
    std::fprintf(stderr, "%s\n", describe(started.error()).c_str());
    log_.write(Event::stopped, {Field::rule(started.error()), Field::status(1)});
    return 1;
  }
  loop_.on_signal({SIGTERM, SIGINT}, [this](int signal) { begin_drain(signal, exit_status_); });
  loop_.spawn(watch_readiness());
  loop_.run();
  log_.write(Event::stopped, {Field::status(static_cast<uint16_t>(exit_status_))});
  return exit_status_;
}

Result<> Process::serve_admin_endpoint() {
  OPENPCC_LET(admin_server_,
              http::Server::listen(loop_, common_.admin, nullptr, [this](http::ServerExchange& e) { return admin_.handle(e); }));
  log_.write(Event::admin_listening, {Field::endpoint(admin_server_->endpoint())});
  return {};
}

std::string Process::metrics_text() {
  const size_t dropped = log_.lines_dropped();
  metrics_.add(Counter::log_lines_dropped, dropped - std::exchange(dropped_counted_, dropped));
  metrics_.set(Gauge::ready, is_ready() ? 1 : 0);
  return metrics_.text();
}

bool Process::is_ready() const {
  if (draining_) return false;
  for (const auto& condition : conditions_) {
    if (!condition()) return false;
  }
  return true;
}

Task<> Process::watch_readiness() {
  while (!draining_) {
    const bool ready = is_ready();
    if (ready != std::exchange(was_ready_, ready)) log_.write(ready ? Event::ready : Event::not_ready);
    const Milliseconds pause = 200ms;
    co_await http::sleep_for(pause);
  }
}

void Process::begin_drain(int signal, int exit_status) {
  exit_status_ = exit_status;
  if (std::exchange(draining_, true)) {
    if (signal != 0) loop_.stop();  // the second signal: whoever sent it does not want to wait
    return;
  }
  log_.write(Event::draining, {Field::signal(signal), Field::limit(common_.drain_timeout)});
  loop_.spawn(drain());
}

Task<> Process::drain() {
  draining_servers_ = servers_.size();
  for (const auto& server : servers_) loop_.spawn(drain_one(*server));
  loop_.spawn(report_stragglers());
  while (draining_servers_ > 0) {
    const Milliseconds pause = 1s;
    co_await drained_.wait(pause);
  }
  for (const auto& ending : endings_) {
    Task<> work = ending();
    co_await std::move(work);
  }
  loop_.stop();
}

// report_stragglers looks just before the time is up, when what still runs is about to be cut off.
Task<> Process::report_stragglers() {
  const Milliseconds before_end = std::max<Milliseconds>(common_.drain_timeout - 10ms, 0ms);
  co_await http::sleep_for(before_end);
  size_t running = 0;
  for (const auto& server : servers_) running += server->exchanges_running();
  if (running > 0) log_.write(Event::drain_incomplete, {Field::count(running)});
}

Task<> Process::drain_one(http::Server& server) {
  const Milliseconds limit = common_.drain_timeout;
  co_await server.drain(limit);
  --draining_servers_;
  drained_.set();
}

}  // namespace

void CommonSettings::declare(Options& options) {
  options.add("drain_timeout", drain_timeout, "how long running requests may go on after SIGTERM");
  options.add("admin.enabled", admin_enabled, "whether /livez, /readyz and /metrics are served");
  options.add("admin.listen", admin, "where they are served; whoever reaches it sees counters, never requests");
  options.add("log.format", log_format, Choices{"text", "json"}, "how log lines are written to stderr");
  options.add("log.level", log_level, Choices{"debug", "info", "warning", "error"}, "the least level that is written");
}

int run(int argc, char** argv, Options options, const Start& start, std::string_view admin) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that left shows as an error of its own exchange
  CommonSettings common;
  auto endpoint = http::Endpoint::parse(admin);
  OPENPCC_CHECK(endpoint.has_value());
  common.admin = std::move(*endpoint);
  common.declare(options);

  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto loaded = options.load(arguments, current_environment());
  if (!loaded) {
    std::fprintf(stderr, "%s: %s\n", argv[0], describe(loaded.error()).c_str());
    return 2;
  }
  if (*loaded) {
    std::fputs((*loaded)->c_str(), stdout);
    return 0;
  }
  Process process(options.program(), options, common);
  return process.run(start);
}

}  // namespace openpcc::daemon
