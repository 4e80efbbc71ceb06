#include "verify_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/directory/bundle.h"

namespace openpcc::app {
namespace {

constexpr std::string_view kReportData = "--report-data";

Result<std::optional<std::array<uint8_t, 64>>> report_data_of(const VerifyOptions& options) {
  if (options.report_data.empty()) return std::nullopt;
  const auto bytes = from_hex(options.report_data);
  const auto data = bytes ? to_array<64>(*bytes, "app.verify.hex") : Result<std::array<uint8_t, 64>>(std::unexpected(bytes.error()));
  if (!data) return fail(Code::malformed, "app.verify.hex", "--report-data must be 64 bytes, hexadecimal");
  return *data;
}

// number_of reads the number of a PCR.
std::optional<uint8_t> number_of(std::string_view text) {
  uint8_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out >= tpm::kPcrs) return std::nullopt;
  return out;
}

// read_pcr reads "sha256:7=<hexadecimal>" into the terms, which are of one bank.
Result<> read_pcr(std::string_view text, tpm::Demands::Terms& terms) {
  const auto wrong = [] { return fail(Code::malformed, "app.verify.pcr", "--pcr must be like sha256:7=<hexadecimal>, all of one bank"); };
  const size_t colon = text.find(':'), equals = text.find('=');
  if (colon == std::string_view::npos || equals == std::string_view::npos || equals < colon) return wrong();
  const auto bank = tpm::hash_named(text.substr(0, colon));
  const auto pcr = number_of(text.substr(colon + 1, equals - colon - 1));
  auto value = from_hex(text.substr(equals + 1));
  if (!bank || !pcr || !value || (!terms.pcrs.empty() && terms.bank != *bank)) return wrong();
  terms.bank = *bank;
  terms.pcrs[*pcr].push_back(std::move(*value));
  return {};
}

// selection_of reads "0,1,7" or "all".
Result<uint32_t> selection_of(std::string_view text) {
  if (text == "all") return (uint32_t{1} << tpm::kPcrs) - 1;
  uint32_t out = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const auto pcr = number_of(text.substr(at, end - at));
    if (!pcr) return fail(Code::malformed, "app.verify.pcr", "--pcr-selection must be like 0,1,7 or all");
    out |= uint32_t{1} << *pcr;
    at = end + 1;
  }
  return out;
}

// tpm_demands: values and a nonce belong together, as what is new says nothing of what it is, and the other way round.
Result<std::optional<tpm::Demands>> tpm_demands(const VerifyOptions& options, bool of_tpm) {
  if (options.pcrs.empty() && options.selection.empty() && !(of_tpm && !options.nonce.empty())) return std::optional<tpm::Demands>();
  if (options.pcrs.empty() || options.nonce.empty()) return fail(Code::malformed, "app.verify.pcr", "--pcr and --nonce belong together");
  tpm::Demands::Terms terms;
  for (const std::string& text : options.pcrs) {
    OPENPCC_TRY(read_pcr(text, terms));
  }
  const auto nonce = from_hex(options.nonce);
  if (!nonce) return fail(Code::malformed, "app.verify.hex", "--nonce must be hexadecimal");
  terms.nonce = *nonce;
  if (!options.selection.empty()) {
    OPENPCC_LET(terms.selection, selection_of(options.selection));
  }
  auto demands = tpm::Demands::create(std::move(terms));
  if (!demands) return fail(Code::malformed, "app.verify.pcr", describe(demands.error()));
  return std::optional(std::move(*demands));
}

Result<> expect_of_nitro(const VerifyOptions& options, nitro::Demands& out) {
  if (options.instances) out.sources.insert(nitro::Source::nitro_tpm);
  if (options.public_key.empty()) return {};
  auto key = from_hex(options.public_key);
  if (!key) return fail(Code::malformed, "app.verify.hex", "--public-key must be hexadecimal");
  out.public_key = std::move(*key);
  return {};
}

// demands_of adds what the command line expects to the strict demands of each technology. What a nonce is of depends on what was given.
Result<attest::PlatformDemands> demands_of(const VerifyOptions& options, std::span<const attest::Recognised> items) {
  const auto holds = [&](attest::PlatformItem kind) { return std::ranges::find(items, kind, &attest::Recognised::kind) != items.end(); };
  const bool of_tpm = holds(attest::PlatformItem::tpm_quote), of_nitro = holds(attest::PlatformItem::nitro_document);
  attest::PlatformDemands out;
  OPENPCC_LET(out.tpm, tpm_demands(options, of_tpm));
  for (const std::string& text : options.attestation_keys) {
    const auto digest = from_hex(text);
    const auto sized = digest ? to_array<32>(*digest, "app.verify.hex") : Result<std::array<uint8_t, 32>>(std::unexpected(digest.error()));
    if (!sized) return fail(Code::malformed, "app.verify.hex", "--attestation-key must be 32 bytes, hexadecimal");
    out.attestation_keys.insert(*sized);
  }
  for (const std::string& text : options.measurements) {
    const auto bytes = from_hex(text);
    if (!bytes) return fail(Code::malformed, "app.verify.hex", "--measurement must be hexadecimal");
    out.expect_measurement(*bytes);
  }
  if (!options.nonce.empty() && !of_tpm) {
    const auto nonce = from_hex(options.nonce);
    if (!nonce) return fail(Code::malformed, "app.verify.hex", "--nonce must be hexadecimal");
    if (of_nitro) {
      out.nitro.nonce = *nonce;
    } else {
      const auto whole = to_array<nvgpu::kNonceBytes>(*nonce, "app.verify.hex");
      if (!whole) return fail(Code::malformed, "app.verify.hex", "--nonce must be 32 bytes, hexadecimal");
      out.nvidia.device.nonce = *whole;
    }
  }
  OPENPCC_TRY(expect_of_nitro(options, out.nitro));
  OPENPCC_LET(const auto report_data, report_data_of(options));
  if (report_data) out.expect_report_data(*report_data);
  return out;
}

Result<attest::PlatformVerdict> judge(std::vector<attest::Recognised> items, const VerifyOptions& options) {
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  if (options.policy.empty()) {
    OPENPCC_LET(attest::PlatformDemands demands, demands_of(options, items));
    demands.nvidia.set.gpus = options.gpus;
    demands.nvidia.set.switches = options.switches;
    return attest::verify_platform(std::move(items), now, demands);
  }
  if (const std::string_view option = demanded_of_platform(options); !option.empty() && option != kReportData) {
    return fail(Code::rejected, "app.verify.bare", "the policy says what is demanded: leave " + std::string(option) + " out");
  }
  OPENPCC_LET(const Bytes text, read_bounded(options.policy, policy::kPolicyBytesMax));
  OPENPCC_LET(const policy::Policy parsed, policy::parse(text));
  const auto* production = std::get_if<policy::ProductionPolicy>(&parsed);
  if (production == nullptr) {
    return fail(Code::rejected, "app.verify.simulated",
                "a development policy takes simulated machines alone, and this report is a real one's");
  }
  OPENPCC_LET(const auto report_data, report_data_of(options));
  return attest::verify_platform_by(std::move(items), now, *production, report_data);
}

}  // namespace

std::string_view demanded_of_platform(const VerifyOptions& options) {
  const std::pair<std::string_view, bool> given[] = {{"--measurement", !options.measurements.empty()},
                                                     {"--pcr", !options.pcrs.empty()},
                                                     {"--pcr-selection", !options.selection.empty()},
                                                     {"--nonce", !options.nonce.empty()},
                                                     {"--public-key", !options.public_key.empty()},
                                                     {"--nitro-tpm", options.instances},
                                                     {"--gpus", options.gpus.has_value()},
                                                     {"--switches", options.switches.has_value()},
                                                     {"--attestation-key", !options.attestation_keys.empty()},
                                                     {kReportData, !options.report_data.empty()}};
  const auto* found = std::ranges::find(given, true, &std::pair<std::string_view, bool>::second);
  return found == std::end(given) ? std::string_view() : found->first;
}

Result<std::optional<int>> verify_as_platform(const VerifyOptions& options) {
  std::vector<Bytes> files;
  for (const auto& file : options.files) {
    OPENPCC_LET(Bytes bytes, read_bounded(file, directory::kBundleBytesMax));
    files.push_back(std::move(bytes));
  }
  std::vector<attest::Recognised> items = attest::read_items(files);
  const bool is_platform = std::ranges::any_of(items, attest::is_evidence, &attest::Recognised::kind);
  if (!is_platform) return std::optional<int>();
  if (!options.beacons.empty()) {
    return fail(Code::rejected, "app.verify.bare",
                "a beacon is for a node's evidence, and one of the files is a platform's bare report: give it without one");
  }
  OPENPCC_LET(const attest::PlatformVerdict verdict, judge(std::move(items), options));
  fmt::print("{}\n", options.json ? verdict.json() : verdict.text(options.explain));
  return std::optional(static_cast<int>(verdict.outcome));
}

}  // namespace openpcc::app
