// The real machine that openpcc-node runs on.
#pragma once

#include <filesystem>
#include <memory>

#include "openpcc/collect/machine.h"
#include "openpcc/daemon/options.h"

namespace openpcc::app {

struct CollectorSettings {
  std::string evidence = "auto";
  std::string tpm_device{collect::kTpmDevice};
  std::string azure_pcrs = "0,1,2,3,4,5,6,7,8,9,11,12,13,14";
  std::string azure_quote_url{collect::kAzureQuoteService};
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
  //   node.config.azure_pcrs   not a selection of PCRs          fetch.url   azure_quote_url is none of this machine's own
  //   collect.*, tpm_collect.* and where the vendors are asked collateral.*, fetch.*, http.client.*
  Result<std::shared_ptr<collect::Machine>> make_tee() const;
  // add_gpus is the part of it that finds GPUs: none for `gpus` "none", nor for "auto" beside a recording or where NVIDIA's library is not there.
  Result<> add_gpus(collect::Machine& machine) const;

 private:
  Result<collect::Staple> staple() const;
  Result<collect::AzureMeans> azure_means() const;
};

}  // namespace openpcc::app
