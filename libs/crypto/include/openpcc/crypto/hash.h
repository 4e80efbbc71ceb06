// Digests and key derivation. All state lives in the objects; nothing is fetched per call.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>

#include "openpcc/core/bytes.h"
#include "openpcc/core/secret.h"

namespace openpcc::crypto {

using Sha256Digest = std::array<uint8_t, 32>;
using Sha384Digest = std::array<uint8_t, 48>;
using Sha512Digest = std::array<uint8_t, 64>;

// Sha256 hashes a message in pieces (FIPS 180-4). finish() ends the message; the object is then spent.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&);
  Sha256& operator=(const Sha256&);
  ~Sha256();

  Sha256& update(ByteSpan piece);
  // lp hashes u32 length (big-endian) and the piece.
  Sha256& lp(ByteSpan piece);
  Sha256Digest finish();

 private:
  alignas(8) std::array<uint8_t, 112> state_{};  // SHA256_CTX, kept inline: no allocation per digest
};

// sha256 of the concatenation of the parts; likewise the others.
Sha256Digest sha256(std::initializer_list<ByteSpan> parts);
inline Sha256Digest sha256(ByteSpan bytes) { return sha256({bytes}); }
Sha384Digest sha384(ByteSpan bytes);
Sha512Digest sha512(ByteSpan bytes);
Sha256Digest sha3_256(std::initializer_list<ByteSpan> parts);
// shake256 fills `out` with SHAKE256 of the concatenation of the parts.
void shake256(std::initializer_list<ByteSpan> parts, MutableByteSpan out);
inline void shake256(ByteSpan bytes, MutableByteSpan out) { shake256({bytes}, out); }

// HMAC-SHA-256 (RFC 2104) of the concatenation of the parts; keys of any size.
Secret<32> hmac_sha256(ByteSpan key, std::span<const ByteSpan> parts);
inline Secret<32> hmac_sha256(ByteSpan key, std::initializer_list<ByteSpan> parts) {
  return hmac_sha256(key, std::span<const ByteSpan>(parts.begin(), parts.size()));
}

// HKDF-SHA-256 (RFC 5869). The parts of ikm and info are concatenated. `out`: at most kHkdfOutputBytesMax bytes, or the process ends.
inline constexpr size_t kHkdfOutputBytesMax = 8160;  // 255 blocks
Secret<32> hkdf_extract(ByteSpan salt, std::span<const ByteSpan> ikm);
inline Secret<32> hkdf_extract(ByteSpan salt, std::initializer_list<ByteSpan> ikm) {
  return hkdf_extract(salt, std::span<const ByteSpan>(ikm.begin(), ikm.size()));
}
void hkdf_expand(ByteSpan prk, std::span<const ByteSpan> info, MutableByteSpan out);
inline void hkdf_expand(ByteSpan prk, std::initializer_list<ByteSpan> info, MutableByteSpan out) {
  hkdf_expand(prk, std::span<const ByteSpan>(info.begin(), info.size()), out);
}

}  // namespace openpcc::crypto
