// How each technology's items are put together and judged. Private to this library.
#pragma once

#include <functional>

#include "openpcc/attest/platform.h"
#include "openpcc/tpm/boot.h"

namespace openpcc::attest {

inline constexpr size_t kPemCertificatesMax = 8;

// JudgedPlatform is a verdict, and of a genuine platform what a policy finds it by (spec/evidence.md s7).
struct JudgedPlatform {
  PlatformVerdict verdict;
  Bytes chip_id;
  Bytes release;
};
JudgedPlatform verify_snp(ByteSpan report, std::span<const Bytes> others, UnixSeconds now, const snp::Demands& demands);
JudgedPlatform verify_tdx(ByteSpan quote, std::span<const Bytes> others, UnixSeconds now, const tdx::Demands& demands,
                          const tdx::Terms& terms);
// verify_nvidia judges all NVIDIA reports among the items, together where there are several.
PlatformVerdict verify_nvidia(std::span<const Bytes> items, UnixSeconds now, const NvidiaDemands& demands);
PlatformVerdict refuse_nvidia_token(ByteSpan token);
PlatformVerdict verify_nitro(ByteSpan document, UnixSeconds now, const nitro::Demands& demands);
PlatformVerdict verify_tpm(ByteSpan quote, std::span<const Bytes> others, UnixSeconds now, const PlatformDemands& demands);

// recognise_tpm is recognise for what belongs to TPMs, event logs included.
PlatformItem recognise_tpm(ByteSpan bytes);
// judge_logs judges all event logs and runtime logs among the items by what hardware signed.
appraisal::Findings judge_logs(std::span<const Bytes> items, tpm::LogForm form, const tpm::Quoted& quoted);

// Errors: platform.tpm_parts
Result<PlatformVerdict> verify_azure(ByteSpan hcl, std::span<const Bytes> items, UnixSeconds now, const PlatformDemands& demands);

// Both hand over what the items vouch for a report or quote with; what it shows outlives the call alone. Signatures that stand apart do not name their
// document: where `use` says that they did not fit, it is called again with the other order.
void with_snp_collateral(ByteSpan report, std::span<const Bytes> items, UnixSeconds now,
                         const std::function<void(const snp::Collateral&)>& use);
void with_tdx_collateral(ByteSpan quote, std::span<const Bytes> items, const std::function<bool(const tdx::Collateral&)>& use);

// name_of is what evidence is called where nothing more is known of it.
std::string_view name_of(PlatformItem evidence);
// unsupported is the verdict on what has no verifier.
PlatformVerdict unsupported(std::string_view kind);

// failed is the finding of an error that stands in the way of genuineness or of what follows from it.
appraisal::Finding failed(appraisal::Aspect aspect, const Error& error, std::string expected, std::string_view remedy);

// The items of one platform's evidence, told apart.
struct PlatformEvidence {
  std::vector<Bytes> items;  // what was in bundles included
  ByteSpan report;           // one of them
  PlatformItem kind;         // the report's
};
// Errors: platform.*
Result<PlatformEvidence> find_evidence(std::span<const Bytes> given);

}  // namespace openpcc::attest
