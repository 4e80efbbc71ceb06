// Intel's ECDSA quotes as their bytes: TDX in versions 4 and 5 (Intel TDX DCAP Quoting Library API, appendix A), SGX in version 3 (Intel SGX
// ECDSA QuoteLibReference, appendix A). Parsing says nothing about who made a quote; verify.h does. All integers are little-endian.
#pragma once

#include <array>
#include <optional>
#include <variant>

#include "openpcc/core/bytes.h"

namespace openpcc::tdx {

inline constexpr size_t kQuoteBytesMax = 32u << 10;
inline constexpr size_t kHeaderBytes = 48;
inline constexpr size_t kBodyDescriptorBytes = 6;  // u16 type and u32 size, before the body of a version 5 quote
inline constexpr size_t kTd10Bytes = 584;
inline constexpr size_t kTd15Bytes = 648;
inline constexpr size_t kSgxReportBytes = 384;
inline constexpr size_t kSignatureBytes = 64;       // r ‖ s, big-endian
inline constexpr size_t kAttestationKeyBytes = 64;  // x ‖ y, big-endian

using Measurement = std::array<uint8_t, 48>;
using ReportData = std::array<uint8_t, 64>;
using Svn16 = std::array<uint8_t, 16>;  // sixteen version numbers, each with an order of its own

enum class Tee : uint32_t { sgx = 0, tdx = 0x81 };

struct Header {
  uint16_t version = 0;
  uint16_t attestation_key_type = 0;  // 2: ECDSA-256 with P-256
  Tee tee_type = Tee::tdx;
  std::array<uint8_t, 4> reserved{};  // version 3: QE SVN and PCE SVN
  std::array<uint8_t, 16> qe_vendor_id{};
  std::array<uint8_t, 20> user_data{};
};

// Td15 is what a body of TD 1.5 has more than one of TD 1.0.
struct Td15 {
  Svn16 tee_tcb_svn_2{};  // of the module that runs now; TEE_TCB_SVN is of the one that launched the TD
  Measurement mrservicetd{};
};

// TdReport is the body of a TDX quote (TD Quote Body; Intel TDX Module ABI, TDREPORT_STRUCT).
struct TdReport {
  Svn16 tee_tcb_svn{};
  Measurement mrseam{};
  Measurement mrsignerseam{};
  uint64_t seamattributes = 0;
  uint64_t tdattributes = 0;
  uint64_t xfam = 0;
  Measurement mrtd{};
  Measurement mrconfigid{};
  Measurement mrowner{};
  Measurement mrownerconfig{};
  std::array<Measurement, 4> rtmr{};
  ReportData reportdata{};
  std::optional<Td15> td15;

  bool debug() const { return (tdattributes & 1) != 0; }
  bool sept_ve_disable() const { return bit(28); }
  bool migratable() const { return bit(29); }
  bool pks() const { return bit(30); }
  bool kl() const { return bit(31); }
  bool perfmon() const { return bit(63); }
  bool bit(unsigned n) const { return (tdattributes >> n & 1) != 0; }
};

// SgxReport is an enclave's (Intel SDM, REPORT): the quoting enclave's in every quote, the body of an SGX quote.
struct SgxReport {
  std::array<uint8_t, 16> cpusvn{};
  uint32_t miscselect = 0;
  std::array<uint8_t, 16> isvextprodid{};
  std::array<uint8_t, 16> attributes{};
  std::array<uint8_t, 32> mrenclave{};
  std::array<uint8_t, 32> mrsigner{};
  std::array<uint8_t, 64> configid{};
  uint16_t isvprodid = 0;
  uint16_t isvsvn = 0;
  uint16_t configsvn = 0;
  std::array<uint8_t, 16> isvfamilyid{};
  ReportData reportdata{};

  bool debug() const { return (attributes[0] & 2) != 0; }
};

// Quote holds the fields of a quote and views of the parts that are hashed or verified, which live as long as the bytes it was parsed from.
struct Quote {
  Header header;
  std::variant<TdReport, SgxReport> body;
  SgxReport qe_report;

  ByteSpan signed_bytes;  // header and body, with the body's descriptor
  ByteSpan signature;
  ByteSpan attestation_key;
  ByteSpan qe_report_bytes;
  ByteSpan qe_report_signature;
  ByteSpan qe_authentication_data;
  ByteSpan pck_chain;  // PEM
  size_t padding_bytes = 0;

  const ReportData& reportdata() const;
};

// parse_quote reads a whole quote whose certification data is a chain in PEM. After the signature data, zeros alone may stand: quotes come in
// buffers of fixed sizes.
//   tdx.size        over kQuoteBytesMax (limit), cut short, or lengths that do not nest exactly
//   tdx.version     none of 3, 4 and 5 (unsupported)
//   tdx.key_type    not ECDSA-256 with P-256 (unsupported)
//   tdx.tee_type    not TDX, in version 3 not SGX (unsupported)
//   tdx.qe_vendor   not Intel's quoting enclave (unsupported)
//   tdx.body_type   version 5: neither TD 1.0 nor TD 1.5 (unsupported)        tdx.body_size   not the size of its type
//   tdx.cert_type   the certification data is not of type 6 with type 5 in it, in version 3 not of type 5 (unsupported)
//   tdx.trailing    something else than zeros after the signature data
Result<Quote> parse_quote(ByteSpan bytes);

// parse_sgx_report reads kSgxReportBytes; the bytes that Intel reserves are left alone, since signatures cover them.
SgxReport parse_sgx_report(std::span<const uint8_t, kSgxReportBytes> bytes);

}  // namespace openpcc::tdx
