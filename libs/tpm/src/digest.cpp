#include "openpcc/tpm/digest.h"

#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/sha1.h"

namespace openpcc::tpm {
namespace {

constexpr Hash kAll[] = {Hash::sha1, Hash::sha256, Hash::sha384, Hash::sha512};

template <size_t N>
Bytes bytes_of(const std::array<uint8_t, N>& digest) {
  return {digest.begin(), digest.end()};
}

}  // namespace

std::string_view to_string(Hash hash) {
  switch (hash) {
    case Hash::sha1: return "sha1";
    case Hash::sha256: return "sha256";
    case Hash::sha384: return "sha384";
    case Hash::sha512: return "sha512";
  }
  return "unknown";
}

std::optional<Hash> hash_of(uint16_t algorithm) {
  for (const Hash hash : kAll) {
    if (static_cast<uint16_t>(hash) == algorithm) return hash;
  }
  return std::nullopt;
}

std::optional<Hash> hash_named(std::string_view name) {
  for (const Hash hash : kAll) {
    if (to_string(hash) == name) return hash;
  }
  return std::nullopt;
}

size_t digest_bytes(Hash hash) {
  switch (hash) {
    case Hash::sha1: return 20;
    case Hash::sha256: return 32;
    case Hash::sha384: return 48;
    case Hash::sha512: return 64;
  }
  return 0;
}

Bytes digest(Hash hash, ByteSpan bytes) {
  switch (hash) {
    case Hash::sha1: return bytes_of(crypto::sha1(bytes));
    case Hash::sha256: return bytes_of(crypto::sha256(bytes));
    case Hash::sha384: return bytes_of(crypto::sha384(bytes));
    case Hash::sha512: return bytes_of(crypto::sha512(bytes));
  }
  return {};
}

Bytes extended(Hash hash, ByteSpan before, ByteSpan event) { return digest(hash, concat({before, event})); }

}  // namespace openpcc::tpm
