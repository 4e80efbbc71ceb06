#include "settings.h"

#include <algorithm>

namespace openpcc::app {

void NodeSettings::declare(daemon::Options& options) {
  options.add("listen", listen, "where the gateway connects: http://host:port or unix:/path");
  options.add("engine", engine, "the inference engine, inside the same TEE: http://127.0.0.1:port or unix:/path",
              daemon::Presence::required);
  options.add("engine_kind", engine_kind, daemon::Choices{"openai", "vllm", "llama.cpp"},
              "what it is: how its health and load are read, and what it must not be told");
  options.add("engine_canary", engine_canary, "the path of the question that it must answer before the node is ready, or \"none\"");
  options.add("engine_command", engine_command,
              "starts the engine, and again when it ends: program and arguments; empty: somebody else starts it");
  options.add("engine_output", engine_output,
              "file for what a started engine prints, prompts perhaps included; without it that is discarded");
  options.add("engine_key_file", engine_key_file, "file with the key that the engine asks for, if it asks for one");
  options.add("deployment", deployment, "the deployment's name, as in the policy", daemon::Presence::required);
  options.add("beacon_key", beacon_key, "public key of the freshness beacon, name+id+key as `openpcc keygen beacon` prints it",
              daemon::Presence::required);
  options.add("requests_max", node.requests_max, daemon::Range{1, 1 << 20}, "requests at once; more are told to go to another node");
  options.add("answer_time_max", node.answer_time_max, "from a request to its answer's last byte; what takes longer is cut off");
  options.add("keep_alive", node.keep_alive, "silence after which an answer's client is told that the engine still works");
  options.add_tables<ModelRow>(
      "models", models, "the models that are served here, as the evidence says",
      [](daemon::Options& row, ModelRow& model) {
        row.add("name", model.name, "what clients call it", daemon::Presence::required);
        row.add("digest", model.digest, "SHA-256 of its manifest, in hex", daemon::Presence::required);
        row.add("engine_name", model.engine_name, "what the engine calls it; the same without");
      },
      daemon::Presence::required);
}

Result<std::array<uint8_t, 32>> parse_digest(std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (!bytes) return fail(Code::malformed, "node.config.digest", "64 hex digits are needed");
  return to_array<32>(*bytes, "node.config.digest");
}

Result<node::NodeConfig> NodeSettings::node_config() const {
  if (!engine.is_loopback() || engine.kind == http::Endpoint::Kind::tls) {
    return fail(Code::rejected, "node.config.engine", "the engine must be at http://127.0.0.1:port, http://[::1]:port or unix:/path");
  }
  node::NodeConfig config = node;
  config.engine.endpoint = engine;
  config.engine.kind = *node::parse_engine_kind(engine_kind);
  config.engine.canary = engine_canary;
  if (engine_canary != "none" && !node::canary_for(engine_canary, "", "", "")) {
    return fail(
        Code::rejected, "node.config.canary",
        "engine_canary: /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/score, /v1/rerank or none");
  }
  if (node.keep_alive < node::kStrictInterval) {
    return fail(Code::rejected, "node.config.keep_alive", "keep_alive: 100 ms or more");
  }
  OPENPCC_TRY(node::check_command(config.engine.kind, engine_command));
  if (!engine_key_file.empty()) {
    OPENPCC_LET(const SecretBytes key, daemon::read_secret(engine_key_file, 4096));
    config.engine.key = as_text(key.reveal());
  }
  for (const ModelRow& model : models) config.models.push_back({model.name, model.engine_name.empty() ? model.name : model.engine_name});
  return config;
}

daemon::ChildProgram NodeSettings::engine_program() const {
  daemon::ChildProgram program{.name = "engine", .command = engine_command, .output = engine_output};
  for (std::string& argument : node::engine_arguments(*node::parse_engine_kind(engine_kind)))
    program.command.push_back(std::move(argument));
  // Engines and their libraries report to their makers unless told not to.
  program.environment = {"DO_NOT_TRACK=1", "VLLM_NO_USAGE_STATS=1", "HF_HUB_OFFLINE=1", "HF_HUB_DISABLE_TELEMETRY=1",
                         "VLLM_SERVER_DEV_MODE=0"};
  return program;
}

Result<node::KeyringConfig> NodeSettings::keyring_config(ByteSpan config_file) const {
  OPENPCC_LET(note::VerifierKey key, note::VerifierKey::parse(beacon_key));
  node::KeyringConfig config{deployment, crypto::sha256(config_file), {}, std::move(key)};
  for (const ModelRow& model : models) {
    OPENPCC_LET(const crypto::Sha256Digest digest, parse_digest(model.digest));
    config.models.push_back({model.name, digest});
  }
  std::sort(config.models.begin(), config.models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  const bool twice = std::adjacent_find(config.models.begin(), config.models.end(), same) != config.models.end();
  if (twice || config.models.empty() || config.models.size() > attest::kModelsMax) {
    return fail(Code::rejected, "node.config.models", "each model once, and at least one");
  }
  return config;
}

}  // namespace openpcc::app
