// Whether a report is genuine: a pure function of bytes and time. What it says may still be unacceptable; a policy judges that.
//
//   pinned key = ARK --signs--> ASK (or ASVK) --signs--> VCEK (or VLEK) --signs--> report         ARK --signs--> revocation list
#pragma once

#include <vector>

#include "openpcc/snp/collateral.h"

namespace openpcc::snp {

// VerifiedReport is a report whose chain of signatures up to a pinned root is good. Only verify() makes one.
class VerifiedReport {
 public:
  const Report& report() const { return report_; }
  const VekFields& vek() const { return vek_; }
  Product product() const { return vek_.product; }
  Tcb tcb(const RawTcb& raw) const { return read_tcb(raw, product()); }
  // window is when all that was signed holds, the revocation list included where there is one.
  const x509::Window& window() const { return window_; }
  bool revocation_checked() const { return revocation_checked_; }

 private:
  friend class Verifier;
  VerifiedReport(const Report& report, VekFields vek, const x509::Window& window, bool revocation_checked)
      : report_(report), vek_(std::move(vek)), window_(window), revocation_checked_(revocation_checked) {}
  Report report_;
  VekFields vek_;
  x509::Window window_;
  bool revocation_checked_;
};

// Verification is a verified report, or everything that was found to be wrong, in the order of the checks.
struct Verification {
  std::vector<Error> failures;
  std::optional<VerifiedReport> verified;  // there exactly when nothing failed
};

// verify checks all of it, in this order; what rests on something that could not be read is left out.
//   snp.length ... snp.signing_key                  of parse_report
//   snp.chain.missing, snp.chain.syntax             root or issuer        snp.vek.syntax, snp.vek.extension, snp.vek.kind   of the VEK
//   snp.product.unknown, snp.product.mismatch       CPU, certificates and root are not of one line
//   snp.chain.root                                  the root's key is not a pinned one
//   snp.chain.issuer, .ca, .signature, .early, .expired        snp.vek.signature, .early, .expired
//   snp.crl.syntax, .issuer, .signature, .early, .expired, .revoked
//   snp.vek.key, snp.signature                      the report's own signature
//   snp.tcb.certificate                             REPORTED_TCB is not what the certificate says
//   snp.chip_id.mismatch                            CHIP_ID is not hwID; not zero under a VLEK or MASK_CHIP_KEY
//   snp.tcb.reserved, snp.tcb.order                 TCB_VERSIONs that no firmware writes
// Without a revocation list the result says so, and a policy decides.
Verification verify(ByteSpan report, const Collateral& collateral, UnixSeconds now, std::span<const PinnedRoot> roots = amd_roots());

}  // namespace openpcc::snp
