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
  std::filesystem::path collateral_cache;
  std::filesystem::path collateral_ca_file;
  std::string amd_url;
  std::string intel_url;
  std::string gpus = "auto";
  std::filesystem::path nvml_library;
  std::filesystem::path gpu_manifest_dir;

  void declare(daemon::Options& options);
  // make_tee opens the source of evidence and has a report made and completed: what is missing shows at the start, in words, not with the first key.
  //   node.config.collateral   both collateral_dir and collateral_cache
  //   collect.*, and where the vendors are asked collateral.*, fetch.*, http.client.*
  Result<std::shared_ptr<collect::Machine>> make_tee() const;
  // add_gpus is the part of it that finds GPUs: none for `gpus` "none", nor for "auto" beside a recording or where NVIDIA's library is not there.
  Result<> add_gpus(collect::Machine& machine) const;

 private:
  Result<collect::Staple> staple() const;
};

}  // namespace openpcc::app
