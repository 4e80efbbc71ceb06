// run() from its command line to its exit status, in this process; the admin endpoint is a UNIX socket, whose place is known beforehand.
#include "openpcc/daemon/daemon.h"

#include <unistd.h>

#include <csignal>

#include "openpcc/http/client.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

using namespace std::chrono_literals;
using http::Task;

class DaemonTest : public testing::Test {
 public:  // the tests' coroutines are not members
  ~DaemonTest() override {
    ::unlink(socket("admin").c_str());
    ::unlink(socket("work").c_str());
  }
  static std::string socket(std::string_view name) {
    return testing::TempDir() + "openpcc-daemon-" + std::to_string(::getpid()) + "-" + std::string(name);
  }
  static http::Endpoint endpoint(std::string_view name) {
    return {.kind = http::Endpoint::Kind::unix_socket, .host = socket(name), .port = 0, .base_path = ""};
  }

  static int run(const Start& start, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"openpcc-test", "--log-level", "error", "--admin-listen", "unix:" + socket("admin")});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    return daemon::run(static_cast<int>(argv.size()), argv.data(), Options({"openpcc-test", "Tests the life of a daemon."}), start);
  }

  // get asks one of the endpoints; status 0 where nobody answers.
  static Task<http::Client::Answer> get(http::Loop& loop, std::string name, std::string method, std::string target) {
    const auto client = http::Client::create(loop, nullptr);
    http::RequestHead head{.method = std::move(method), .target = std::move(target), .authority = {}, .fields = {}};
    const http::Endpoint where = endpoint(name);
    const size_t most = 1 << 20;
    Task<Result<http::Client::Answer>> fetching = client->fetch(where, std::move(head), {}, most);
    auto answer = co_await std::move(fetching);
    if (!answer) co_return http::Client::Answer{.head = {.status = 0, .fields = {}}, .body = {}};
    co_return std::move(*answer);
  }
};

Task<> answer_after(http::ServerExchange& exchange, http::Milliseconds pause) {
  co_await http::sleep_for(pause);
  const std::string text = "done";
  http::ResponseHead head;
  const ByteSpan body = as_bytes(text);
  Task<Result<>> responding = exchange.respond_with(std::move(head), body);
  const Result<> sent = co_await std::move(responding);
  EXPECT_OK(sent);
}

TEST_F(DaemonTest, serves_its_admin_endpoint) {
  bool ready = false;
  const auto look = [](Daemon& daemon, bool& condition) -> Task<> {
    Task<http::Client::Answer> asking = get(daemon.loop(), "admin", "GET", "/livez");
    const auto alive = co_await std::move(asking);
    EXPECT_EQ(alive.head.status, 200);
    asking = get(daemon.loop(), "admin", "GET", "/readyz");
    const auto not_ready = co_await std::move(asking);
    EXPECT_EQ(not_ready.head.status, 503);
    condition = true;
    asking = get(daemon.loop(), "admin", "GET", "/readyz?verbose");
    const auto is_ready = co_await std::move(asking);
    EXPECT_EQ(is_ready.head.status, 200);
    asking = get(daemon.loop(), "admin", "GET", "/metrics");
    const auto metrics = co_await std::move(asking);
    EXPECT_NE(as_text(metrics.body).find("openpcc_requests_total 3\n"), std::string::npos);
    EXPECT_NE(as_text(metrics.body).find("openpcc_ready 1\n"), std::string::npos);
    asking = get(daemon.loop(), "admin", "GET", "/own");
    const auto own = co_await std::move(asking);
    EXPECT_EQ(as_text(own.body), "done");
    asking = get(daemon.loop(), "admin", "GET", "/nothing");
    const auto nothing = co_await std::move(asking);
    EXPECT_EQ(nothing.head.status, 404);
    asking = get(daemon.loop(), "admin", "DELETE", "/livez");
    const auto method = co_await std::move(asking);
    EXPECT_EQ(method.head.status, 405);
    daemon.stop();
  };
  const int status = run([&](Daemon& daemon) -> Result<> {
    daemon.metrics().add(Counter::requests, 3);
    daemon.ready_when([&ready] { return ready; });
    daemon.serve_admin("GET", "/own", [](http::ServerExchange& exchange) { return answer_after(exchange, 0ms); });
    daemon.loop().spawn(look(daemon, ready));
    return {};
  });
  EXPECT_EQ(status, 0);
}

TEST_F(DaemonTest, a_signal_lets_running_work_end) {
  bool ended = false;
  const auto ask = [](Daemon& daemon, bool& ending_ran) -> Task<> {
    Task<http::Client::Answer> asking = get(daemon.loop(), "work", "GET", "/");
    const auto answer = co_await std::move(asking);
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_FALSE(ending_ran);
  };
  const auto end = [](bool& ending_ran) -> Task<> {
    ending_ran = true;
    co_return;
  };
  const int status = run([&](Daemon& daemon) -> Result<> {
    OPENPCC_TRY(daemon.serve(endpoint("work"), nullptr, [](http::ServerExchange& exchange) {
      ::raise(SIGTERM);
      return answer_after(exchange, 100ms);
    }));
    daemon.at_end([&] { return end(ended); });
    daemon.loop().spawn(ask(daemon, ended));
    return {};
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(ended);
}

TEST_F(DaemonTest, a_second_signal_does_not_wait) {
  const auto began = std::chrono::steady_clock::now();
  const auto ask = [](Daemon& daemon) -> Task<> {
    Task<http::Client::Answer> asking = get(daemon.loop(), "work", "GET", "/");
    co_await std::move(asking);
  };
  const auto interrupt = []() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      const http::Milliseconds pause = 50ms;
      co_await http::sleep_for(pause);
      ::raise(SIGINT);
    }
  };
  const int status = run([&](Daemon& daemon) -> Result<> {
    OPENPCC_TRY(daemon.serve(endpoint("work"), nullptr, [](http::ServerExchange& exchange) { return answer_after(exchange, 20s); }));
    daemon.loop().spawn(ask(daemon));
    daemon.loop().spawn(interrupt());
    return {};
  });
  EXPECT_EQ(status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST_F(DaemonTest, stop_gives_the_exit_status) {
  const int status = run([](Daemon& daemon) -> Result<> {
    daemon.stop(1);
    return {};
  });
  EXPECT_EQ(status, 1);
}

TEST_F(DaemonTest, a_failed_start_is_status_1) {
  testing::internal::CaptureStderr();
  const int status = run([](Daemon&) -> Result<> { return fail(Code::internal, "test.start", "no such thing"); });
  EXPECT_EQ(status, 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("test.start: no such thing"), std::string::npos);
}

TEST_F(DaemonTest, a_bad_command_line_is_status_2) {
  testing::internal::CaptureStderr();
  const int status = run([](Daemon&) -> Result<> { return {}; }, {"--log-format", "xml"});
  EXPECT_EQ(status, 2);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("log.format expects \"text\" | \"json\""), std::string::npos);
}

TEST_F(DaemonTest, questions_about_itself_start_nothing) {
  for (const std::string_view question : {"--help", "--version", "--print-config"}) {
    testing::internal::CaptureStdout();
    const int status = run([](Daemon&) -> Result<> { return fail(Code::internal, "test.start"); }, {std::string(question)});
    EXPECT_EQ(status, 0);
    EXPECT_NE(testing::internal::GetCapturedStdout(), "") << question;
  }
}

}  // namespace
}  // namespace openpcc::daemon
