// What clouds keep in the non-volatile storage of the TPMs of their machines.
#pragma once

#include <array>

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

// Azure: the paravisor's report on confidential machines, and 64 bytes of the guest's own that appear in the next one.
inline constexpr uint32_t kAzureReport = 0x01400001;
inline constexpr uint32_t kAzureUserData = 0x01400002;
inline constexpr uint32_t kAzureCertificate = 0x01c101d0;
inline constexpr uint32_t kAzureKeyHandle = 0x81000003;

// azure_report reads the report, after writing the user data where there is some.
//   tpm_collect.nv
Result<Bytes> azure_report(Nv& nv, const std::optional<std::array<uint8_t, 64>>& user_data = std::nullopt);

}  // namespace openpcc::tpm_collect
