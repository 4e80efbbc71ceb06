// Ed25519 (RFC 8032).
#pragma once

#include <array>
#include <memory>

#include "openpcc/core/secret.h"

namespace openpcc::crypto {

using Ed25519Public = std::array<uint8_t, 32>;
using Ed25519Signature = std::array<uint8_t, 64>;

class Ed25519Private {
 public:
  explicit Ed25519Private(std::span<const uint8_t, 32> seed);
  Ed25519Private(Ed25519Private&&) noexcept;
  Ed25519Private& operator=(Ed25519Private&&) noexcept;
  ~Ed25519Private();

  const Ed25519Public& public_key() const;
  Ed25519Signature sign(ByteSpan message) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ed25519_verify: crypto.ed25519.signature when the signature is not one of `message` by `key`.
Result<> ed25519_verify(const Ed25519Public& key, ByteSpan message, ByteSpan signature);

}  // namespace openpcc::crypto
