// The real machine that openpcc-node runs on.
#pragma once

#include <filesystem>
#include <memory>

#include "openpcc/collect/machine.h"
#include "openpcc/daemon/options.h"

namespace openpcc::app {

struct CollectorSettings {
  std::string evidence = "auto";
  std::filesystem::path collateral_dir;

  void declare(daemon::Options& options);
  // make_tee opens the source of evidence and has a report made and completed: what is missing shows at the start, in words, not with the first key.
  //   collect.*
  Result<std::shared_ptr<collect::Machine>> make_tee() const;
};

}  // namespace openpcc::app
