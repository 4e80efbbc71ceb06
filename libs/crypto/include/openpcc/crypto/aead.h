// Authenticated encryption under one key.
#pragma once

#include <memory>

#include "openpcc/core/bytes.h"

namespace openpcc::crypto {

// AeadId: the registry of RFC 9180 s7.3.
enum class AeadId : uint16_t { aes_128_gcm = 0x0001, aes_256_gcm = 0x0002, chacha20_poly1305 = 0x0003 };

inline constexpr size_t kAeadTagBytes = 16;
inline constexpr size_t kAeadNonceBytes = 12;
// aead_key_bytes: 16 or 32.
constexpr size_t aead_key_bytes(AeadId id) { return id == AeadId::aes_128_gcm ? 16 : 32; }

// Aead seals and opens with one key, expanded once; nothing is allocated per message. Not thread-safe.
class Aead {
 public:
  // `key`: aead_key_bytes(id) bytes, or the process ends (our bug).
  Aead(AeadId id, ByteSpan key);
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();

  // seal writes ciphertext and then the tag. `out`: plaintext.size() + 16 bytes; its front may be the plaintext itself (in place),
  // any other overlap is forbidden. `nonce`: 12 bytes, never twice under one key.
  void seal(ByteSpan nonce, ByteSpan aad, ByteSpan plaintext, MutableByteSpan out);

  // open checks and decrypts `sealed` (ciphertext, then tag) into `out`, which has sealed.size() - 16 bytes and may be sealed's front.
  //   crypto.aead.short   sealed has fewer than 16 bytes
  //   crypto.aead.tag     wrong key, nonce, AAD, order or bytes; out is zeros then
  Result<> open(ByteSpan nonce, ByteSpan aad, ByteSpan sealed, MutableByteSpan out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::crypto
