#include "openpcc/collect/source.h"

#include "openpcc/collect/recording.h"
#include "openpcc/collect/sev_guest.h"
#include "openpcc/collect/tdx_guest.h"
#include "openpcc/collect/tsm.h"

namespace openpcc::collect {
namespace {

using Opened = Result<std::unique_ptr<Source>>;

constexpr std::string_view kReplay = "replay:";

struct Kind {
  std::string_view word;
  Opened (*open)(const Guest& guest);
};
// In the order in which "auto" looks: configfs-tsm speaks for either technology, and for TDX it is the one with quotes.
constexpr Kind kKinds[] = {
    {"configfs-tsm", &Tsm::open}, {"sev-guest", &SevGuest::open}, {"azure", &open_azure_vm}, {"tdx-guest", &open_tdx_guest}};

Opened first_of_all(const Guest& guest) {
  std::string seen;
  for (const Kind& kind : kKinds) {
    auto source = kind.open(guest);
    if (source) return source;
    seen += (seen.empty() ? "" : "; ") + std::string(kind.word) + ": " + source.error().detail;
  }
  return fail(Code::unsupported, "collect.none", "nothing here gives evidence of a TEE (" + seen + ")");
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(std::string_view setting, const Guest& guest) {
  if (setting == "auto") return first_of_all(guest);
  if (setting.starts_with(kReplay)) return Recording::open(setting.substr(kReplay.size()));
  for (const Kind& kind : kKinds) {
    if (kind.word == setting) return kind.open(guest);
  }
  return fail(Code::rejected, "collect.setting", "auto, configfs-tsm, sev-guest, azure, tdx-guest or replay:FOLDER");
}

}  // namespace openpcc::collect
