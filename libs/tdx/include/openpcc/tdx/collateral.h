// What Intel says of platforms, TDX modules and quoting enclaves (Intel SGX and TDX Provisioning Certification Service API, version 4): TCB info
// version 3 and the identity of a quoting enclave version 2, as signed JSON. Parsing says nothing about who signed; verify.h does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/tdx/pck.h"
#include "openpcc/x509/x509.h"

namespace openpcc::tdx {

inline constexpr size_t kDocumentBytesMax = 64u << 10;

// Document is signed JSON exactly as received, in one of two forms: {"tcbInfo": value, "signature": "hex"} (for an identity "enclaveIdentity"),
// or the value alone with its signature beside it. An empty one is not there.
struct Document {
  ByteSpan text;
  ByteSpan signature_hex;  // empty in the first form
};

// Collateral is one set, each part the exact bytes. Views: what they show outlives the call.
struct Collateral {
  Document tcb_info;
  Document qe_identity;
  ByteSpan tcb_signing_chain;                    // PEM, not URL-encoded: the signer, then the root
  std::optional<ByteSpan> root_ca_crl;           // DER
  std::optional<ByteSpan> pck_crl;               // DER, of the PCK certificate's issuer
  std::optional<ByteSpan> pck_crl_issuer_chain;  // PEM; read where there is no quote, whose own chain has that issuer
};

// TcbStatus is Intel's word for a level.
enum class TcbStatus : uint8_t {
  up_to_date,
  sw_hardening_needed,
  configuration_needed,
  configuration_and_sw_hardening_needed,
  out_of_date,
  out_of_date_configuration_needed,
  revoked,
};
std::string_view to_string(TcbStatus status);  // "UpToDate"

struct TcbLevel {
  TcbStatus status = TcbStatus::revoked;
  UnixSeconds tcb_date = 0;
  std::vector<std::string> advisory_ids;
};

struct PlatformLevel {
  Svn16 sgx_components{};
  Svn16 tdx_components{};  // zero in TCB info for SGX
  uint16_t pcesvn = 0;
  TcbLevel level;
};

// EnclaveLevel is of a quoting enclave or a TDX module: UpToDate, OutOfDate or Revoked.
struct EnclaveLevel {
  uint16_t isvsvn = 0;
  TcbLevel level;
};

// TdxModule is what MRSIGNERSEAM and SEAMATTRIBUTES must be, the latter under the mask.
struct TdxModule {
  Measurement mrsigner{};
  uint64_t attributes = 0;
  uint64_t attributes_mask = 0;
};
struct TdxModuleIdentity {
  std::string id;  // "TDX_01"
  TdxModule module;
  std::vector<EnclaveLevel> levels;  // highest first
};

// DocumentHead is what both documents begin with.
struct DocumentHead {
  std::string id;
  x509::Window window{};  // issueDate to nextUpdate
  uint32_t tcb_evaluation_data_number = 0;
};

struct TcbInfo {
  DocumentHead head;  // id "TDX" or "SGX"
  std::array<uint8_t, 6> fmspc{};
  std::array<uint8_t, 2> pceid{};
  std::optional<TdxModule> tdx_module;  // this and the next: "TDX" alone
  std::vector<TdxModuleIdentity> tdx_module_identities;
  std::vector<PlatformLevel> levels;  // highest first
};

struct QeIdentity {
  DocumentHead head;  // id "TD_QE" or "QE"
  uint32_t miscselect = 0;
  uint32_t miscselect_mask = 0;
  std::array<uint8_t, 16> attributes{};
  std::array<uint8_t, 16> attributes_mask{};
  std::array<uint8_t, 32> mrsigner{};
  uint16_t isvprodid = 0;
  std::vector<EnclaveLevel> levels;  // highest first
};

// Both read the inner value. Members that we do not know are left alone: Intel signs them, and what must be understood changes the version.
// Hexadecimal is of either case.
//   tdx.collateral.syntax   not strict JSON of the schema, or over kDocumentBytesMax
//   tdx.collateral.id       another version, or an id that is not one of those above (unsupported)
Result<TcbInfo> parse_tcb_info(ByteSpan value);
Result<QeIdentity> parse_qe_identity(ByteSpan value);

// SignedValue is what of a document is signed, and the signature (r ‖ s).
struct SignedValue {
  ByteSpan value;
  std::array<uint8_t, kSignatureBytes> signature{};
};
// open_document cuts the value of `member` out of the received bytes; nothing is written anew.
//   tdx.collateral.missing, tdx.collateral.syntax
Result<SignedValue> open_document(const Document& document, std::string_view member);

// parse_time reads "2026-02-18T10:58:51Z" (RFC 3339), in UTC and whole seconds, nothing else.
//   tdx.collateral.syntax
Result<UnixSeconds> parse_time(std::string_view text);

}  // namespace openpcc::tdx
