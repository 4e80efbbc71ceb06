// The program itself, as a fixture: real processes, real sockets, our HTTP client.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "openpcc/http/client.h"

namespace openpcc::demo_engine {

using namespace std::chrono_literals;
using http::Task;

// Process runs the program until it is destroyed or told to stop; its log tells where it listens.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    arguments.insert(arguments.begin(), {OPENPCC_DEMO_ENGINE, "--log-format", "json", "--admin-listen", "http://127.0.0.1:0"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    EXPECT_EQ(::posix_spawn(&pid_, OPENPCC_DEMO_ENGINE, &actions, nullptr, argv.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    stderr_ = ends[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
    ::close(stderr_);
  }

  // endpoint waits for the log to tell it ("listening", "admin_listening").
  http::Endpoint endpoint(std::string_view event) {
    for (std::string line = read_line(); !line.empty(); line = read_line()) {
      const auto parsed = json::parse(line);
      if (parsed.at("event") != json::string_view(event)) continue;
      auto endpoint = http::Endpoint::parse(std::string(parsed.at("endpoint").as_string()));
      EXPECT_OK(endpoint);
      return *endpoint;
    }
    ADD_FAILURE() << "the program never said " << event;
    return {};
  }
  std::string rest_of_log() {
    std::string out;
    for (std::string line = read_line(); !line.empty(); line = read_line()) out += line;
    return out;
  }
  void signal(int number) const { ::kill(pid_, number); }
  // wait returns the exit status.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  std::string read_line() {
    std::string out;
    for (char c; ::read(stderr_, &c, 1) == 1;) {
      out += c;
      if (c == '\n') break;
    }
    return out;
  }

  pid_t pid_ = -1;
  int stderr_ = -1;
};

class ProcessTest : public testing::Test {
 public:  // the tests' coroutines are not members
  void start(std::vector<std::string> arguments = {}, const std::string& listen = "http://127.0.0.1:0") {
    arguments.insert(arguments.begin(), {"--listen", listen});
    process_ = std::make_unique<Process>(std::move(arguments));
    api_ = process_->endpoint("listening");
    admin_ = process_->endpoint("admin_listening");
  }

  // run drives one coroutine to its end.
  void run(Task<> task) {
    loop_.spawn(finish(std::move(task)));
    loop_.run();
  }
  Task<> finish(Task<> task) {
    co_await std::move(task);
    loop_.stop();
  }

  Task<http::Client::Answer> fetch(const http::Endpoint& endpoint, std::string method, std::string target, std::string text,
                                   http::Fields more = {}) {
    http::RequestHead head{.method = std::move(method), .target = std::move(target), .authority = {}, .fields = std::move(more)};
    const ByteSpan view = as_bytes(text);
    Bytes bytes(view.begin(), view.end());
    const size_t most = 16 << 20;
    Task<Result<http::Client::Answer>> fetching = client_->fetch(endpoint, std::move(head), std::move(bytes), most);
    auto answer = co_await std::move(fetching);
    EXPECT_OK(answer);
    if (!answer) co_return http::Client::Answer{};
    co_return std::move(*answer);
  }
  Task<http::Client::Answer> post(std::string text, http::Fields more = {}) {
    more.add("content-type", "application/json");
    return fetch(api_, "POST", "/v1/chat/completions", std::move(text), std::move(more));
  }
  Task<http::Client::Answer> admin(std::string method, std::string target, std::string text = {}) {
    return fetch(admin_, std::move(method), std::move(target), std::move(text));
  }
  // metric reads one value from /metrics, -1 where it is absent.
  Task<double> metric(std::string name) {
    Task<http::Client::Answer> asking = admin("GET", "/metrics");
    const auto answer = co_await std::move(asking);
    const std::string text = "\n" + std::string(as_text(answer.body));
    const size_t found = text.find("\n" + name + " ");
    co_return found == std::string::npos ? -1 : std::stod(text.substr(found + name.size() + 2));
  }
  // metric_becomes waits until a counter has at least this value.
  Task<bool> metric_becomes(std::string name, double least) {
    for (int i = 0; i < 200; ++i) {
      Task<double> asking = metric(name);
      const double value = co_await std::move(asking);
      if (value >= least) co_return true;
      const http::Milliseconds pause = 10ms;
      co_await http::sleep_for(pause);
    }
    co_return false;
  }

  // send_request sends a question and returns before its answer.
  Task<std::unique_ptr<http::ClientExchange>> send_request(std::string text, std::string target = "/v1/chat/completions",
                                                           std::string type = "application/json") {
    http::RequestHead head{.method = "POST", .target = std::move(target), .authority = {}, .fields = {}};
    head.fields.add("content-type", type);
    const std::optional<uint64_t> length = text.size();
    Task<Result<std::unique_ptr<http::ClientExchange>>> opening = client_->open(api_, std::move(head), length);
    auto exchange = co_await std::move(opening);
    EXPECT_OK(exchange);
    if (!exchange) co_return nullptr;
    const ByteSpan bytes = as_bytes(text);
    const Result<> written = co_await (*exchange)->write(bytes);
    EXPECT_OK(written);
    const Result<> finished = co_await (*exchange)->finish_request();
    EXPECT_OK(finished);
    co_return std::move(*exchange);
  }
  // open_stream also waits for the answer's head.
  Task<std::unique_ptr<http::ClientExchange>> open_stream(std::string text, std::string target = "/v1/chat/completions",
                                                          std::string type = "application/json") {
    Task<std::unique_ptr<http::ClientExchange>> sending = send_request(std::move(text), std::move(target), std::move(type));
    auto exchange = co_await std::move(sending);
    if (exchange == nullptr) co_return nullptr;
    const auto answer = co_await exchange->read_head();
    EXPECT_OK(answer);
    co_return exchange;
  }
  // read_until appends to `text` until it holds `part`, or the answer ends ("ended") or fails (its rule).
  Task<std::string> read_until(http::ClientExchange& exchange, std::string& text, std::string_view part) {
    while (text.find(part) == std::string::npos) {
      const auto piece = co_await exchange.read();
      if (!piece) co_return std::string(piece.error().rule.id());
      if (piece->empty()) co_return "ended";
      text += as_text(*piece);
    }
    co_return "found";
  }

  http::Loop loop_;
  std::unique_ptr<http::Client> client_ = http::Client::create(loop_, nullptr);
  std::unique_ptr<Process> process_;
  http::Endpoint api_;
  http::Endpoint admin_;
};

}  // namespace openpcc::demo_engine
