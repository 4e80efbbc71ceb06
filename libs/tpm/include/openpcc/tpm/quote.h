// A TPM's quote as its bytes: the attestation structure that TPM2_Quote signs, and the signature (TPM 2.0 library specification, part 2:
// TPMS_ATTEST s10.12.12, TPMT_SIGNATURE s11.3.4). Parsing says nothing about who made it; verify.h does. All integers are big-endian.
#pragma once

#include <vector>

#include "openpcc/tpm/digest.h"

namespace openpcc::tpm {

inline constexpr size_t kQuoteBytesMax = 1024;
inline constexpr size_t kSignatureBytesMax = 1024;
inline constexpr size_t kNonceBytesMax = 66;  // of extraData: as long as a digest with its algorithm
inline constexpr size_t kSelectionsMax = 16;  // HASH_COUNT of the specification

// Selection is the PCRs of one bank that a quote covers: bit n stands for PCR n.
struct Selection {
  Hash bank;
  uint32_t pcrs;
  bool has(unsigned pcr) const { return (pcrs >> pcr & 1) != 0; }
  friend bool operator==(const Selection&, const Selection&) = default;
};
using Selections = std::vector<Selection>;
// text_of is "sha256:0,1,7".
std::string text_of(const Selections& selections);

// Clock is a TPM's own time (TPMS_CLOCK_INFO).
struct Clock {
  uint64_t milliseconds = 0;   // while the TPM was powered
  uint32_t reset_count = 0;    // boots of the machine
  uint32_t restart_count = 0;  // resumptions since
  bool safe = false;           // the clock never stood higher before
};

struct Quote {
  Bytes qualified_signer;  // the key's name with that of what it stands under: algorithm and digest
  Bytes extra_data;        // what the caller of TPM2_Quote gave: a nonce
  Clock clock;
  uint64_t firmware_version = 0;
  Selections selections;  // in the order of the quote, no bank twice
  Bytes pcr_digest;
};

// parse_quote reads the whole of `bytes`.
//   tpm.size                  over kQuoteBytesMax (limit)
//   tpm.magic                 not TPM_GENERATED_VALUE: no TPM vouches for its form
//   tpm.type                  something else than a quote (unsupported)
//   tpm.syntax                cut short, a name or nonce of no TPM's length, or a clock's flag that is neither 0 nor 1
//   tpm.selection             nothing is selected, too many banks, a bank of an algorithm that we do not know, or a PCR beyond the 24
//   tpm.selection.duplicate   a bank twice
//   tpm.trailing              bytes after its end
Result<Quote> parse_quote(ByteSpan bytes);

// Scheme is how a signature was made, by the number of TCG's algorithm registry.
enum class Scheme : uint16_t { rsassa = 0x0014, rsapss = 0x0016, ecdsa = 0x0018 };
std::string_view to_string(Scheme scheme);  // "RSASSA"

struct Signature {
  Scheme scheme;
  Hash hash;
  Bytes value;  // r ‖ s of 32 or 48 bytes each for ECDSA
};

// parse_signature reads the whole of `bytes` as a TPMT_SIGNATURE.
//   tpm.signature.syntax   over kSignatureBytesMax (limit), cut short, or with bytes after its end
//   tpm.scheme             none of the schemes above, or a digest other than SHA-256 and SHA-384 (unsupported)
Result<Signature> parse_signature(ByteSpan bytes);

// rsassa_sha256 takes the bare number that some transports carry in place of a TPMT_SIGNATURE.
Signature rsassa_sha256(ByteSpan number);

}  // namespace openpcc::tpm
