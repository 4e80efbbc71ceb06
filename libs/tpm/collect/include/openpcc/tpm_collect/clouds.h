// What clouds keep in the non-volatile storage of the TPMs of their machines.
#pragma once

#include "openpcc/tpm_collect/tpm.h"

namespace openpcc::tpm_collect {

// Google: certificate and template of the attestation key.
inline constexpr uint32_t kGoogleRsaCertificate = 0x01c10000;  // the template at the index after it
inline constexpr uint32_t kGoogleEccCertificate = 0x01c10002;

struct GoogleKey {
  Tpm::Key key;
  Bytes certificate;  // DER; what it is padded with is cut off
};
//   tpm_collect.nv, tpm_collect.command
Result<GoogleKey> google_key(Tpm& tpm, KeyKind kind);

// Azure: what the paravisor of a confidential machine keeps there.
inline constexpr uint32_t kAzureReport = 0x01400001;     // its report, which is made anew when the index is read
inline constexpr uint32_t kAzureUserData = 0x01400002;   // 64 bytes of the guest's own, which appear in the next report
inline constexpr uint32_t kAzureKeyHandle = 0x81000003;  // the key that the report binds

// AzureTpm is the paravisor's TPM: its storage, and its PCRs under the key at kAzureKeyHandle. An interface, since no TPM in software has indices of
// the report's size.
class AzureTpm : public Nv, public Quoter {};
//   tpm_collect.open
Result<std::unique_ptr<AzureTpm>> open_azure(const std::string& tcti);

}  // namespace openpcc::tpm_collect
