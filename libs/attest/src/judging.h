// What the judges of all technologies have in common: what is given to them, and how they say what they found. Private to this library.
#pragma once

#include <deque>

#include "openpcc/attest/evidence.h"
#include "openpcc/attest/platform.h"
#include "openpcc/tpm/boot.h"

namespace openpcc::attest {

using Items = std::span<const Recognised>;

// One platform's evidence: what was given, with bundles unpacked.
struct PlatformEvidence {
  std::deque<Device> unpacked;  // what `items` show of bundles
  std::vector<Recognised> items;
  const Recognised* report = nullptr;  // one of them

  PlatformItem kind() const { return report->kind; }
};
//   platform.too_many
Result<std::vector<Recognised>> read_bounded(std::span<const Bytes> given);
// Errors: platform.*
Result<PlatformEvidence> find_evidence(std::vector<Recognised> given);

// name_of is what evidence is called where nothing more is known of it.
std::string_view name_of(PlatformItem evidence);

// JudgedPlatform is a verdict, and of a genuine platform what a policy finds it by (spec/evidence.md s7).
struct JudgedPlatform {
  PlatformVerdict verdict;
  Bytes chip_id;
  Bytes release;
};

// One judge to each technology. It takes from the items what it has a use for.
JudgedPlatform judge_snp(ByteSpan report, Items items, UnixSeconds now, const snp::Demands& demands);
JudgedPlatform judge_tdx(ByteSpan bytes, Items items, UnixSeconds now, const tdx::Demands& demands, const tdx::Terms& terms);
// judge_nvidia judges all NVIDIA reports among the items, together where there are several.
PlatformVerdict judge_nvidia(Items items, UnixSeconds now, const NvidiaDemands& demands);
PlatformVerdict refuse_nvidia_token(ByteSpan token);
PlatformVerdict judge_nitro(ByteSpan bytes, UnixSeconds now, const nitro::Demands& demands);
PlatformVerdict judge_tpm(const Recognised& evidence, Items items, UnixSeconds now, const PlatformDemands& demands);
// judge_azure holds the evidence to the makers' roots, as `trust` has them.
//   platform.tpm_parts
Result<PlatformVerdict> judge_azure(ByteSpan hcl, Items items, UnixSeconds now, const PlatformDemands& demands,
                                    const azure::Trust& trust = {});
// judge_unknown is for what has no verifier.
PlatformVerdict judge_unknown(std::string_view kind);

// What vouches for a report or quote among the items; views of those. Signatures of Intel's documents that stand apart do not name theirs: where the
// collateral is refused for its signatures, `swapped` is the other order.
snp::Collateral snp_collateral_in(ByteSpan bytes, Items items, UnixSeconds now);
tdx::Collateral tdx_collateral_in(const tdx::AuthenticQuote& quote, Items items, bool swapped);

// judge_logs judges all event logs and runtime logs among the items by what hardware signed.
appraisal::Findings judge_logs(Items items, tpm::LogForm form, const tpm::Quoted& quoted);

// Words are what verdicts of a technology say in its own way.
struct Words {
  std::string_view expected;  // of what is genuine
  std::string_view (*remedy)(std::string_view rule);
  bool (*of_form)(std::string_view rule);  // it is about the evidence itself, and not about what vouches for it
};
extern const Words kSnpWords, kTdxWords;

// Remedy is what to do where one of these rules refused: a rule's id, or its beginning or its end with '*' for the rest.
struct Remedy {
  std::string_view rules;
  std::string_view text;
};
inline constexpr std::string_view kGetAgain = "get the evidence again from the machine itself; if it stays, it is not genuine";
// remedy_in is the first that fits.
std::string_view remedy_in(std::span<const Remedy> remedies, std::string_view rule, std::string_view otherwise = kGetAgain);

// judged_late: the platform was found wanting after everything that makes its quote genuine was good (the order of tdx::verify).
bool judged_late(const Error& error);
inline constexpr const char* kTcbExpected = "a platform that Intel's collateral takes";

// failed is the finding of an error.
appraisal::Finding failed(appraisal::Aspect aspect, const Error& error, std::string expected, std::string_view remedy);
// outcome_of says how evidence that did not verify is refused: what cannot be read is malformed, what we do not speak is unsupported, anything else
// rejected.
Outcome outcome_of(std::span<const Error> failures, bool (*of_form)(std::string_view rule));

// not_genuine completes the verdict on what did not verify: a finding to each failure.
void not_genuine(PlatformVerdict& out, const Words& words, std::span<const Error> failures);
// found_genuine says that it is genuine, and completes the verdict by what else was found.
void found_genuine(PlatformVerdict& out, const Words& words, Rule rule, std::string seen, appraisal::Findings rest);
// conclude accepts what no finding refuses.
void conclude(PlatformVerdict& out);
void append(appraisal::Findings& out, appraisal::Findings more);

}  // namespace openpcc::attest
