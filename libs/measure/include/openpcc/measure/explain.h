// Why a register holds another value than the measurement says: what differs first, and which other input or order gives the value that was seen.
#pragma once

#include "openpcc/measure/snp.h"
#include "openpcc/measure/trace.h"

namespace openpcc::measure {

// Difference is one register in which two measurements, or a measurement and a report, differ.
struct Difference {
  std::string reg;
  Bytes expected;
  Bytes seen;
  std::string first;                // the first step that differs, for people; empty where the other side has no steps
  std::vector<std::string> causes;  // each alone gives the value that was seen: "4 vCPUs, SEV_FEATURES 0x21"; empty: none of what was tried
};

// compare gives the differences between two measurements, over the registers that both have. With steps on both sides it names the first that
// differs, and which given parameters are not the same.
std::vector<Difference> compare(const Measurement& expected, const Measurement& seen);

// causes_of tries what is known to go wrong, each by recomputing the register. MEASUREMENT of a described launch: another number or type of vCPUs,
// SEV_FEATURES, host software, kernel or command line, also one of each kind at once; at most three causes, of the fewest changes. MRTD: its
// alternatives. Registers that were extended from zero: one alternative of a step, or one step left out, twice, with its neighbour in its place, or
// the last one there.
std::vector<std::string> causes_of(const Measurement& expected, std::string_view reg, ByteSpan seen);

// The parameters that let a SEV-SNP launch be computed again without its files: describe_launch writes them, launch_of reads them back. nullopt: the
// measurement has none, or they do not fit.
void describe_launch(const SnpLaunch& launch, Measurement& out);
std::optional<SnpLaunch> launch_of(const Measurement& measurement);

}  // namespace openpcc::measure
