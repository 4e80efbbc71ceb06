// Evidence of a platform alone: a report or quote as the hardware gave it, and the certificates, lists and documents that vouch for it. It speaks
// of no node and no keys; what can be said of it is whether it is genuine, and whether what it says of the machine is acceptable.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "openpcc/appraisal/finding.h"
#include "openpcc/attest/items.h"
#include "openpcc/attest/verdict.h"
#include "openpcc/azure/appraise.h"
#include "openpcc/nitro/appraise.h"
#include "openpcc/nvgpu/appraise.h"
#include "openpcc/policy/policy.h"
#include "openpcc/snp/appraise.h"
#include "openpcc/tdx/appraise.h"
#include "openpcc/tpm/appraise.h"

namespace openpcc::attest {

inline constexpr size_t kPlatformItemsMax = 32;
// The media type of an enclave's quote in a bundle; no node shows one. Of the others: hardware_types.h.
inline constexpr std::string_view kSgxQuoteType = "application/vnd.openpcc.sgx-quote";

struct PlatformVerdict {
  Outcome outcome = Outcome::malformed;
  std::string kind;                    // "AMD SEV-SNP report, version 5, Genoa"
  bool genuine = false;                // its signatures lead to the maker's root, now, and nothing that was given says otherwise
  appraisal::Findings findings;        // first whether it is genuine, one finding to each thing that is wrong
  std::optional<x509::Window> window;  // when all that was signed holds; none where not all of it was verified
  std::optional<crypto::Sha256Digest> evidence_digest;  // of the report or quote; none where nothing was judged

  // Under a policy: its digest, its exceptions, and what of a node it demands that no bare report can show.
  std::optional<crypto::Sha256Digest> policy_digest;
  std::vector<std::string> exceptions;
  std::vector<Property> of_nodes;

  std::string text(bool explain) const;
  std::string json() const;
};

// These are what is demanded of each technology.
struct NvidiaDemands {
  nvgpu::Demands device;
  nvgpu::SetDemands set;  // where there are several
};
struct PlatformDemands {
  snp::Demands snp;
  tdx::Demands tdx;
  NvidiaDemands nvidia;
  std::optional<tpm::Demands> tpm;                  // of a quote, alone or in a VM's evidence; none: nothing but a nonce is demanded
  std::set<crypto::Sha256Digest> attestation_keys;  // of TPMs: fingerprints of the keys that count; none: those that are certified
  nitro::Demands nitro;
  azure::Demands azure;  // but for what stands above: a VM's machine and quote are judged by that

  // expect_measurement adds one that is taken: MEASUREMENT, MRTD, MRENCLAVE, PCR0 of a Nitro document. expect_report_data is what it was made for:
  // REPORTDATA, user_data of a Nitro document, user-data of an Azure VM. What is of another size than the technology's matches nothing.
  void expect_measurement(const Bytes& measurement);
  void expect_report_data(const std::array<uint8_t, 64>& data);
};

// verify_platform judges the one report, quote or document among what is given by the rest; NVIDIA's reports may be several, of one machine. A bundle
// counts as what is in it; what has no verifier is unsupported, by its name (platform.unsupported). A pure function: no network, clock or files.
//   platform.none      no item is evidence (unsupported)        platform.several   more than one is, not all of them NVIDIA's
//   platform.too_many  more than kPlatformItemsMax items (limit)        platform.unknown_item  an item that is none of these, or that this evidence has no use for
//   platform.tpm_parts     of a VM's quote, signature and values not all are there (rejected)
//   platform.bundle_type   a bundle's report is not what its media type says        attest.cmw.*   a bundle cannot be read
//   platform.demand        a finding: something is demanded that this technology's evidence does not have
Result<PlatformVerdict> verify_platform(std::span<const Bytes> given, UnixSeconds now, const PlatformDemands& demands);
// The same for items that are recognised already.
Result<PlatformVerdict> verify_platform(std::vector<Recognised> given, UnixSeconds now, const PlatformDemands& demands);

// verify_platform_by judges it by all that a policy demands of platforms and their software, release and chip ledger included. Nothing is shown of a
// node: the best outcome is accept_platform. `report_data`: what the report must have been made for; none: not checked. Errors: the same.
//   attest.kind.not_taken, attest.release.unknown, attest.ledger.unknown   as findings        platform.policy   NVIDIA's evidence: policies judge it beside a node's CPU (unsupported)
Result<PlatformVerdict> verify_platform_by(std::span<const Bytes> given, UnixSeconds now, const policy::ProductionPolicy& policy,
                                           const std::optional<std::array<uint8_t, 64>>& report_data);
Result<PlatformVerdict> verify_platform_by(std::vector<Recognised> given, UnixSeconds now, const policy::ProductionPolicy& policy,
                                           const std::optional<std::array<uint8_t, 64>>& report_data);

}  // namespace openpcc::attest
