// The simulated machine that openpcc-node-sim pretends to be.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "openpcc/daemon/options.h"
#include "openpcc/sim_maker/tee.h"

namespace openpcc::app {

struct SimSettings {
  std::filesystem::path roots_file;
  std::string chip_id;
  std::string measurement = to_hex(crypto::sha256(as_bytes("openpcc-node-sim")));
  uint16_t tcb = 1;
  bool debug = false;
  size_t gpus = 0;
  std::string gpu_measurement = to_hex(crypto::sha256(as_bytes("openpcc-sim-gpu")));
  uint16_t gpu_tcb = 1;

  void declare(daemon::Options& options);
  // make_tee reads the roots' keys and makes the machine.
  //   node.config.sim_roots   not 128 hex digits        node.config.digest, daemon.secret.*
  Result<std::unique_ptr<attest::Attester>> make_tee(Random& random) const;

 private:
  Result<sim_maker::TeeConfig> tee_config(Random& random) const;
};

}  // namespace openpcc::app
