// The program itself: real processes, real sockets, our HTTP client.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "openpcc/http/client.h"
#include "openpcc/testkit/testkit.h"

extern char** environ;

namespace openpcc::demo_engine {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using http::Task;

constexpr std::string_view kQuestion = R"("model":"openpcc-demo","messages":[{"role":"user","content":"What reached you?"}])";

std::string body(std::string_view more = {}) { return "{" + std::string(kQuestion) + std::string(more) + "}"; }

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
  Task<std::unique_ptr<http::ClientExchange>> send_request(std::string text) {
    http::RequestHead head{
        .method = "POST", .target = "/v1/chat/completions", .authority = {}, .fields = {{"content-type", "application/json"}}};
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
  Task<std::unique_ptr<http::ClientExchange>> open_stream(std::string text) {
    Task<std::unique_ptr<http::ClientExchange>> sending = send_request(std::move(text));
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

std::vector<json::value> events_of(std::string_view stream) {
  std::vector<json::value> out;
  for (size_t at = 0; at < stream.size();) {
    const size_t end = stream.find("\n\n", at);
    if (end == std::string_view::npos) break;
    const std::string_view data = stream.substr(at, end - at);
    EXPECT_TRUE(data.starts_with("data: ")) << data;
    if (data != "data: [DONE]") out.push_back(json::parse(data.substr(6)));
    at = end + 2;
  }
  return out;
}

std::string content_of(const std::vector<json::value>& events, int64_t choice) {
  std::string out;
  for (const json::value& event : events) {
    for (const json::value& c : event.at("choices").as_array()) {
      if (c.at("index") == choice) out += std::string(c.at("delta").at("content").as_string());
    }
  }
  return out;
}

TEST_F(ProcessTest, answers_models_health_and_what_does_not_exist) {
  start();
  run([](ProcessTest& t) -> Task<> {
    Task<http::Client::Answer> asking = t.fetch(t.api_, "GET", "/v1/models", "");
    const auto models = co_await std::move(asking);
    EXPECT_EQ(json::parse(as_text(models.body)).at("data").at(0).at("id"), "openpcc-demo");
    asking = t.fetch(t.api_, "GET", "/health", "");
    const auto health = co_await std::move(asking);
    EXPECT_EQ(health.head.status, 200);
    EXPECT_TRUE(health.body.empty());
    asking = t.fetch(t.api_, "GET", "/v1/nothing", "");
    const auto nothing = co_await std::move(asking);
    EXPECT_EQ(nothing.head.status, 404);
    asking = t.fetch(t.api_, "GET", "/v1/chat/completions", "");
    const auto method = co_await std::move(asking);
    EXPECT_EQ(method.head.status, 405);
    asking = t.post("{");
    const auto malformed = co_await std::move(asking);
    EXPECT_EQ(malformed.head.status, 400);
    EXPECT_EQ(json::parse(as_text(malformed.body)).at("error").at("code"), 400);
  }(*this));
}

TEST_F(ProcessTest, whole_and_streamed_answers_say_the_same) {
  start();
  run([](ProcessTest& t) -> Task<> {
    Task<http::Client::Answer> asking = t.post(body());
    const auto whole = co_await std::move(asking);
    EXPECT_EQ(whole.head.status, 200);
    const auto parsed = json::parse(as_text(whole.body));
    const std::string text(parsed.at("choices").at(0).at("message").at("content").as_string());
    EXPECT_NE(text.find("Your question begins: \"What reached you?\""), std::string::npos) << text;
    EXPECT_NE(text.find("Names of the header fields: content-type"), std::string::npos) << text;

    asking = t.post(body(R"(,"stream":true,"stream_options":{"include_usage":true},"n":2)"));
    const auto streamed = co_await std::move(asking);
    EXPECT_EQ(streamed.head.fields.find("content-type"), "text/event-stream; charset=utf-8");
    EXPECT_TRUE(as_text(streamed.body).ends_with("data: [DONE]\n\n"));
    const auto events = events_of(as_text(streamed.body));
    EXPECT_EQ(events.front().at("choices").at(0).at("delta").at("role"), "assistant");
    EXPECT_EQ(content_of(events, 0), content_of(events, 1));
    EXPECT_NE(content_of(events, 0).find("Your question begins: \"What reached you?\""), std::string::npos);
    EXPECT_TRUE(events.back().at("choices").as_array().empty());
    const auto& usage = events.back().at("usage").as_object();
    EXPECT_EQ(usage.at("prompt_tokens"), parsed.at("usage").at("prompt_tokens"));
  }(*this));
}

TEST_F(ProcessTest, listens_on_a_unix_socket) {
  const std::string path = testing::TempDir() + "openpcc-demo-" + std::to_string(::getpid()) + ".sock";
  start({}, "unix:" + path);
  EXPECT_EQ(api_.kind, http::Endpoint::Kind::unix_socket);
  run([](ProcessTest& t) -> Task<> {
    Task<http::Client::Answer> asking = t.post(body(R"(,"max_tokens":3)"));
    const auto answer = co_await std::move(asking);
    EXPECT_EQ(json::parse(as_text(answer.body)).at("choices").at(0).at("finish_reason"), "length");
  }(*this));
  ::unlink(path.c_str());
}

TEST_F(ProcessTest, keeps_the_pace_that_it_is_told) {
  start({"--ttft", "60ms", "--tpot", "20ms"});
  run([](ProcessTest& t) -> Task<> {
    const auto began = std::chrono::steady_clock::now();
    Task<http::Client::Answer> asking = t.post(body(R"(,"max_tokens":5)"));
    co_await std::move(asking);
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_GE(took, 140ms);  // 60 + 4 * 20
    EXPECT_LT(took, 3s);
  }(*this));
}

TEST_F(ProcessTest, answers_no_more_at_once_than_it_is_told) {
  start({"--ttft", "100ms", "--concurrency", "1"});
  run([](ProcessTest& t) -> Task<> {
    const auto began = std::chrono::steady_clock::now();
    int left = 3;
    http::Event all(t.loop_.executor());
    const auto one = [](ProcessTest& test, int& count, http::Event& event) -> Task<> {
      Task<http::Client::Answer> asking = test.post(body(R"(,"max_tokens":1)"));
      co_await std::move(asking);
      if (--count == 0) event.set();
    };
    for (int i = 0; i < 3; ++i) t.loop_.spawn(one(t, left, all));
    const http::Milliseconds most = 10s;
    const auto all_done = co_await all.wait(most);
    EXPECT_TRUE(all_done);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
  }(*this));
}

TEST_F(ProcessTest, a_client_that_leaves_stops_the_generation) {
  start({"--tpot", "20ms"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true,"max_tokens":5000,"ignore_eos":true)"));
    auto exchange = co_await std::move(opening);
    std::string text;
    Task<std::string> reading = t.read_until(*exchange, text, "\"content\":\"I\"");
    const auto read = co_await std::move(reading);
    EXPECT_EQ(read, "found");
    exchange->abort();
    exchange.reset();
    Task<bool> waiting = t.metric_becomes("openpcc_cancelled_total", 1);
    const auto cancelled = co_await std::move(waiting);
    EXPECT_TRUE(cancelled);
    Task<double> asking = t.metric("openpcc_tokens_generated_total");
    const double tokens = co_await std::move(asking);
    EXPECT_LT(tokens, 200);
    const http::Milliseconds pause = 100ms;
    co_await http::sleep_for(pause);
    asking = t.metric("openpcc_tokens_generated_total");
    const auto tokens_later = co_await std::move(asking);
    EXPECT_EQ(tokens_later, tokens);
    asking = t.metric("openpcc_requests_running");
    const auto running = co_await std::move(asking);
    EXPECT_EQ(running, 0);
  }(*this));
}

TEST_F(ProcessTest, a_client_that_leaves_stops_a_whole_answer_too) {
  start({"--tpot", "20ms"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> sending = t.send_request(body(R"(,"max_tokens":5000,"ignore_eos":true)"));
    auto exchange = co_await std::move(sending);
    Task<bool> waiting = t.metric_becomes("openpcc_tokens_generated_total", 2);
    const auto generating = co_await std::move(waiting);
    EXPECT_TRUE(generating);
    exchange.reset();
    waiting = t.metric_becomes("openpcc_cancelled_total", 1);
    const auto cancelled = co_await std::move(waiting);
    EXPECT_TRUE(cancelled);
  }(*this));
}

TEST_F(ProcessTest, closes_at_the_chosen_byte) {
  run([](ProcessTest& t) -> Task<> {
    for (const size_t at : {size_t{0}, size_t{1}, size_t{300}, size_t{1777}}) {
      t.start({"--fault", "close@" + std::to_string(at)});
      for (const std::string_view stream : {R"(,"stream":true,"min_tokens":300)", R"(,"min_tokens":300)"}) {
        Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(stream));
        const auto exchange = co_await std::move(opening);
        std::string text;
        Task<std::string> reading = t.read_until(*exchange, text, "[DONE]");
        const std::string outcome = co_await std::move(reading);
        EXPECT_EQ(outcome, "http.client.truncated");
        EXPECT_EQ(text.size(), at);
      }
    }
  }(*this));
}

TEST_F(ProcessTest, holds_before_a_token_until_released) {
  start({"--fault-control"});
  run([](ProcessTest& t) -> Task<> {
    Task<http::Client::Answer> asking = t.admin("POST", "/fault", "hold@2");
    const auto set = co_await std::move(asking);
    EXPECT_EQ(set.head.status, 200);
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true)"));
    const auto exchange = co_await std::move(opening);
    std::string text;
    Task<std::string> reading = t.read_until(*exchange, text, "\"content\":\"I\"");
    const std::string first = co_await std::move(reading);
    EXPECT_EQ(first, "found");
    asking = t.admin("POST", "/release");
    const auto released = co_await std::move(asking);
    EXPECT_EQ(as_text(released.body), "1\n");
    reading = t.read_until(*exchange, text, "[DONE]");
    const std::string second = co_await std::move(reading);
    EXPECT_EQ(second, "found");
    EXPECT_EQ(events_of(text).back().at("choices").at(0).at("finish_reason"), "stop");
  }(*this));
}

TEST_F(ProcessTest, a_held_answer_sends_nothing_and_can_be_cancelled) {
  start({"--fault", "hold@2"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true)"));
    auto exchange = co_await std::move(opening);
    Task<bool> waiting = t.metric_becomes("openpcc_tokens_generated_total", 1);
    const bool begun = co_await std::move(waiting);
    EXPECT_TRUE(begun);
    const http::Milliseconds pause = 50ms;
    co_await http::sleep_for(pause);
    Task<double> asking = t.metric("openpcc_tokens_generated_total");
    const double tokens = co_await std::move(asking);
    EXPECT_EQ(tokens, 1);
    exchange.reset();
    waiting = t.metric_becomes("openpcc_cancelled_total", 1);
    const bool cancelled = co_await std::move(waiting);
    EXPECT_TRUE(cancelled);
  }(*this));
}

TEST_F(ProcessTest, a_hold_can_end_by_itself) {
  start({"--fault", "hold@2/80ms"});
  run([](ProcessTest& t) -> Task<> {
    const auto began = std::chrono::steady_clock::now();
    Task<http::Client::Answer> asking = t.post(body());
    const auto answer = co_await std::move(asking);
    EXPECT_EQ(answer.head.status, 200);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 80ms);
  }(*this));
}

TEST_F(ProcessTest, a_stalled_answer_keeps_its_connection) {
  start({"--fault", "stall@200"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true)"));
    auto exchange = co_await std::move(opening);
    Task<bool> waiting = t.metric_becomes("openpcc_answers_aborted_total", 1);
    const bool stalled = co_await std::move(waiting);
    EXPECT_TRUE(stalled);
    Task<double> asking = t.metric("openpcc_requests_running");
    const double running = co_await std::move(asking);
    EXPECT_EQ(running, 1);
    asking = t.metric("openpcc_answer_bytes_total");
    const double bytes = co_await std::move(asking);
    EXPECT_EQ(bytes, 200);
    exchange.reset();
    waiting = t.metric_becomes("openpcc_cancelled_total", 1);
    const bool cancelled = co_await std::move(waiting);
    EXPECT_TRUE(cancelled);
  }(*this));
}

TEST_F(ProcessTest, fails_and_talks_nonsense_when_told) {
  start({"--fault-control"});
  run([](ProcessTest& t) -> Task<> {
    Task<http::Client::Answer> asking = t.admin("POST", "/fault", "error");
    co_await std::move(asking);
    asking = t.post(body());
    const auto error = co_await std::move(asking);
    EXPECT_EQ(error.head.status, 500);
    EXPECT_EQ(json::parse(as_text(error.body)).at("error").at("type"), "InternalServerError");
    asking = t.admin("POST", "/fault", "garbage");
    co_await std::move(asking);
    asking = t.post(body());
    const auto garbage = co_await std::move(asking);
    EXPECT_EQ(garbage.head.status, 200);
    boost::system::error_code parsing;
    json::parse(as_text(garbage.body), parsing);
    EXPECT_TRUE(parsing.failed());
    asking = t.admin("POST", "/fault", "nonsense");
    const auto refused = co_await std::move(asking);
    EXPECT_EQ(refused.head.status, 400);
  }(*this));
}

TEST_F(ProcessTest, requests_choose_no_fault_unless_that_is_switched_on) {
  run([](ProcessTest& t) -> Task<> {
    for (const bool allowed : {false, true}) {
      if (allowed) t.start({"--fault-header"});
      if (!allowed) t.start();
      http::Fields fields;
      fields.add("openpcc-demo-fault", "error");
      Task<http::Client::Answer> asking = t.post(body(), std::move(fields));
      const auto answer = co_await std::move(asking);
      EXPECT_EQ(answer.head.status, allowed ? 500 : 200);
      asking = t.admin("POST", "/fault", "error");
      const auto control = co_await std::move(asking);
      EXPECT_EQ(control.head.status, 404);
    }
  }(*this));
}

TEST_F(ProcessTest, drains_on_sigterm) {
  start({"--tpot", "10ms", "--drain-timeout", "10s"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true,"max_tokens":30)"));
    const auto exchange = co_await std::move(opening);
    t.process_->signal(SIGTERM);
    std::string text;
    Task<std::string> reading = t.read_until(*exchange, text, "[DONE]");
    const std::string outcome = co_await std::move(reading);
    EXPECT_EQ(outcome, "found");
  }(*this));
  const std::string log = process_->rest_of_log();
  EXPECT_NE(log.find("\"event\":\"draining\",\"signal\":15"), std::string::npos) << log;
  EXPECT_NE(log.find("\"event\":\"stopped\",\"status\":0"), std::string::npos) << log;
  EXPECT_EQ(log.find("What reached you"), std::string::npos);
  EXPECT_EQ(process_->wait(), 0);
}

TEST_F(ProcessTest, a_drain_ends_when_its_time_is_up) {
  start({"--fault", "hold@2", "--drain-timeout", "200ms"});
  run([](ProcessTest& t) -> Task<> {
    Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(body(R"(,"stream":true)"));
    const auto exchange = co_await std::move(opening);
    t.process_->signal(SIGTERM);
    std::string text;
    Task<std::string> reading = t.read_until(*exchange, text, "[DONE]");
    const std::string outcome = co_await std::move(reading);
    EXPECT_EQ(outcome, "http.client.truncated");
  }(*this));
  EXPECT_NE(process_->rest_of_log().find("\"event\":\"drain_incomplete\",\"count\":1"), std::string::npos);
  EXPECT_EQ(process_->wait(), 0);
}

TEST(ProcessArguments, are_refused_with_status_2) {
  for (const std::vector<std::string>& bad :
       {std::vector<std::string>{"--no-such"}, {"--fault", "sometimes"}, {"--config", "/nonexistent"}}) {
    Process process(bad);
    EXPECT_EQ(process.wait(), 2);
  }
}

TEST(ProcessArguments, a_socket_that_cannot_be_bound_is_status_1) {
  Process process({"--listen", "unix:/nonexistent/folder/socket"});
  EXPECT_NE(process.rest_of_log().find("http.server.bind"), std::string::npos);
  EXPECT_EQ(process.wait(), 1);
}

}  // namespace
}  // namespace openpcc::demo_engine
