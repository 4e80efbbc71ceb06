// Evidence of a platform alone: a report as the hardware gave it, and the certificates and lists that vouch for it. It speaks of no node and no
// keys; what can be said of it is whether it is genuine, and whether what it says of the machine is acceptable.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "openpcc/appraisal/finding.h"
#include "openpcc/attest/verdict.h"
#include "openpcc/snp/appraise.h"

namespace openpcc::attest {

inline constexpr size_t kPlatformItemsMax = 32;

// What an item of platform evidence is, by its bytes. Names and endings of files are not looked at.
enum class PlatformItem : uint8_t { snp_report, snp_vek, snp_issuer, snp_root, snp_crl, snp_certificate_table, certificates, other };
PlatformItem recognise(ByteSpan bytes);

struct PlatformVerdict {
  Outcome outcome = Outcome::malformed;
  std::string kind;                      // "AMD SEV-SNP report, version 5, Genoa"
  appraisal::Findings findings;          // first whether it is genuine, one finding to each thing that is wrong
  std::optional<x509::Window> window;    // when all that was signed holds; none where it is not genuine
  crypto::Sha256Digest evidence_digest;  // of the report

  std::string text(bool explain) const;
  std::string json() const;
};

// PlatformDemands are what is demanded of each technology.
struct PlatformDemands {
  snp::Demands snp;
};

// verify_platform judges the one report among the items by the others. A pure function: no network, clock or files.
//   platform.none      no item is a report (unsupported)        platform.several   more than one is
//   platform.too_many  more than kPlatformItemsMax items (limit)
Result<PlatformVerdict> verify_platform(std::span<const Bytes> items, UnixSeconds now, const PlatformDemands& demands);

}  // namespace openpcc::attest
