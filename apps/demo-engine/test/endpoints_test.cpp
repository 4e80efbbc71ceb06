// Every generating endpoint of the program: pace, faults and cancellation are the engine's, whatever the API.
#include "process.h"

namespace openpcc::demo_engine {
namespace {

class EndpointsTest : public ProcessTest {};

constexpr std::string_view kFormType = "multipart/form-data; boundary=xyz";

std::string upload(std::string_view more) {
  return "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nabc\r\n" +
         std::string(more) + "--xyz--\r\n";
}

const std::string kStreamField = "--xyz\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n";

// Question is one way to ask an endpoint.
struct Question {
  std::string path;
  std::string body;
  std::string answer_type;  // its media type
  std::string end;          // what the last bytes of a streamed answer hold; empty: the answer is whole
  std::string type = "application/json";
};

constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

std::vector<Question> streamed() {
  const std::string events(kEventStream);
  const std::string form(kFormType);
  return {
      {"/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}],"stream":true})", events, "[DONE]"},
      {"/v1/completions", R"({"prompt":["x","y"],"max_tokens":60,"stream":true})", events, "[DONE]"},
      {"/v1/responses", R"({"input":"x","stream":true})", events, "response.completed"},
      {"/v1/messages", R"({"max_tokens":900,"messages":[{"role":"user","content":"x"}],"stream":true})", events, "message_stop"},
      {"/v1/audio/transcriptions", upload(kStreamField), events, "transcript.text.done", form},
      {"/v1/audio/translations", upload(kStreamField), events, "transcript.text.done", form},
  };
}

std::vector<Question> whole() {
  const std::string answer = "application/json";
  const std::string form(kFormType);
  return {
      {"/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}]})", answer, ""},
      {"/v1/completions", R"({"prompt":"x","max_tokens":60})", answer, ""},
      {"/v1/responses", R"({"input":"x"})", answer, ""},
      {"/v1/messages", R"({"max_tokens":900,"messages":[{"role":"user","content":"x"}]})", answer, ""},
      {"/v1/audio/transcriptions", upload(""), answer, "", form},
      {"/v1/audio/translations", upload(""), answer, "", form},
      {"/v1/embeddings", R"({"input":"x"})", answer, ""},
      {"/v1/images/generations", R"({"prompt":"x"})", answer, ""},
      {"/score", R"({"text_1":"x","text_2":"x and more words, for the answer to be long enough"})", answer, ""},
      {"/v1/score", R"({"text_1":"x","text_2":"x"})", answer, ""},
      {"/rerank", R"({"query":"x","documents":["x"]})", answer, ""},
      {"/v1/rerank", R"({"query":"x","documents":["x"]})", answer, ""},
  };
}

const Question kSpeech{"/v1/audio/speech", R"({"input":"one two three"})", "audio/wav", ""};

std::vector<Question> all() {
  std::vector<Question> out = streamed();
  for (const Question& question : whole()) out.push_back(question);
  out.push_back(kSpeech);
  return out;
}

Task<http::Client::Answer> ask_one(ProcessTest& t, Question question) {
  http::Fields fields{{"content-type", question.type}};
  return t.fetch(t.api_, "POST", question.path, question.body, std::move(fields));
}

TEST_F(EndpointsTest, answer_whole_and_streamed) {
  start();
  run([](ProcessTest& t) -> Task<> {
    for (const Question& question : all()) {
      Task<http::Client::Answer> asking = ask_one(t, question);
      const auto answer = co_await std::move(asking);
      EXPECT_EQ(answer.head.status, 200) << question.path;
      EXPECT_EQ(answer.head.fields.find("content-type"), question.answer_type) << question.path;
      const std::string text(as_text(answer.body));
      EXPECT_FALSE(text.empty());
      EXPECT_NE(text.rfind(question.end), std::string::npos) << question.path << text;
      if (question.answer_type == kEventStream) {
        EXPECT_GT(events_of(text).size(), 5u) << question.path;
      }
    }
    Task<double> asking = t.metric("openpcc_answers_complete_total");
    const double complete = co_await std::move(asking);
    EXPECT_GE(complete, all().size());
  }(*this));
}

TEST_F(EndpointsTest, answer_what_takes_no_time) {
  start();
  run([](ProcessTest& t) -> Task<> {
    const std::vector<Question> questions{{"/tokenize", R"({"prompt":"x"})", "", ""},
                                          {"/detokenize", R"({"tokens":[354]})", "", ""},
                                          {"/v1/messages/count_tokens", R"({"messages":[{"role":"user","content":"x"}]})", "", ""}};
    for (const Question& question : questions) {
      Task<http::Client::Answer> asking = ask_one(t, question);
      const auto answer = co_await std::move(asking);
      EXPECT_EQ(answer.head.status, 200) << question.path;
    }
    Task<http::Client::Answer> asking = t.fetch(t.api_, "GET", "/version", "");
    const auto version = co_await std::move(asking);
    EXPECT_TRUE(json::parse(as_text(version.body)).as_object().contains("version"));
    asking = t.fetch(t.api_, "GET", "/metrics", "");
    const auto metrics = co_await std::move(asking);
    EXPECT_EQ(metrics.head.status, 404);  // on the admin endpoint alone
  }(*this));
}

TEST_F(EndpointsTest, close_at_the_chosen_byte) {
  start({"--fault", "close@70"});
  run([](ProcessTest& t) -> Task<> {
    for (const Question& question : all()) {
      Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(question.body, question.path, question.type);
      const auto exchange = co_await std::move(opening);
      std::string text;
      Task<std::string> reading = t.read_until(*exchange, text, "no such text");
      const std::string outcome = co_await std::move(reading);
      EXPECT_EQ(outcome, "http.client.truncated") << question.path;
      EXPECT_EQ(text.size(), 70u) << question.path;
    }
  }(*this));
}

TEST_F(EndpointsTest, stall_until_the_client_leaves) {
  start({"--fault", "stall@70"});
  run([](ProcessTest& t) -> Task<> {
    double left = 0;
    for (const Question& question : all()) {
      Task<std::unique_ptr<http::ClientExchange>> opening = t.open_stream(question.body, question.path, question.type);
      auto exchange = co_await std::move(opening);
      Task<bool> waiting = t.metric_becomes("openpcc_answers_aborted_total", ++left);
      const bool stalled = co_await std::move(waiting);
      EXPECT_TRUE(stalled) << question.path;
      exchange.reset();
      waiting = t.metric_becomes("openpcc_cancelled_total", left);
      const bool cancelled = co_await std::move(waiting);
      EXPECT_TRUE(cancelled) << question.path;
    }
  }(*this));
}

TEST_F(EndpointsTest, hold_before_a_token_until_released_or_left) {
  start({"--fault", "hold@1", "--fault-control"});
  run([](ProcessTest& t) -> Task<> {
    double cancelled = 0;
    for (const Question& question : all()) {
      for (const bool release : {true, false}) {
        Task<std::unique_ptr<http::ClientExchange>> sending = t.send_request(question.body, question.path, question.type);
        auto exchange = co_await std::move(sending);
        Task<bool> waiting = t.metric_becomes("openpcc_requests_running", 1);
        const bool running = co_await std::move(waiting);
        EXPECT_TRUE(running) << question.path;
        if (!release) {
          exchange.reset();
          waiting = t.metric_becomes("openpcc_cancelled_total", ++cancelled);
          const bool left = co_await std::move(waiting);
          EXPECT_TRUE(left) << question.path;
          continue;
        }
        std::string released = "0\n";
        for (int i = 0; i < 200 && released == "0\n"; ++i) {  // it runs before it is held
          const http::Milliseconds pause = 5ms;
          co_await http::sleep_for(pause);
          Task<http::Client::Answer> asking = t.admin("POST", "/release");
          const auto answer = co_await std::move(asking);
          released = as_text(answer.body);
        }
        EXPECT_EQ(released, "1\n") << question.path;
        if (released != "1\n") continue;
        const auto head = co_await exchange->read_head();
        EXPECT_OK(head);
        std::string text;
        Task<std::string> reading = t.read_until(*exchange, text, "no such text");
        const std::string outcome = co_await std::move(reading);
        EXPECT_EQ(outcome, "ended") << question.path;
      }
    }
  }(*this));
}

TEST_F(EndpointsTest, fail_in_their_own_shape) {
  start({"--fault", "error"});
  run([](ProcessTest& t) -> Task<> {
    for (const Question& question : all()) {
      Task<http::Client::Answer> asking = ask_one(t, question);
      const auto answer = co_await std::move(asking);
      EXPECT_EQ(answer.head.status, 500) << question.path;
      const auto parsed = json::parse(as_text(answer.body));
      EXPECT_EQ(parsed.at("error").at("type"), question.path == "/v1/messages" ? "api_error" : "InternalServerError") << question.path;
    }
  }(*this));
}

TEST_F(EndpointsTest, keep_the_pace) {
  start({"--ttft", "60ms"});
  run([](ProcessTest& t) -> Task<> {
    for (const Question& question : all()) {
      const auto began = std::chrono::steady_clock::now();
      Task<http::Client::Answer> asking = ask_one(t, question);
      co_await std::move(asking);
      EXPECT_GE(std::chrono::steady_clock::now() - began, 60ms) << question.path;
    }
  }(*this));
}

}  // namespace
}  // namespace openpcc::demo_engine
