// What a node is configured with, whatever TEE it runs in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "openpcc/daemon/options.h"
#include "openpcc/daemon/supervisor.h"
#include "openpcc/node/keyring.h"
#include "openpcc/node/node.h"

namespace openpcc::app {

struct NodeSettings {
  struct ModelRow {
    std::string name;
    std::string digest;       // hex of SHA-256
    std::string engine_name;  // empty: the same as `name`
  };

  http::Endpoint listen = *http::Endpoint::parse("http://127.0.0.1:8083");
  http::Endpoint engine;
  std::filesystem::path engine_key_file;
  std::string engine_kind = "openai";
  std::string engine_canary = "/v1/chat/completions";
  std::vector<std::string> engine_command;
  std::filesystem::path engine_output;
  std::string deployment;
  std::string beacon_key;
  std::vector<ModelRow> models;
  node::NodeConfig node;

  void declare(daemon::Options& options);
  // node_config and keyring_config turn the settings into what the library takes.
  //   node.config.engine       neither loopback nor a UNIX socket: prompts would leave the TEE
  //   node.config.canary       not a path that a canary can be sent to
  //   node.config.keep_alive   shorter than 100 ms
  //   node.engine.*            engine_command has an option that breaks a promise (engine_profile.h)
  //   node.config.models       a name twice, or a digest that is not 64 hex digits
  //   daemon.secret.*, note.vkey.*
  Result<node::NodeConfig> node_config() const;
  // engine_program is the engine as the node starts it, where engine_command is set.
  daemon::ChildProgram engine_program() const;
  Result<node::KeyringConfig> keyring_config(ByteSpan config_file) const;
};

// parse_digest reads 64 hex digits: node.config.digest for anything else.
Result<std::array<uint8_t, 32>> parse_digest(std::string_view hex);

}  // namespace openpcc::app
