// The attestation document of AWS Nitro, as its bytes: a COSE_Sign1 (RFC 9052 s4.2) around a map of CBOR, by a Nitro enclave's hypervisor ("Nitro
// Enclaves: verifying the root of trust") or of an instance's NitroTPM ("Validate a NitroTPM attestation document"). Parsing says nothing about who
// made it; verify.h does.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::nitro {

inline constexpr size_t kDocumentBytesMax = 16u << 10;
inline constexpr size_t kCertificateBytesMax = 1024;
inline constexpr size_t kBundleCertificatesMax = 8;  // of cabundle; AWS's have four
inline constexpr size_t kPublicKeyBytesMax = 1024;
inline constexpr size_t kUserDataBytesMax = 512;
inline constexpr size_t kNonceBytesMax = 512;
inline constexpr size_t kModuleIdBytesMax = 255;
inline constexpr size_t kPcrsMax = 32;
inline constexpr size_t kPcrBytes = 48;        // of SHA384, the only digest
inline constexpr size_t kSignatureBytes = 96;  // r ‖ s, big-endian

// Source is whose registers they are.
enum class Source : uint8_t { enclave, nitro_tpm };
std::string_view to_string(Source source);  // "Nitro enclave"

// Document holds views, which live as long as the bytes it was parsed from.
struct Document {
  Source source = Source::enclave;
  std::string_view module_id;                            // printable ASCII
  uint64_t timestamp_ms = 0;                             // since 1970
  ByteSpan timestamp_bytes;                              // where it stands
  std::map<uint8_t, ByteSpan> pcrs;                      // by index, each of kPcrBytes
  ByteSpan certificate;                                  // DER, of the key that signed
  std::vector<ByteSpan> cabundle;                        // DER, the root first
  std::optional<ByteSpan> public_key, user_data, nonce;  // none where null or not there

  ByteSpan protected_header, payload, signature;  // of COSE_Sign1
};

// parse_document reads a whole document, with COSE_Sign1's tag or without. CBOR is of definite lengths in their shortest form; the payload's map alone
// may be open, as AWS writes it since 2025.
//   nitro.size            empty, or over kDocumentBytesMax (limit)
//   nitro.cbor.syntax     cut short, not of the shortest form, of no definite length, a text that is not printable ASCII
//   nitro.cbor.duplicate  a member or a register twice, or registers of both sources
//   nitro.trailing        bytes after the document, or after the map in the payload
//   nitro.cose.shape      not an array of string, empty map (unsupported where not empty), string and string of kSignatureBytes
//   nitro.cose.alg        the protected header is not that of ES384 (unsupported)
//   nitro.payload.member  missing, unknown (unsupported), of another type or size
//   nitro.payload.digest  not SHA384 (unsupported)
//   nitro.payload.pcrs    none, too many, an index over 31, or not of kPcrBytes
//   nitro.chain.count     cabundle has no certificate, or more than kBundleCertificatesMax
Result<Document> parse_document(ByteSpan bytes);

// signed_bytes is what the signature covers (RFC 9052 s4.4, Sig_structure).
Bytes signed_bytes(const Document& document);

}  // namespace openpcc::nitro
