// Which of several certificates and lists vouch for a report: a chip has a certificate for each TCB that it was ever at, a folder may hold those of
// many chips, AMD has replaced issuers, and lists are renewed. Whether what was chosen is genuine and of the time is for verify.
#pragma once

#include "openpcc/snp/collateral.h"
#include "openpcc/x509/choose.h"

namespace openpcc::snp {

// Fit is how far a VEK's certificate is of the key that signed a report.
struct Fit {
  bool kind = false;  // VCEK or VLEK
  bool chip = false;  // hwID is CHIP_ID, of which Turin uses 8 bytes; a chip that does not show its id, as under a VLEK, fits any
  bool tcb = false;   // at REPORTED_TCB
  bool whole() const { return kind && chip && tcb; }
  friend auto operator<=>(const Fit&, const Fit&) = default;
};
Fit fit_of(const Report& report, const VekFields& vek);
// The same for a certificate, in which there may be no VEK's fields to compare.
Fit fit_of(const Report& report, const x509::Certificate& certificate);

// Chosen are the certificates from the report's key up to the root, and the root's list. Null: none was there.
struct Chosen {
  const x509::Certificate* vek = nullptr;
  const x509::Certificate* issuer = nullptr;
  const x509::Certificate* root = nullptr;
  const x509::CrlView* crl = nullptr;
};

// choose takes of VEKs the one that fits best, then one in its time (`now`; none: not looked at), then the newest; above it, who issued it. Where
// nothing fits, anything of that place, so that the verifier says what is wrong with it: whoever must not take that asks fit_of and
// x509::issued. `report` is null where it could not be read.
Chosen choose(const Report* report, x509::Certificates certificates, std::span<const x509::CrlView> lists, std::optional<UnixSeconds> now);

}  // namespace openpcc::snp
