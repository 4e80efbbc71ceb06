// Child processes: started, watched, restarted when they die, and ended with us.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "openpcc/http/loop.h"

namespace openpcc::daemon {

struct ChildProgram {
  std::string name;                           // unique
  std::vector<std::string> command;           // command[0]: the executable's path, or a name to be looked for in PATH
  std::filesystem::path output = {};          // what it prints is appended here, readable by its owner alone; empty: discarded
  std::vector<std::string> environment = {};  // NAME=value, besides our own
};

class Supervisor {
 public:
  // `report` is told in one line when a child dies or is restarted.
  Supervisor(http::Loop& loop, std::function<void(const std::string&)> report);
  // The destructor ends what still runs.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // start runs a program, in a process group of its own. When it ends, what is left of the group is killed before it is started again: an
  // engine's workers must not hold memory, or answer, beside those of the next one. Errors: daemon.spawn.
  Result<> start(ChildProgram program);
  // stop_all sends SIGTERM in reverse order of starting, waits up to `timeout`, then kills what is left, with its own children.
  http::Task<> stop_all(http::Milliseconds timeout);

  std::map<std::string, pid_t> running() const;

 private:
  struct Child {
    ChildProgram program;
    pid_t pid = -1;
    std::chrono::steady_clock::time_point started;
  };

  Result<pid_t> spawn(const ChildProgram& program);
  void reap();
  http::Task<> restart_later(size_t child, http::Milliseconds after);

  http::Loop& loop_;
  std::function<void(const std::string&)> report_;
  std::vector<Child> children_;
  bool stopping_ = false;
};

}  // namespace openpcc::daemon
