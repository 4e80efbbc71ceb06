#include "verify_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/directory/bundle.h"

namespace openpcc::app {
namespace {

// demands_of adds what the command line expects to the strict demands of each technology.
Result<attest::PlatformDemands> demands_of(const VerifyOptions& options) {
  attest::PlatformDemands out;
  for (const std::string& text : options.measurements) {
    auto bytes = from_hex(text);
    if (!bytes) return fail(Code::malformed, "app.verify.hex", "--measurement must be hexadecimal");
    out.snp.measurements.push_back(*bytes);
    out.tdx.measurements.push_back(std::move(*bytes));
  }
  if (options.report_data.empty()) return out;
  const auto bytes = from_hex(options.report_data);
  const auto data = bytes ? to_array<64>(*bytes, "app.verify.hex") : Result<std::array<uint8_t, 64>>(std::unexpected(bytes.error()));
  if (!data) return fail(Code::malformed, "app.verify.hex", "--report-data must be 64 bytes, hexadecimal");
  out.snp.report_data = *data;
  out.tdx.report_data = *data;
  return out;
}

}  // namespace

Result<std::optional<int>> verify_as_platform(const VerifyOptions& options) {
  std::vector<Bytes> items;
  for (const auto& file : options.files) {
    OPENPCC_LET(Bytes bytes, read_bounded(file, directory::kBundleBytesMax));
    items.push_back(std::move(bytes));
  }
  const bool is_platform = std::ranges::any_of(items, [](const Bytes& item) { return attest::is_evidence(attest::recognise(item)); });
  if (!is_platform) return std::optional<int>();
  // Whoever names a policy wants a node judged by it: a bare report has no node's keys in it, and must not pass in the place of one.
  if (!options.policy.empty() || !options.beacons.empty()) {
    return fail(Code::rejected, "app.verify.bare", "a policy judges a node's evidence, and one of the files is a platform's bare report: give it alone, without one");
  }
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  OPENPCC_LET(const attest::PlatformDemands demands, demands_of(options));
  OPENPCC_LET(const attest::PlatformVerdict verdict, attest::verify_platform(items, now, demands));
  fmt::print("{}\n", options.json ? verdict.json() : verdict.text(options.explain));
  return std::optional(static_cast<int>(verdict.outcome));
}

}  // namespace openpcc::app
