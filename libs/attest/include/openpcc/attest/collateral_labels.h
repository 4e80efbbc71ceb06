// What the pieces of collateral are called in a device (spec/evidence.md s7).
#pragma once

namespace openpcc::attest {

inline constexpr const char* kCrlLabel = "crl";  // of SEV-SNP; the others are of TDX
inline constexpr const char* kTcbInfoLabel = "tcb-info";
inline constexpr const char* kQeIdentityLabel = "qe-identity";
inline constexpr const char* kTcbSigningChainLabel = "tcb-signing-chain";
inline constexpr const char* kRootCaCrlLabel = "root-ca-crl";
inline constexpr const char* kPckCrlLabel = "pck-crl";

}  // namespace openpcc::attest
