// How each technology's items are put together and judged. Private to this library.
#pragma once

#include "openpcc/attest/platform.h"

namespace openpcc::attest {

inline constexpr size_t kPemCertificatesMax = 8;

PlatformVerdict verify_snp(ByteSpan report, std::span<const Bytes> others, UnixSeconds now, const snp::Demands& demands);
PlatformVerdict verify_tdx(ByteSpan quote, std::span<const Bytes> others, UnixSeconds now, const tdx::Demands& demands);

// not_genuine is the finding of an error that stands in the way of genuineness or of what follows from it.
appraisal::Finding failed(appraisal::Aspect aspect, const Error& error, std::string expected, std::string_view remedy);

}  // namespace openpcc::attest
