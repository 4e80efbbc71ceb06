#include "collector.h"

#include "openpcc/crypto/random.h"

namespace openpcc::app {

void CollectorSettings::declare(daemon::Options& options) {
  options.add(
      "evidence", evidence,
      "where the CPU's report comes from: auto, configfs-tsm, sev-guest, tdx-guest, or replay:FOLDER, a recording that no client accepts");
  options.add("collateral_dir", collateral_dir,
              "folder with certificates, revocation lists and Intel's documents that go into the evidence, read whenever a key is made");
}

Result<std::shared_ptr<collect::Machine>> CollectorSettings::make_tee() const {
  // A call to the machine may still run while the program ends.
  static collect::Linux linux_kernel;
  static crypto::SystemRandom random;
  OPENPCC_LET(std::unique_ptr<collect::Source> source, collect::open_source(evidence, {linux_kernel, random}));
  auto machine = std::make_shared<collect::Machine>(std::move(source), collect::staple_from(collateral_dir));
  attest::Binding of_nothing;  // no claims have this B
  random.fill(of_nothing);
  OPENPCC_TRY(machine->cpu_quote(of_nothing));
  return machine;
}

}  // namespace openpcc::app
