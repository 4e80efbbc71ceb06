// Key agreement primitives: X25519 (RFC 7748) and ML-KEM-768 (FIPS 203). HPKE combines them; nothing else uses them directly.
#pragma once

#include <array>
#include <memory>

#include "openpcc/core/environment.h"
#include "openpcc/core/secret.h"

namespace openpcc::crypto {

using X25519Public = std::array<uint8_t, 32>;

// X25519Private holds an expanded private key, so that many agreements cost one import.
class X25519Private {
 public:
  explicit X25519Private(std::span<const uint8_t, 32> scalar);
  X25519Private(X25519Private&&) noexcept;
  X25519Private& operator=(X25519Private&&) noexcept;
  ~X25519Private();

  const X25519Public& public_key() const;
  // agree: crypto.x25519.zero when the shared secret is all zeros (RFC 9180 s7.1.4).
  Result<Secret<32>> agree(const X25519Public& peer) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr size_t kMlKem768PublicBytes = 1184;
inline constexpr size_t kMlKem768CiphertextBytes = 1088;

// MlKem768Private is the decapsulation key expanded from its 64-byte seed d || z.
class MlKem768Private {
 public:
  explicit MlKem768Private(std::span<const uint8_t, 64> seed);
  MlKem768Private(MlKem768Private&&) noexcept;
  MlKem768Private& operator=(MlKem768Private&&) noexcept;
  ~MlKem768Private();

  ByteSpan public_key() const;  // 1184 bytes, lives as long as the key
  // decapsulate never fails on 1088 bytes (implicit rejection): a wrong ciphertext gives another secret.
  //   crypto.mlkem.ciphertext_size   not 1088 bytes
  Result<Secret<32>> decapsulate(ByteSpan ciphertext) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// MlKem768Public is a checked encapsulation key; keep it to encapsulate many times.
class MlKem768Public {
 public:
  // parse: crypto.mlkem.public_key for a wrong size or a coefficient not below q (FIPS 203 s7.2).
  static Result<MlKem768Public> parse(ByteSpan bytes);
  MlKem768Public(MlKem768Public&&) noexcept;
  MlKem768Public& operator=(MlKem768Public&&) noexcept;
  ~MlKem768Public();

  // encapsulate uses 32 bytes of randomness given by the caller and writes 1088 bytes.
  Secret<32> encapsulate(std::span<const uint8_t, 32> randomness, std::span<uint8_t, kMlKem768CiphertextBytes> ciphertext) const;

 private:
  struct State;
  explicit MlKem768Public(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::crypto
