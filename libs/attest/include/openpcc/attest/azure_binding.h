// How B gets into the evidence of an Azure confidential VM, whose guest cannot write into the hardware report (spec/evidence.md s7): as user-data of the
// paravisor's report, and by this nonce into the vTPM's quote.
#pragma once

#include "openpcc/attest/evidence.h"

namespace openpcc::attest {

inline constexpr std::string_view kAzureSnpType = "application/vnd.openpcc.azure-snp";
inline constexpr std::string_view kAzureTdxType = "application/vnd.openpcc.azure-tdx";
inline constexpr std::string_view kTpmQuoteType = "application/vnd.openpcc.tpm-quote";          // TPMS_ATTEST
inline constexpr std::string_view kTpmSignatureType = "application/vnd.openpcc.tpm-signature";  // TPMT_SIGNATURE

// What goes beside the collateral of the hardware (collateral_labels.h).
inline constexpr const char* kTdQuoteLabel = "td-quote";
inline constexpr const char* kTpmQuoteLabel = "tpm-quote";
inline constexpr const char* kTpmSignatureLabel = "tpm-signature";
inline constexpr const char* kPcrsLabel = "pcrs";

// azure_nonce is the extraData of the quote that belongs to a binding.
crypto::Sha256Digest azure_nonce(const Binding& binding);
// azure_release is what identifies the software of a VM: the paravisor's measurement, and the quoted PCRs of the bank of SHA-256 in ascending order.
Bytes azure_release(ByteSpan paravisor, const std::map<uint8_t, Bytes>& pcrs);

}  // namespace openpcc::attest
