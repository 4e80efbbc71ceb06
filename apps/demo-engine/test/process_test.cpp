// The program itself: its life, its chat, its faults.
#include "process.h"

namespace openpcc::demo_engine {
namespace {

constexpr std::string_view kQuestion = R"("model":"openpcc-demo","messages":[{"role":"user","content":"What reached you?"}])";

std::string body(std::string_view more = {}) { return "{" + std::string(kQuestion) + std::string(more) + "}"; }

// chunks_of are the events but [DONE].
std::vector<json::value> chunks_of(std::string_view stream) {
  auto out = events_of(stream);
  if (!out.empty() && out.back() == "[DONE]") out.pop_back();
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
    const auto events = chunks_of(as_text(streamed.body));
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
    EXPECT_EQ(chunks_of(text).back().at("choices").at(0).at("finish_reason"), "stop");
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
