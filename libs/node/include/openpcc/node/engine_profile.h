// What is known of an engine by its kind: where it says that it is well, what its load is called, which settings would break a promise, and
// how to find out whether it keeps requests apart. Pure functions; engine_watch.h does the asking.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::node {

enum class EngineKind : uint8_t {
  openai,  // any server of OpenAI's API
  vllm,
  llama_cpp,  // llama.cpp's own server
};
std::string_view to_string(EngineKind kind);
std::optional<EngineKind> parse_engine_kind(std::string_view name);

// health_path answers 200 when the engine can take requests. metrics_path is empty where nothing is re-exported.
std::string_view health_path(EngineKind kind);
std::string_view metrics_path(EngineKind kind);

// EngineLoad is the closed set that a node re-exports of an engine's metrics; what the engine does not say stays empty.
struct EngineLoad {
  std::optional<int64_t> running;
  std::optional<int64_t> waiting;
  std::optional<int64_t> cache_percent;  // of the key-value cache in use
};
// read_load reads the Prometheus text format; what it does not know is skipped. Values that are no finite number count as absent.
EngineLoad read_load(EngineKind kind, std::string_view metrics);

// check_command refuses settings on an engine's command line that would break what the node promises:
//   node.engine.prints_prompts   prompts go into a log
//   node.engine.reachable        it listens beyond this machine
//   node.engine.reaches_out      it connects to others, or reads files that a request names
//   node.engine.keeps            it writes what it computed to a disk
// The detail names the option and the reason.
Result<> check_command(EngineKind kind, std::span<const std::string> command);
// engine_arguments is what the node adds to the command of an engine that it starts itself.
std::vector<std::string> engine_arguments(EngineKind kind);

// A canary is a small question that an engine must answer before the node is ready.
struct Canary {
  std::string path;
  std::string body;  // JSON
};
// canary_for asks `path` for one token (or one vector); nullopt: the path is none that can be asked so. `prompt` is UTF-8.
std::optional<Canary> canary_for(std::string_view path, std::string_view engine_model, std::string_view prompt,
                                 const std::string& salt_hex);
// long_prompt spans several blocks of any engine's cache.
std::string long_prompt();

// cached_tokens is how many tokens of its prompt an answer says were taken from a cache; nullopt: it does not say.
std::optional<uint64_t> cached_tokens(ByteSpan answer);
// cache_hits is vLLM's counter of the same, from its metrics: for answers that do not say.
std::optional<uint64_t> cache_hits(std::string_view metrics);

// serves_model says whether an answer of GET /v1/models names the model.
bool serves_model(ByteSpan models_answer, std::string_view engine_model);

}  // namespace openpcc::node
