// Child processes of `openpcc up`: started, watched, restarted when they die, and ended with us.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "openpcc/http/loop.h"

namespace openpcc::app {

struct Program {
  std::string name;                 // unique; also the name of its log file
  std::vector<std::string> command; // command[0]: path of the executable
};

class Supervisor {
 public:
  // `log_folder` exists. `report` is told in one line when a child dies or is restarted.
  Supervisor(http::Loop& loop, std::filesystem::path log_folder, std::function<void(const std::string&)> report);
  // The destructor ends what still runs.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // start runs a program with its output in <log_folder>/<name>.log. Errors: up.spawn.
  Result<> start(Program program);
  // stop_all sends SIGTERM in reverse order of starting, waits up to `timeout`, then SIGKILL.
  http::Task<> stop_all(http::Milliseconds timeout);

  std::map<std::string, pid_t> running() const;

 private:
  struct Child {
    Program program;
    pid_t pid = -1;
    std::chrono::steady_clock::time_point started;
  };

  Result<pid_t> spawn(const Program& program);
  void reap();
  http::Task<> restart_later(size_t child, http::Milliseconds after);

  http::Loop& loop_;
  std::filesystem::path log_folder_;
  std::function<void(const std::string&)> report_;
  std::vector<Child> children_;
  bool stopping_ = false;
};

}  // namespace openpcc::app
