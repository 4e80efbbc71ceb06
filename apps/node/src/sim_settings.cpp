#include "sim_settings.h"

#include "settings.h"

namespace openpcc::app {

void SimSettings::declare(daemon::Options& options) {
  options.add("sim.roots_file", roots_file, "the simulated makers' root keys, 128 hex digits", daemon::Presence::required);
  options.add("sim.chip_id", chip_id, "the simulated chip's id, 64 hex digits; drawn at every start without one");
  options.add("sim.measurement", measurement, "what the simulated chip says that it runs");
  options.add("sim.tcb", tcb, daemon::Range{0, 65535}, "the simulated chip's security version");
  options.add("sim.debug", debug, "a simulated debug TEE");
  options.add("sim.gpus", gpus, daemon::Range{0, static_cast<int64_t>(attest::kGpusMax)}, "simulated GPUs");
  options.add("sim.gpu_measurement", gpu_measurement, "what the simulated GPUs say that they run");
  options.add("sim.gpu_tcb", gpu_tcb, daemon::Range{0, 65535}, "the simulated GPUs' security version");
}

Result<sim_maker::TeeConfig> SimSettings::tee_config(Random& random) const {
  sim_maker::TeeConfig config;
  random.fill(config.chip_id);
  if (!chip_id.empty()) {
    OPENPCC_LET(config.chip_id, parse_digest(chip_id));
  }
  OPENPCC_LET(config.measurement, parse_digest(measurement));
  OPENPCC_LET(config.gpu_measurement, parse_digest(gpu_measurement));
  config.tcb = tcb;
  config.debug = debug;
  config.gpus = gpus;
  config.gpu_tcb = gpu_tcb;
  return config;
}

Result<std::unique_ptr<attest::Attester>> SimSettings::make_tee(Random& random) const {
  OPENPCC_LET(const SecretBytes text, daemon::read_secret(roots_file));
  auto decoded = from_hex(as_text(text.reveal()));
  const SecretBytes seeds = SecretBytes::adopt(decoded ? std::move(*decoded) : Bytes());
  if (seeds.size() != 64) return fail(Code::malformed, "node.config.sim_roots", "128 hex digits are needed");
  const auto roots = sim_maker::RootKeys::from_seeds(std::span<const uint8_t, 64>(seeds.reveal()));
  OPENPCC_LET(const sim_maker::TeeConfig config, tee_config(random));
  return std::make_unique<sim_maker::SoftwareTee>(config, roots, random);
}

}  // namespace openpcc::app
