// Whether what a genuine quote says is acceptable. Demands are data, strict as they come; every aspect gets a finding, so that nothing is left
// out unseen.
#pragma once

#include <set>

#include "openpcc/appraisal/finding.h"
#include "openpcc/tdx/verify.h"

namespace openpcc::tdx {

// TcbException takes platforms that are not UpToDate, in one status, for a time.
struct TcbException {
  TcbStatus status;
  std::set<std::string> advisory_ids;  // all that the platform may have
  UnixSeconds until;                   // not from then on
};

// The bits that TDs may have: in TDATTRIBUTES LASS, SEPT_VE_DISABLE, PKS and KL; in XFAM what Intel's and clouds' TDs enable.
inline constexpr uint64_t kKnownAttributes = uint64_t{0x1b} << 27;
inline constexpr uint64_t kKnownXfam = 0x65ae7;

struct Demands {
  std::vector<TcbException> tcb_exceptions;
  std::set<std::array<uint8_t, 16>> platforms;               // PPIDs or platform instance ids; none: not checked
  std::set<Measurement> mrseam;                              // builds of the TDX module; none: not checked
  std::set<Measurement> mrservicetd;                         // service TDs that may be bound
  uint64_t attributes_mask = kKnownAttributes;               // bits of TDATTRIBUTES that may be set
  uint64_t xfam_mask = kKnownXfam;                           // bits of XFAM that may be set
  std::vector<Bytes> measurements;                           // MRTD, of an enclave MRENCLAVE; none: not checked
  std::optional<std::array<Measurement, 4>> rtmr;            // none: not checked
  std::set<Measurement> mrconfigid, mrowner, mrownerconfig;  // zero where the TD has none; none listed: not checked
  std::optional<ReportData> report_data;                     // none: not checked

  // What a policy may allow by name.
  bool allow_debug = false;
  bool allow_migratable = false;
  bool allow_sept_ve = false;  // SEPT_VE_DISABLE clear, as under some paravisors
};

// appraise judges what the quote says of the TD or enclave and of its platform, in this order:
//   tdx.tee_type (an enclave where a TD's fields are demanded)  tdx.platform.unlisted  tdx.seam.mrsigner, tdx.seam.attributes, tdx.seam.mrseam  tdx.attributes.debug
//   tdx.attributes.migratable, tdx.mrservicetd  tdx.attributes.perfmon, tdx.attributes.reserved, tdx.attributes.sept_ve_disable, tdx.xfam
//   tdx.mrconfigid, tdx.mrowner, tdx.mrownerconfig  tdx.mrtd, tdx.rtmr  tdx.report_data
appraisal::Findings appraise(const QuoteClaims& claims, const Demands& demands);

// appraise_tcb judges how current the platform is, and whether revocation was looked at.
//   tdx.tcb.status   not UpToDate, and no exception names status and advisories at this time        tdx.tcb.relaunch
appraisal::Findings appraise_tcb(const VerifiedQuote& verified, const Demands& demands, UnixSeconds now);

// accepted_window is when the quote holds under these demands: what was signed, and no longer than the last exception that takes its status.
x509::Window accepted_window(const VerifiedQuote& verified, const Demands& demands, UnixSeconds now);

}  // namespace openpcc::tdx
