#include "verify_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/directory/bundle.h"

namespace openpcc::app {

Result<std::optional<int>> verify_as_platform(const VerifyOptions& options) {
  std::vector<Bytes> items;
  for (const auto& file : options.files) {
    OPENPCC_LET(Bytes bytes, read_bounded(file, directory::kBundleBytesMax));
    items.push_back(std::move(bytes));
  }
  const bool is_platform = std::ranges::any_of(items, [](const Bytes& item) { return attest::is_evidence(attest::recognise(item)); });
  if (!is_platform) return std::optional<int>();
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  OPENPCC_LET(const attest::PlatformVerdict verdict, attest::verify_platform(items, now, {}));
  fmt::print("{}\n", options.json ? verdict.json() : verdict.text(options.explain));
  return std::optional(static_cast<int>(verdict.outcome));
}

}  // namespace openpcc::app
