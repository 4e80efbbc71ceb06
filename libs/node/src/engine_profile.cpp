#include "openpcc/node/engine_profile.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "openpcc/api/api.h"

namespace openpcc::node {
namespace {

namespace json = boost::json;

struct Profile {
  EngineKind kind;
  std::string_view name;
  std::string_view health;
  std::string_view metrics;
  std::string_view running;
  std::string_view waiting;
  std::string_view cache;
};

constexpr Profile kProfiles[] = {
    {EngineKind::openai, "openai", "/v1/models", "", "", "", ""},
    {EngineKind::vllm, "vllm", "/health", "/metrics", "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"},
    {EngineKind::llama_cpp, "llama.cpp", "/health", "/metrics", "llamacpp:requests_processing", "llamacpp:requests_deferred",
     "llamacpp:kv_cache_usage_ratio"},
};

const Profile& profile(EngineKind kind) {
  return *std::find_if(std::begin(kProfiles), std::end(kProfiles), [&](const Profile& p) { return p.kind == kind; });
}

// number_of sums a metric's samples over their labels.
std::optional<double> number_of(std::string_view metrics, std::string_view name) {
  std::optional<double> sum;
  while (!name.empty() && !metrics.empty()) {
    const std::string_view line = metrics.substr(0, metrics.find('\n'));
    metrics.remove_prefix(std::min(metrics.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() == name.size()) continue;
    if (line[name.size()] != ' ' && line[name.size()] != '{') continue;
    const std::string_view value = line.substr(line.rfind(' ') + 1);
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size() && std::isfinite(number)) sum = sum.value_or(0) + number;
  }
  return sum;
}

std::optional<int64_t> whole(std::optional<double> number) {
  constexpr double kMost = 1e15;
  if (!number || *number < 0 || *number > kMost) return std::nullopt;
  return static_cast<int64_t>(std::llround(*number));
}

// Forbidden is an option that breaks a promise: on its own, or with any value but those of this machine.
struct Forbidden {
  EngineKind kind;
  std::string_view option;
  Rule rule;
  std::string_view reason;
};

constexpr std::string_view kLogs = "it would write prompts into a log";
constexpr std::string_view kHost = "it would listen beyond this machine; give it a loopback address";
constexpr std::string_view kFiles = "a request could have it read this machine's files";
constexpr std::string_view kOthers = "it would send what it computes to other machines";
constexpr std::string_view kDisk = "it would write prompts' caches to a disk";

constexpr Forbidden kForbidden[] = {
    {EngineKind::vllm, "--enable-log-requests", "node.engine.prints_prompts", kLogs},
    {EngineKind::vllm, "--enable-log-outputs", "node.engine.prints_prompts", kLogs},
    {EngineKind::vllm, "--host", "node.engine.reachable", kHost},
    {EngineKind::vllm, "--allowed-local-media-path", "node.engine.reaches_out", kFiles},
    {EngineKind::vllm, "--kv-transfer-config", "node.engine.reaches_out", kOthers},
    {EngineKind::vllm, "--tool-server", "node.engine.reaches_out", kOthers},
    {EngineKind::vllm, "--otlp-traces-endpoint", "node.engine.reaches_out", kOthers},
    {EngineKind::llama_cpp, "--verbose", "node.engine.prints_prompts", kLogs},
    {EngineKind::llama_cpp, "-v", "node.engine.prints_prompts", kLogs},
    {EngineKind::llama_cpp, "--log-file", "node.engine.prints_prompts", kLogs},
    {EngineKind::llama_cpp, "--host", "node.engine.reachable", kHost},
    {EngineKind::llama_cpp, "--media-path", "node.engine.reaches_out", kFiles},
    {EngineKind::llama_cpp, "--rpc", "node.engine.reaches_out", kOthers},
    {EngineKind::llama_cpp, "--slot-save-path", "node.engine.keeps", kDisk},
};

bool is_here(std::string_view host) { return host == "127.0.0.1" || host == "localhost" || host == "::1" || host.ends_with(".sock"); }

bool breaks(const Forbidden& forbidden, std::string_view option, std::string_view value) {
  if (option != forbidden.option) return false;
  return forbidden.rule != Rule("node.engine.reachable") || !is_here(value);
}

// Fragments of a question; the salt stands in all of them.
std::string question(std::string_view model, const std::string& salt_hex, std::string_view rest) {
  return "{\"model\":" + api::quote(model) + ",\"cache_salt\":\"" + salt_hex + "\",\"cache_prompt\":false," + std::string(rest) + "}";
}

std::string messages(std::string_view prompt) { return "\"messages\":[{\"role\":\"user\",\"content\":" + api::quote(prompt) + "}]"; }

}  // namespace

std::string_view to_string(EngineKind kind) { return profile(kind).name; }

std::optional<EngineKind> parse_engine_kind(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kProfiles), std::end(kProfiles), [&](const Profile& p) { return p.name == name; });
  if (found == std::end(kProfiles)) return std::nullopt;
  return found->kind;
}

std::string_view health_path(EngineKind kind) { return profile(kind).health; }
std::string_view metrics_path(EngineKind kind) { return profile(kind).metrics; }

EngineLoad read_load(EngineKind kind, std::string_view metrics) {
  const Profile& names = profile(kind);
  std::optional<double> cache = number_of(metrics, names.cache);
  if (cache) cache = *cache * 100;
  return {whole(number_of(metrics, names.running)), whole(number_of(metrics, names.waiting)), whole(cache)};
}

Result<> check_command(EngineKind kind, std::span<const std::string> command) {
  for (size_t i = 0; i < command.size(); ++i) {
    const std::string_view word = command[i];
    const size_t equals = word.find('=');
    const std::string_view option = word.substr(0, equals);
    const std::string_view next = i + 1 < command.size() ? std::string_view(command[i + 1]) : std::string_view();
    const std::string_view value = equals == std::string_view::npos ? next : word.substr(equals + 1);
    for (const Forbidden& forbidden : kForbidden) {
      if (forbidden.kind == kind && breaks(forbidden, option, value)) {
        return fail(Code::rejected, forbidden.rule, "engine_command: " + std::string(option) + ": " + std::string(forbidden.reason));
      }
    }
  }
  return {};
}

std::vector<std::string> engine_arguments(EngineKind kind) {
  switch (kind) {
    case EngineKind::openai: return {};
    // Its answers then say what came from a cache, so that the canary can see whether requests are kept apart.
    case EngineKind::vllm: return {"--enable-prompt-tokens-details"};
    // The request's own cache_prompt is not looked at on every path.
    case EngineKind::llama_cpp: return {"--no-cache-prompt", "--metrics"};
  }
  return {};
}

std::optional<Canary> canary_for(std::string_view path, std::string_view engine_model, std::string_view prompt,
                                 const std::string& salt_hex) {
  const auto canary = [&](std::string_view rest) { return Canary{std::string(path), question(engine_model, salt_hex, rest)}; };
  const std::string text = api::quote(prompt);
  if (path == "/v1/chat/completions") return canary(messages(prompt) + ",\"max_tokens\":1");
  if (path == "/v1/completions") return canary("\"prompt\":" + text + ",\"max_tokens\":1");
  if (path == "/v1/responses") return canary("\"input\":" + text + ",\"max_output_tokens\":1,\"store\":false");
  if (path == "/v1/messages") return canary(messages(prompt) + ",\"max_tokens\":1");
  if (path == "/v1/embeddings") return canary("\"input\":" + text);
  if (path == "/score" || path == "/v1/score") return canary("\"text_1\":" + text + ",\"text_2\":[\"one\"]");
  if (path == "/rerank" || path == "/v1/rerank") return canary("\"query\":" + text + ",\"documents\":[\"one\"]");
  return std::nullopt;
}

std::string long_prompt() {
  std::string out;
  for (int i = 0; i < 60; ++i) out += "one two three four five six seven eight nine ten ";
  return out;
}

std::optional<uint64_t> cached_tokens(ByteSpan answer) {
  boost::system::error_code failed;
  const json::value body = json::parse(as_text(answer), failed);
  if (failed) return std::nullopt;
  for (const std::string_view place :
       {"/usage/prompt_tokens_details/cached_tokens", "/usage/input_tokens_details/cached_tokens", "/usage/cache_read_input_tokens"}) {
    boost::system::error_code absent;
    const json::value* found = body.find_pointer(place, absent);
    if (found != nullptr && found->is_int64() && found->get_int64() >= 0) return static_cast<uint64_t>(found->get_int64());
  }
  return std::nullopt;
}

std::optional<uint64_t> cache_hits(std::string_view metrics) {
  const auto hits = whole(number_of(metrics, "vllm:prefix_cache_hits_total"));
  if (!hits) return std::nullopt;
  return static_cast<uint64_t>(*hits);
}

bool serves_model(ByteSpan models_answer, std::string_view engine_model) {
  boost::system::error_code failed;
  const json::value body = json::parse(as_text(models_answer), failed);
  const json::value* data = failed ? nullptr : body.find_pointer("/data", failed);
  if (data == nullptr || !data->is_array()) return false;
  return std::any_of(data->get_array().begin(), data->get_array().end(), [&](const json::value& model) {
    const json::value* id = model.is_object() ? model.get_object().if_contains("id") : nullptr;
    return id != nullptr && id->is_string() && id->get_string() == engine_model;
  });
}

}  // namespace openpcc::node
