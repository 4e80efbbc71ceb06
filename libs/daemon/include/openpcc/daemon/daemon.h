// The life of a daemon: configuration, log, metrics, admin endpoint, signals, drain. A main() is a screenful:
//
//   int main(int argc, char** argv) {
//     Settings settings;
//     daemon::Options options({"openpcc-relay", "Forwards sealed requests …"});
//     settings.declare(options);
//     return daemon::run(argc, argv, std::move(options), [&](daemon::Daemon& daemon) -> Result<> {
//       auto relay = std::make_shared<relay::Relay>(daemon.loop(), settings…);
//       OPENPCC_LET(const http::Endpoint endpoint, daemon.serve(settings.listen, nullptr, [relay](auto& e) { return relay->handle(e); }));
//       return {};
//     });
//   }
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "openpcc/daemon/log.h"
#include "openpcc/daemon/metrics.h"
#include "openpcc/daemon/options.h"
#include "openpcc/http/loop.h"
#include "openpcc/http/server.h"

namespace openpcc::daemon {

// Daemon is what a program's start function builds on. All of it belongs to one loop.
class Daemon {
 public:
  virtual ~Daemon() = default;

  virtual http::Loop& loop() = 0;
  virtual const Clock& clock() = 0;
  virtual Log& log() = 0;
  virtual Metrics& metrics() = 0;
  // options are the program's own, already loaded.
  virtual const Options& options() = 0;

  // serve listens for the program's own work, says so in the log (event `listening`), and is drained at the end. Returns where it listens.
  virtual Result<http::Endpoint> serve(const http::Endpoint& endpoint, std::shared_ptr<const crypto::TlsContext> tls, http::Handler handler,
                                       http::ServerLimits limits = {}) = 0;
  // serve_admin adds a path of its own to the admin endpoint, beside /livez, /readyz and /metrics.
  virtual void serve_admin(std::string_view method, std::string_view path, http::Handler handler) = 0;
  // ready_when adds a condition to /readyz, which is true when all hold and no drain has begun.
  virtual void ready_when(std::function<bool()> condition) = 0;
  // at_end adds work for after the servers have drained, before the process leaves.
  virtual void at_end(std::function<http::Task<>()> work) = 0;
  // stop begins the drain, as SIGTERM does; run() then returns `exit_status`.
  virtual void stop(int exit_status = 0) = 0;
};

// CommonSettings are what every daemon has besides its own.
struct CommonSettings {
  bool admin_enabled = true;
  http::Endpoint admin;
  std::string log_format = "text";
  std::string log_level = "info";
  std::chrono::milliseconds drain_timeout{30'000};

  // declare adds admin.listen, admin.enabled, log.format, log.level and drain_timeout. run() does so itself; other readers of a daemon's
  // configuration need it.
  void declare(Options& options);
};

using Start = std::function<Result<>(Daemon&)>;

// run is the rest of main(): it adds the CommonSettings, loads everything, calls `start` once, and runs until SIGTERM or SIGINT; a second
// signal does not wait for the drain's end. Returns the exit status: 0, 1 when `start` failed or stop(1) was called, 2 for the command line or the configuration.
// `admin`: where the admin endpoint is by default; "http://127.0.0.1:0" lets the system choose the port.
int run(int argc, char** argv, Options options, const Start& start, std::string_view admin = "http://127.0.0.1:0");

}  // namespace openpcc::daemon
