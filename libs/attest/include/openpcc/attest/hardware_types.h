// Media types of what real machines show (spec/evidence.md s7).
#pragma once

#include <string_view>

namespace openpcc::attest {

inline constexpr std::string_view kSnpReportType = "application/vnd.openpcc.snp-report";
inline constexpr std::string_view kTdxQuoteType = "application/vnd.openpcc.tdx-quote";
inline constexpr std::string_view kNvidiaReportType = "application/vnd.openpcc.nvidia-report";
inline constexpr std::string_view kCertificateType = "application/pkix-cert";
inline constexpr std::string_view kCrlType = "application/pkix-crl";
inline constexpr std::string_view kPemType = "application/pem-certificate-chain";
inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kXmlType = "application/xml";
inline constexpr std::string_view kOcspType = "application/ocsp-response";

}  // namespace openpcc::attest
