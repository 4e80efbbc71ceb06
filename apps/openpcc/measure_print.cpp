// How a measurement is shown, to people and as a document.
#include <fmt/format.h>

#include "commands.h"
#include "files.h"
#include "measure.h"
#include "openpcc/core/describe.h"
#include "openpcc/measure/document.h"

namespace openpcc::app {
namespace {

using measure::Measurement;

void show_trace(const Measurement& measurement) {
  fmt::print("\ntrace\n");
  for (const measure::Extend& step : measurement.trace) {
    const std::string place = step.gpa ? fmt::format(" at {:#x}", *step.gpa) : std::string();
    fmt::print("  {:<11} {} ({}, {}+{}{})\n", step.reg, printable(step.what), printable(step.input), step.offset, step.size, place);
    fmt::print("  {:<11}   digest {}\n", "", to_hex(step.digest));
    if (!step.after.empty()) fmt::print("  {:<11}   after  {}\n", "", to_hex(step.after));
  }
}

// show_tdx_release prints it only where all of it was computed: a policy must not take what stands for no machine.
void show_tdx_release(const Measurement& measurement) {
  std::string missing;
  for (const std::string_view name : {"MRTD", "RTMR0", "RTMR1", "RTMR2"}) {
    if (measurement.value(name).empty()) missing += (missing.empty() ? "" : ", ") + std::string(name);
  }
  const std::string release = to_hex(measure::release_digest(measurement));
  if (missing.empty()) {
    fmt::print("\nreleases = [\"{}\"]\n", release);
  } else {
    fmt::print("\nno release, since not computed: {}. With zeros in their place it would be\n{}\n", missing, release);
  }
}

// show_release prints the value that a policy's nodes.releases takes.
void show_release(const Measurement& measurement) {
  if (measurement.technology == "tdx") show_tdx_release(measurement);
  if (measurement.technology != "snp" || measurement.value("MEASUREMENT").empty()) return;
  fmt::print("\nreleases = [\"{}\"]\n", to_hex(measurement.value("MEASUREMENT")));
  const bool firmware_alone = !measurement.parameter("vmm").empty() && measurement.parameter("kernel.sha256").empty();
  if (firmware_alone) fmt::print("without a kernel this names the firmware alone, which starts whatever the host gives it\n");
}

}  // namespace

void show_measurement(const Measurement& measurement, const MeasureOutput& output) {
  if (output.json) {
    fmt::print("{}\n", measure::to_json(measurement));
    return;
  }
  for (const measure::Register& reg : measurement.registers) fmt::print("{:<17} {}\n", reg.name, to_hex(reg.value));
  show_release(measurement);
  fmt::print("\n");
  for (const measure::Proof& proof : measurement.proofs) {
    fmt::print("{:<13} {}{}{}\n", proof.pair.empty() ? "unverified" : "reproduces", proof.aspect, proof.pair.empty() ? "" : ": ",
               proof.pair);
  }
  if (output.trace) show_trace(measurement);
}

int measure_failed(const Error& error) {
  fmt::print(stderr, "openpcc measure: {}\n", told(error));
  switch (error.code) {
    case Code::internal: return kInternal;
    case Code::unsupported: return kUnsupported;
    case Code::rejected: return kReject;
    default: return kMalformed;
  }
}

}  // namespace openpcc::app
