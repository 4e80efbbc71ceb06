// How each technology's items are put together and judged. Private to this library.
#pragma once

#include "openpcc/attest/platform.h"

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
