#include "openpcc/daemon/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

namespace openpcc::daemon {
namespace {

// A child that lives shorter than this is restarted with a pause, so that a broken program does not spin.
constexpr auto kShortLife = std::chrono::seconds(5);
constexpr http::Milliseconds kPause{1'000};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

// end_of ends what a child that died leaves behind of its process group, and returns how it ended; nullopt: it lives. The group goes first:
// as long as nobody has waited for the child, its number is nobody else's.
std::optional<int> end_of(pid_t pid) {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid) return std::nullopt;
  kill(-pid, SIGKILL);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return std::nullopt;
  return status;
}

// Our own OPENPCC_* variables are settings of ours: handed on, OPENPCC_LISTEN would make every program listen in one place.
void forget_settings() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with("OPENPCC_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : names) unsetenv(name.c_str());
}

[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<std::string>& environment, int output, pid_t parent) {
  // A child must not outlive us, however we end; the check closes the gap between fork and prctl.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  setpgid(0, 0);  // Ctrl-C reaches us alone: we end the children in order
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  forget_settings();
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    setenv(entry.substr(0, equals).c_str(), equals == std::string::npos ? "" : entry.c_str() + equals + 1, 1);
  }
  execvp(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Supervisor::Supervisor(http::Loop& loop, std::function<void(const std::string&)> report) : loop_(loop), report_(std::move(report)) {
  loop_.on_signal({SIGCHLD}, [this](int) { reap(); });
}

Supervisor::~Supervisor() {
  for (const Child& child : children_) {
    if (child.pid > 0) kill(-child.pid, SIGKILL);
  }
}

Result<> Supervisor::start(ChildProgram program) {
  OPENPCC_LET(const pid_t pid, spawn(program));
  children_.push_back({std::move(program), pid, std::chrono::steady_clock::now()});
  return {};
}

Result<pid_t> Supervisor::spawn(const ChildProgram& program) {
  const std::string path = program.output.empty() ? "/dev/null" : program.output.string();
  const int output = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) return fail(Code::internal, "daemon.spawn", path + ": " + std::strerror(errno));
  std::vector<std::string> copies = program.command;
  std::vector<char*> arguments;
  for (std::string& copy : copies) arguments.push_back(copy.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(arguments, program.environment, output, parent);
  const int error = errno;
  close(output);
  if (pid < 0) return fail(Code::internal, "daemon.spawn", program.name + ": " + std::strerror(error));
  return pid;
}

void Supervisor::reap() {
  for (size_t i = 0; i < children_.size(); ++i) {
    Child& child = children_[i];
    if (child.pid <= 0) continue;
    const std::optional<int> status = end_of(child.pid);
    if (!status) continue;
    child.pid = -1;
    if (stopping_) continue;
    report_(child.program.name + " ended (" + how_it_ended(*status) + "); starting it again");
    const bool lived = std::chrono::steady_clock::now() - child.started > kShortLife;
    loop_.spawn(restart_later(i, lived ? http::Milliseconds(0) : kPause));
  }
}

http::Task<> Supervisor::restart_later(size_t child, http::Milliseconds after) {
  co_await http::sleep_for(after);
  if (stopping_) co_return;
  const auto pid = spawn(children_[child].program);
  if (!pid) {
    report_(describe(pid.error()));
    co_return;
  }
  children_[child].pid = *pid;
  children_[child].started = std::chrono::steady_clock::now();
}

http::Task<> Supervisor::stop_all(http::Milliseconds timeout) {
  stopping_ = true;
  for (size_t i = children_.size(); i-- > 0;) {
    if (children_[i].pid > 0) kill(children_[i].pid, SIGTERM);
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto alive = [](const Child& child) { return child.pid > 0; };
  while (std::any_of(children_.begin(), children_.end(), alive) && std::chrono::steady_clock::now() < deadline) {
    const http::Milliseconds step(20);
    co_await http::sleep_for(step);
    reap();
  }
  for (Child& child : children_) {
    if (child.pid > 0) kill(-child.pid, SIGKILL);
  }
}

std::map<std::string, pid_t> Supervisor::running() const {
  std::map<std::string, pid_t> out;
  for (const Child& child : children_) {
    if (child.pid > 0) out[child.program.name] = child.pid;
  }
  return out;
}

}  // namespace openpcc::daemon
