// The digest algorithms of a TPM, by the numbers of TCG's algorithm registry, and what a set of PCRs holds.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "openpcc/core/bytes.h"

namespace openpcc::tpm {

enum class Hash : uint16_t { sha1 = 0x0004, sha256 = 0x000b, sha384 = 0x000c, sha512 = 0x000d };
std::string_view to_string(Hash hash);  // "sha256"
std::optional<Hash> hash_of(uint16_t algorithm);
std::optional<Hash> hash_named(std::string_view name);

size_t digest_bytes(Hash hash);
Bytes digest(Hash hash, ByteSpan bytes);
// extended is what a register holds after `event` was extended into it: the digest of both, one after the other.
Bytes extended(Hash hash, ByteSpan before, ByteSpan event);

inline constexpr unsigned kPcrs = 24;

// Banks are PCR values: by bank, then by index. Each value is as long as its bank's digest.
using Bank = std::map<uint8_t, Bytes>;
using Banks = std::map<Hash, Bank>;

}  // namespace openpcc::tpm
