#include "openpcc/node/engine_profile.h"

#include "openpcc/node/json_members.h"
#include "openpcc/node/routes.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::node {
namespace {

constexpr std::string_view kVllmMetrics =
    "# HELP vllm:num_requests_running Number of requests\n# TYPE vllm:num_requests_running gauge\n"
    "vllm:num_requests_running{engine=\"0\",model_name=\"m 1\"} 3.0\nvllm:num_requests_running{engine=\"1\"} 1.0\n"
    "vllm:num_requests_waiting{engine=\"0\"} 7\nvllm:kv_cache_usage_perc{engine=\"0\"} 0.257\n"
    "vllm:prefix_cache_hits_total{engine=\"0\"} 512.0\nvllm:prefix_cache_hits_created{engine=\"0\"} 1.7e9\n";

TEST(EngineProfile, names_and_kinds_are_inverse) {
  for (const EngineKind kind : {EngineKind::openai, EngineKind::vllm, EngineKind::llama_cpp})
    EXPECT_EQ(parse_engine_kind(to_string(kind)), kind);
  EXPECT_FALSE(parse_engine_kind("sglang"));
}

TEST(EngineProfile, load_is_read_from_the_engines_metrics) {
  const EngineLoad load = read_load(EngineKind::vllm, kVllmMetrics);
  EXPECT_EQ(load.running, 4);
  EXPECT_EQ(load.waiting, 7);
  EXPECT_EQ(load.cache_percent, 26);
  EXPECT_EQ(cache_hits(kVllmMetrics), 512u);
  const EngineLoad llama = read_load(EngineKind::llama_cpp, "llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n");
  EXPECT_EQ(llama.running, 2);
  EXPECT_EQ(llama.waiting, 1);
  EXPECT_FALSE(llama.cache_percent);
}

TEST(EngineProfile, metrics_that_say_nothing_give_nothing) {
  for (const std::string_view text :
       {"", "\n", "vllm:num_requests_running", "vllm:num_requests_running ", "vllm:num_requests_running NaN\n",
        "vllm:num_requests_running -1\n", "vllm:num_requests_running 1e300\n", "vllm:num_requests_runningx 5\n"}) {
    EXPECT_FALSE(read_load(EngineKind::vllm, text).running) << text;
  }
  EXPECT_FALSE(cache_hits("x 1\n"));
}

TEST(EngineProfile, commands_that_break_a_promise_are_refused) {
  const auto check = [](EngineKind kind, std::vector<std::string> command) { return check_command(kind, command); };
  EXPECT_OK(check(EngineKind::vllm, {"python", "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--model", "m"}));
  EXPECT_OK(check(EngineKind::vllm, {"vllm", "serve", "--uds", "/run/engine.sock"}));
  EXPECT_RULE(check(EngineKind::vllm, {"vllm", "serve", "--enable-log-requests"}), "node.engine.prints_prompts");
  EXPECT_RULE(check(EngineKind::vllm, {"vllm", "serve", "--host", "0.0.0.0"}), "node.engine.reachable");
  EXPECT_RULE(check(EngineKind::vllm, {"vllm", "serve", "--host=10.0.0.1"}), "node.engine.reachable");
  EXPECT_RULE(check(EngineKind::vllm, {"vllm", "serve", "--allowed-local-media-path=/"}), "node.engine.reaches_out");
  EXPECT_RULE(check(EngineKind::llama_cpp, {"llama-server", "--slot-save-path", "/tmp"}), "node.engine.keeps");
  EXPECT_RULE(check(EngineKind::llama_cpp, {"llama-server", "-v"}), "node.engine.prints_prompts");
  EXPECT_OK(check(EngineKind::llama_cpp, {"llama-server", "--host", "/run/engine.sock"}));
  EXPECT_OK(check(EngineKind::openai, {"anything", "--enable-log-requests"}));
}

TEST(EngineProfile, an_engine_that_we_start_is_told_to_keep_requests_apart) {
  EXPECT_EQ(engine_arguments(EngineKind::llama_cpp).front(), "--no-cache-prompt");
  EXPECT_TRUE(engine_arguments(EngineKind::openai).empty());
  for (const EngineKind kind : {EngineKind::vllm, EngineKind::llama_cpp}) EXPECT_OK(check_command(kind, engine_arguments(kind)));
}

TEST(EngineProfile, canaries_are_requests_with_the_salt_in_them) {
  for (const std::string_view path : {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"}) {
    const auto canary = canary_for(path, "eng\"ine", "a \"prompt\"\n", "5a17");
    ASSERT_TRUE(canary) << path;
    EXPECT_NE(find_route(canary->path), nullptr);
    const auto members = scan_members(canary->body, [](const JsonString&) -> Result<> { return {}; });
    ASSERT_OK(members);
    EXPECT_EQ(members->at(0).value, R"("eng\"ine")");
    EXPECT_EQ(members->at(1).value, "\"5a17\"");
  }
  EXPECT_FALSE(canary_for("/tokenize", "m", "x", ""));
}

TEST(EngineProfile, cached_tokens_are_read_from_every_apis_usage) {
  const auto tokens = [](std::string_view body) { return cached_tokens(as_bytes(body)); };
  EXPECT_EQ(tokens(R"({"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":8}}})"), 8u);
  EXPECT_EQ(tokens(R"({"usage":{"input_tokens_details":{"cached_tokens":0}}})"), 0u);
  EXPECT_EQ(tokens(R"({"usage":{"cache_read_input_tokens":1157,"input_tokens":1}})"), 1157u);
  for (const std::string_view body :
       {"", "{", "[]", "{}", R"({"usage":null})", R"({"usage":{"prompt_tokens_details":null}})",
        R"({"usage":{"prompt_tokens_details":{"cached_tokens":-1}}})", R"({"usage":{"cache_read_input_tokens":"5"}})"}) {
    EXPECT_FALSE(tokens(body)) << body;
  }
}

TEST(EngineProfile, models_are_looked_for_in_the_engines_list) {
  EXPECT_TRUE(serves_model(as_bytes(R"({"object":"list","data":[{"id":"a"},{"id":"m"}]})"), "m"));
  for (const std::string_view body : {"", "{}", R"({"data":{}})", R"({"data":[{"id":"mm"},{"id":3},7]})"})
    EXPECT_FALSE(serves_model(as_bytes(body), "m")) << body;
}

}  // namespace
}  // namespace openpcc::node
