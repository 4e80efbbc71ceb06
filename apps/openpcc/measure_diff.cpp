// `openpcc measure diff`: which register differs, from which step on, and what else would give the value that was seen.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "commands.h"
#include "measure.h"
#include "measure_inputs.h"
#include "openpcc/core/describe.h"
#include "openpcc/measure/document.h"
#include "openpcc/measure/explain.h"
#include "openpcc/snp/report.h"
#include "openpcc/tdx/quote.h"
#include "openpcc/tpm/eventlog.h"

namespace openpcc::app {
namespace {

namespace bj = boost::json;
using measure::Difference;
using measure::Measurement;

Result<Measurement> read_document(const std::filesystem::path& path) {
  OPENPCC_LET(const Bytes bytes, read_input(path));
  return measure::parse_measurement(bytes);
}

template <class Array>
measure::Register reg(std::string name, const Array& value) {
  return {std::move(name), Bytes(value.begin(), value.end())};
}

// read_report takes the registers that a report or quote shows. Whether it is genuine is for `openpcc verify`.
Result<Measurement> read_report(const std::filesystem::path& path) {
  OPENPCC_LET(const Bytes bytes, read_input(path));
  Measurement out;
  if (const auto bare = snp::strip_response(bytes)) {
    OPENPCC_LET(const snp::Report report, snp::parse_report(*bare));
    out.technology = "snp";
    out.registers = {reg("MEASUREMENT", report.measurement), reg("ID_KEY_DIGEST", report.id_key_digest)};
    return out;
  }
  OPENPCC_LET(const tdx::Quote quote, tdx::parse_quote(bytes));
  const auto* body = std::get_if<tdx::TdReport>(&quote.body);
  if (body == nullptr) return fail(Code::unsupported, "app.measure.report", "an enclave's quote measures no machine");
  out.technology = "tdx";
  out.registers.push_back(reg("MRTD", body->mrtd));
  for (size_t n = 0; n < body->rtmr.size(); ++n) out.registers.push_back(reg("RTMR" + std::to_string(n), body->rtmr[n]));
  return out;
}

// replayed extends the registers as a log says, each event a step.
Measurement replayed(const tpm::EventLog& log, size_t algorithm, const Measurement& expected) {
  const bool td = log.form() == tpm::LogForm::ccel;
  measure::Replayer registers(expected.bank);
  if (log.locality()) {
    Bytes start(measure::digest_bytes(expected.bank));
    start.back() = *log.locality();
    registers.start("PCR0", std::move(start));
  }
  for (const tpm::Event& event : log.events()) {
    if (!event.measured()) continue;
    const ByteSpan digest = event.digests[algorithm];
    registers.extend({td ? "RTMR" + std::to_string(event.index - 1) : "PCR" + std::to_string(event.index),
                      tpm::name_of(event.type),
                      "log",
                      event.offset,
                      event.data.size(),
                      std::nullopt,
                      Bytes(digest.begin(), digest.end()),
                      {}});
  }
  Measurement out;
  out.technology = expected.technology;
  std::move(registers).finish(out);
  return out;
}

// read_log takes the registers that a log of the expected technology leads to.
Result<Measurement> read_log(const std::filesystem::path& path, const Measurement& expected) {
  OPENPCC_LET(const Bytes bytes, read_input(path));
  const tpm::LogForm form = expected.technology == "tdx" ? tpm::LogForm::ccel : tpm::LogForm::tpm;
  OPENPCC_LET(const tpm::EventLog log, tpm::EventLog::parse(bytes, form));
  const auto found = std::ranges::find(log.algorithms(), static_cast<tpm::Hash>(expected.bank));
  if (found == log.algorithms().end()) {
    return fail(Code::unsupported, "eventlog.bank", "no digests of " + std::string(measure::to_string(expected.bank)));
  }
  return replayed(log, static_cast<size_t>(found - log.algorithms().begin()), expected);
}

Result<Measurement> read_seen(const MeasureDiffOptions& options, const Measurement& expected) {
  Result<Measurement> seen = !options.report.empty()     ? read_report(options.report)
                             : !options.eventlog.empty() ? read_log(options.eventlog, expected)
                                                         : read_document(options.other);
  if (seen && (seen->technology != expected.technology || (options.report.empty() && seen->bank != expected.bank))) {
    return fail(Code::rejected, "app.measure.other", "the two are of different technologies or banks");
  }
  return seen;
}

// compared counts the registers that both have: none of them would be no agreement.
size_t compared(const Measurement& a, const Measurement& b) {
  size_t n = 0;
  for (const measure::Register& r : a.registers) n += b.value(r.name).empty() ? 0u : 1u;
  return n;
}

void print(const std::vector<Difference>& differences, bool documents) {
  for (const Difference& d : differences) {
    fmt::print("{} differs\n  expected {}\n  seen     {}\n", printable(d.reg), to_hex(d.expected), to_hex(d.seen));
    if (!d.first.empty()) fmt::print("  first    {}\n", printable(d.first));
    for (const std::string& cause : d.causes) fmt::print("  {} {}\n", documents ? "given   " : "it is what this gives:", printable(cause));
    if (d.causes.empty() && !documents) fmt::print("  nothing that was tried gives what was seen\n");
  }
}

void print_json(const std::vector<Difference>& differences, size_t registers) {
  bj::array out;
  for (const Difference& d : differences) {
    bj::array causes;
    for (const std::string& cause : d.causes) causes.push_back(bj::string(cause));
    out.push_back(bj::object{{"register", d.reg},
                             {"expected", to_hex(d.expected)},
                             {"seen", to_hex(d.seen)},
                             {"first", d.first},
                             {"causes", std::move(causes)}});
  }
  fmt::print("{}\n", bj::serialize(bj::object{{"compared", registers}, {"differences", std::move(out)}}));
}

}  // namespace

int run_measure_diff(const MeasureDiffOptions& options) {
  const auto expected = read_document(options.expected);
  if (!expected) return measure_failed(expected.error());
  const auto seen = read_seen(options, *expected);
  if (!seen) return measure_failed(seen.error());
  const size_t registers = compared(*expected, *seen);
  if (registers == 0) return measure_failed({Code::rejected, "app.measure.other", "the two have no register in common"});
  const auto differences = measure::compare(*expected, *seen);
  if (options.json) {
    print_json(differences, registers);
  } else {
    print(differences, !seen->parameters.empty());
    if (differences.empty()) fmt::print("the same: {} of {} registers compared\n", registers, expected->registers.size());
  }
  return differences.empty() ? kAccept : kReject;
}

}  // namespace openpcc::app
