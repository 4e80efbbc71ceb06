// Where a CPU's report comes from: an interface of the guest's kernel, or a recording.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/attest/evidence.h"
#include "openpcc/collect/azure.h"
#include "openpcc/collect/kernel.h"
#include "openpcc/core/word.h"

namespace openpcc::collect {

// Paravisor is what stands between hardware and guest: its own report, which is shown in the place of the hardware's, and what goes beside that.
struct Paravisor {
  attest::Item report;
  std::map<std::string, attest::Item> collateral;
};

// Collected is a hardware report, and what its source gave beside it: files that may vouch for it, none of them looked at yet.
struct Collected {
  attest::Item report;
  std::vector<Bytes> beside;
  std::optional<Paravisor> paravisor = {};
};

class Source {
 public:
  virtual ~Source() = default;
  // name is for logs: "configfs-tsm/sev_guest".
  virtual Word name() const = 0;
  // recorded: the report says what it said when it was recorded, whatever is asked.
  virtual bool recorded() const { return false; }
  // collect asks for a report with B in its report data, or in the paravisor's. May take as long as the host likes.
  virtual Result<Collected> collect(const attest::Binding& binding) = 0;
};

// Guest is what sources are made from; all of it outlives them.
struct Guest {
  Kernel& kernel;
  Random& random;
  AzureMeans azure = {};
};

// open_source finds the source that a setting names: "configfs-tsm", "sev-guest", "azure", "tdx-guest", "replay:FOLDER", or "auto": the first of the
// first four that is there. It makes sure that the source is there; whether a report can be had, the first one shows.
//   collect.setting   another word
//   collect.none      auto, and none is there (unsupported); says what was looked at
//   the rules of tsm.h, sev_guest.h, azure.h, tdx_guest.h and recording.h
Result<std::unique_ptr<Source>> open_source(std::string_view setting, const Guest& guest);

}  // namespace openpcc::collect
