// Which published pairs of inputs and values went the way that a measurement goes. A test reproduces each that is named here.
#pragma once

#include "openpcc/measure/snp.h"

namespace openpcc::measure {

std::vector<Proof> snp_proofs(const SnpLaunch& launch);

// TdxWays are the parts of a TDX measurement.
struct TdxWays {
  bool firmware = false;  // MRTD from a file
  bool gcp = false;       // MRTD and hand-off block from Google's description
  bool rtmr0 = false;
  bool direct = false;  // RTMR1 and 2 of a kernel that QEMU hands over
  bool disk = false;    // RTMR1 and 2 of a boot from a disk
  bool extends = false;
};
std::vector<Proof> tdx_proofs(const TdxWays& ways);

// TpmWays are the parts of a TPM measurement.
struct TpmWays {
  bool secure_boot = false;
  bool executables = false;
  bool disk = false;
  bool uki = false;
  std::optional<unsigned> stub;  // version of the image's stub
  bool kernel_stub = false;      // command line and initrd in PCR 9
  bool authorities = false;
  bool phases = false;
  bool extends = false;
};
std::vector<Proof> tpm_proofs(const TpmWays& ways);

}  // namespace openpcc::measure
