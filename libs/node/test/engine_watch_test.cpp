#include "openpcc/node/engine_watch.h"

#include <fcntl.h>

#include <map>

#include "openpcc/http/server.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

using http::Task;

constexpr std::string_view kModels = R"({"data":[{"id":"engine-m"}]})";

// Bench is an engine that the test scripts, and the watch on it.
class Bench {
 public:
  struct Answer {
    uint16_t status = 200;
    std::string body = "{}";
  };
  std::function<Answer(const std::string& path, std::string_view body)> engine = [](const std::string&, std::string_view) {
    return Answer{};
  };

  explicit Bench(EngineKind kind = EngineKind::openai, std::vector<Model> models = {{"m", "engine-m"}}, http::ServerLimits limits = {})
      : limits_(limits),
        server_(listen(*http::Endpoint::parse("http://127.0.0.1:0"))),
        endpoint_(server_->endpoint()),
        client_(http::Client::create(loop_, nullptr)),
        watch_({.endpoint = endpoint_, .key = "k", .kind = kind}, std::move(models), loop_, *client_, random_, metrics_, log_) {}

  // run_until lets the watch run until `condition` holds; false: it never did.
  bool run_until(std::function<bool()> condition) {
    bool held = false;
    loop_.spawn(watch_.run());
    loop_.spawn(poll(condition, held));
    loop_.run();
    return held;
  }
  // The engine's process ends, with all of its connections; another begins where it was.
  void end_engine() { server_.reset(); }
  void begin_engine() { server_ = listen(endpoint_); }
  EngineWatch& watch() { return watch_; }
  std::string metrics() const { return metrics_.text(); }
  int asked = 0;
  std::map<std::string, int> asked_for;  // by path

 private:
  std::unique_ptr<http::Server> listen(const http::Endpoint& endpoint) {
    auto server =
        http::Server::listen(loop_, endpoint, nullptr, [this](http::ServerExchange& exchange) { return serve(exchange); }, limits_);
    OPENPCC_CHECK(server.has_value());
    return std::move(*server);
  }
  Task<> serve(http::ServerExchange& exchange) {
    const auto body = co_await exchange.read_all(1 << 20);
    EXPECT_EQ(exchange.request().fields.find("authorization"), "Bearer k");
    if (!body) co_return;
    ++asked;
    const std::string path = exchange.request().target;
    ++asked_for[path];
    Answer answer = path == "/v1/models" ? Answer{200, std::string(kModels)} : Answer{};
    const Answer scripted = engine(path, as_text(*body));
    if (scripted.status != 200 || scripted.body != "{}") answer = scripted;
    http::ResponseHead head{.status = answer.status, .fields = {}};
    const ByteSpan view = as_bytes(answer.body);
    const auto sent = co_await exchange.respond_with(std::move(head), view);
    static_cast<void>(sent);
  }
  Task<> poll(const std::function<bool()>& condition, bool& held) {
    for (int i = 0; i < 500 && !held; ++i) {
      const http::Milliseconds moment(10);
      co_await http::sleep_for(moment);
      held = condition();
    }
    loop_.stop();
  }

  testkit::TestRandom random_;
  testkit::TestClock clock_{1'800'000'000};
  daemon::Metrics metrics_;
  daemon::Log log_{"test", daemon::Log::Format::json, daemon::Level::error, clock_};
  http::Loop loop_;
  http::ServerLimits limits_;
  std::unique_ptr<http::Server> server_;
  http::Endpoint endpoint_;
  std::unique_ptr<http::Client> client_;
  EngineWatch watch_;
};

// never_ready: the watch asked several times and was never content.
bool never_ready(Bench& bench) {
  return bench.run_until([&] { return bench.asked >= 8; }) && !bench.watch().ready();
}

TEST(EngineWatch, an_engine_that_answers_everything_is_ready) {
  Bench bench;
  EXPECT_TRUE(bench.run_until([&] { return bench.watch().ready(); }));
  EXPECT_TRUE(bench.watch().kept_apart("/v1/messages"));
}

TEST(EngineWatch, an_engine_that_is_not_well_is_not_ready) {
  Bench bench;
  bench.engine = [](const std::string&, std::string_view) { return Bench::Answer{503, "no"}; };
  EXPECT_TRUE(never_ready(bench));
  testkit::note_tripped("node.engine.unhealthy");
}

TEST(EngineWatch, an_engine_without_the_model_is_not_ready) {
  Bench bench(EngineKind::vllm);
  bench.engine = [](const std::string& path, std::string_view) {
    return path == "/v1/models" ? Bench::Answer{200, R"({"data":[{"id":"other"}]})"} : Bench::Answer{};
  };
  EXPECT_TRUE(never_ready(bench));
  testkit::note_tripped("node.engine.model_missing");
}

TEST(EngineWatch, an_engine_that_does_not_answer_the_canary_is_not_ready) {
  Bench bench;
  bench.engine = [](const std::string& path, std::string_view) {
    return path == "/v1/chat/completions" ? Bench::Answer{500, "out of memory"} : Bench::Answer{};
  };
  EXPECT_TRUE(never_ready(bench));
  testkit::note_tripped("node.engine.canary");
}

TEST(EngineWatch, a_path_whose_answers_come_from_a_cache_is_found) {
  Bench bench(EngineKind::llama_cpp);
  bench.engine = [](const std::string& path, std::string_view) {
    if (path == "/v1/messages") return Bench::Answer{200, R"({"usage":{"cache_read_input_tokens":512}})"};
    if (path == "/v1/completions") return Bench::Answer{200, R"({"usage":{"prompt_tokens_details":{"cached_tokens":8}}})"};
    return Bench::Answer{};
  };
  EXPECT_TRUE(bench.run_until([&] { return bench.watch().ready(); }));
  EXPECT_FALSE(bench.watch().kept_apart("/v1/messages"));
  EXPECT_TRUE(bench.watch().kept_apart("/v1/completions")) << "a template's beginning is not a shared prefix";
  EXPECT_TRUE(bench.watch().kept_apart("/v1/chat/completions"));
}

TEST(EngineWatch, vllms_counter_tells_what_its_answers_do_not) {
  Bench bench(EngineKind::vllm);
  uint64_t hits = 0;
  std::set<std::string> seen;
  bench.engine = [&](const std::string& path, std::string_view body) {
    if (path == "/metrics") {
      return Bench::Answer{200, "vllm:num_requests_running 5\nvllm:prefix_cache_hits_total{engine=\"0\"} " + std::to_string(hits) + ".0\n"};
    }
    // An engine that looks at the prompt alone: the salt stands in the body, but not in its key.
    const size_t prompt = body.find("\"content\":");
    if (path == "/v1/messages" && !seen.insert(std::string(body.substr(std::min(prompt, body.size())))).second) hits += 512;
    return Bench::Answer{};
  };
  EXPECT_TRUE(
      bench.run_until([&] { return bench.watch().ready() && bench.metrics().find("engine_requests_running 5") != std::string::npos; }));
  EXPECT_FALSE(bench.watch().kept_apart("/v1/messages"));
  EXPECT_TRUE(bench.watch().kept_apart("/v1/chat/completions"));
}

TEST(EngineWatch, each_model_is_measured) {
  Bench bench(EngineKind::vllm, {{"first", "engine-first"}, {"m", "engine-m"}});
  bench.engine = [](const std::string& path, std::string_view body) {
    if (path == "/v1/models") return Bench::Answer{200, R"({"data":[{"id":"engine-first"},{"id":"engine-m"}]})"};
    const bool shared = path == "/v1/completions" && body.find(R"("model":"engine-m")") != std::string_view::npos;
    return shared ? Bench::Answer{200, R"({"usage":{"prompt_tokens_details":{"cached_tokens":512}}})"} : Bench::Answer{};
  };
  EXPECT_TRUE(bench.run_until([&] { return bench.watch().ready(); }));
  EXPECT_FALSE(bench.watch().kept_apart("/v1/completions"));
  EXPECT_TRUE(bench.watch().kept_apart("/v1/chat/completions"));
}

TEST(EngineWatch, paths_that_pool_are_measured_too) {
  for (const std::string_view sharing : {"/score", "/v1/score", "/rerank", "/v1/rerank", "/v1/embeddings"}) {
    Bench bench(EngineKind::vllm);
    bench.engine = [&](const std::string& path, std::string_view body) {
      EXPECT_TRUE(path != sharing || body.find(R"("cache_salt":")") != std::string_view::npos);
      return path == sharing ? Bench::Answer{200, R"({"usage":{"prompt_tokens_details":{"cached_tokens":512}}})"} : Bench::Answer{};
    };
    EXPECT_TRUE(bench.run_until([&] { return bench.watch().ready(); }));
    EXPECT_FALSE(bench.watch().kept_apart(sharing)) << sharing;
  }
}

TEST(EngineWatch, an_engine_in_anothers_place_is_measured_before_it_is_ready) {
  Bench bench(EngineKind::llama_cpp);
  bool shares = false;
  bench.engine = [&](const std::string& path, std::string_view) {
    return shares && path == "/v1/messages" ? Bench::Answer{200, R"({"usage":{"cache_read_input_tokens":512}})"} : Bench::Answer{};
  };
  enum { first, between, second } stage = first;
  int asked_before = 0;
  const bool ready_again = bench.run_until([&] {
    if (stage == first && bench.watch().ready()) {
      EXPECT_TRUE(bench.watch().kept_apart("/v1/messages"));
      bench.end_engine();
      asked_before = bench.asked;
      stage = between;
    } else if (stage == between && !bench.watch().ready()) {
      EXPECT_EQ(bench.asked, asked_before) << "its end shows by itself, not by the next question";
      shares = true;
      bench.begin_engine();
      stage = second;
    }
    return stage == second && bench.watch().ready();
  });
  EXPECT_TRUE(ready_again);
  EXPECT_FALSE(bench.watch().kept_apart("/v1/messages"));
}

TEST(EngineWatch, an_engine_that_closes_what_is_idle_stays_ready) {
  http::ServerLimits limits;
  limits.idle_timeout = http::Milliseconds(50);
  Bench bench(EngineKind::openai, {{"m", "engine-m"}}, limits);
  bool left = false;
  int polls = 0;
  int canaries = 0;
  EXPECT_TRUE(bench.run_until([&] {
    if (bench.watch().ready() && canaries == 0) canaries = bench.asked_for["/v1/chat/completions"];
    left = left || (canaries > 0 && !bench.watch().ready());
    return canaries > 0 && ++polls == 50;
  }));
  EXPECT_FALSE(left);
  EXPECT_EQ(bench.asked_for["/v1/chat/completions"], canaries);
}

}  // namespace
}  // namespace openpcc::node
