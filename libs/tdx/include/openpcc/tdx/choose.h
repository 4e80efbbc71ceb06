// Which of several documents of Intel's speak of a quote's platform. Whether what was chosen is genuine and of the time is for verify.
#pragma once

#include <span>

#include "openpcc/tdx/collateral.h"

namespace openpcc::tdx {

// Both find the newest of those that fit, among documents as received, in either form of Document; null: none fits.
//   tcb_info_of      TCB info of this platform (FMSPC and PCE-ID), for quotes of this kind
//   qe_identity_of   the identity of the enclave that makes them
const ByteSpan* tcb_info_of(const PckClaims& platform, Tee tee, std::span<const ByteSpan> texts);
const ByteSpan* qe_identity_of(Tee tee, std::span<const ByteSpan> texts);

// is_tcb_signer: the certificate is, by its name, of the key that signs these documents.
bool is_tcb_signer(const x509::Certificate& certificate);

}  // namespace openpcc::tdx
