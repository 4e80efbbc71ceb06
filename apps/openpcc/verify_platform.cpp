#include "verify_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/directory/bundle.h"

namespace openpcc::app {
namespace {

Result<std::optional<std::array<uint8_t, 64>>> report_data_of(const VerifyOptions& options) {
  if (options.report_data.empty()) return std::nullopt;
  const auto bytes = from_hex(options.report_data);
  const auto data = bytes ? to_array<64>(*bytes, "app.verify.hex") : Result<std::array<uint8_t, 64>>(std::unexpected(bytes.error()));
  if (!data) return fail(Code::malformed, "app.verify.hex", "--report-data must be 64 bytes, hexadecimal");
  return *data;
}

// demands_of adds what the command line expects to the strict demands of each technology.
Result<attest::PlatformDemands> demands_of(const VerifyOptions& options) {
  attest::PlatformDemands out;
  for (const std::string& text : options.measurements) {
    auto bytes = from_hex(text);
    if (!bytes) return fail(Code::malformed, "app.verify.hex", "--measurement must be hexadecimal");
    out.snp.measurements.push_back(*bytes);
    out.tdx.measurements.push_back(std::move(*bytes));
  }
  if (!options.nonce.empty()) {
    const auto nonce = from_hex(options.nonce);
    const auto whole = nonce ? to_array<nvgpu::kNonceBytes>(*nonce, "app.verify.hex") : Result<nvgpu::Nonce>(std::unexpected(nonce.error()));
    if (!whole) return fail(Code::malformed, "app.verify.hex", "--nonce must be 32 bytes, hexadecimal");
    out.nvidia.device.nonce = *whole;
  }
  OPENPCC_LET(out.snp.report_data, report_data_of(options));
  out.tdx.report_data = out.snp.report_data;
  return out;
}

Result<attest::PlatformVerdict> judge(const std::vector<Bytes>& items, const VerifyOptions& options) {
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  if (options.policy.empty()) {
    OPENPCC_LET(const attest::PlatformDemands demands, demands_of(options));
    return attest::verify_platform(items, now, demands);
  }
  if (!options.measurements.empty()) {
    return fail(Code::rejected, "app.verify.bare", "the policy's releases say what must have been measured: leave --measurement out");
  }
  OPENPCC_LET(const Bytes text, read_bounded(options.policy, policy::kPolicyBytesMax));
  OPENPCC_LET(const policy::Policy parsed, policy::parse(text));
  const auto* production = std::get_if<policy::ProductionPolicy>(&parsed);
  if (production == nullptr) {
    return fail(Code::rejected, "app.verify.simulated", "a development policy takes simulated machines alone, and this report is a real one's");
  }
  OPENPCC_LET(const auto report_data, report_data_of(options));
  return attest::verify_platform_by(items, now, *production, report_data);
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
  if (!options.beacons.empty()) {
    return fail(Code::rejected, "app.verify.bare", "a beacon is for a node's evidence, and one of the files is a platform's bare report: give it without one");
  }
  OPENPCC_LET(const attest::PlatformVerdict verdict, judge(items, options));
  fmt::print("{}\n", options.json ? verdict.json() : verdict.text(options.explain));
  return std::optional(static_cast<int>(verdict.outcome));
}

}  // namespace openpcc::app
