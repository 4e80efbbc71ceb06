// The front of an envelope: header and wraps, all that anyone can read of it.
//
//   version u8 | suite u16 | k u8 | commit[32] | node_id[32] x k | (enc[1120] | sealed[112]) x k
#pragma once

#include <optional>

#include "openpcc/envelope/envelope.h"

namespace openpcc::envelope {

inline constexpr size_t kHeaderFixedBytes = 36;
inline constexpr size_t kEncBytes = hpke::enc_bytes(kHpkeSuite.kem);
// Inside a wrap: dek | body hash | salt.
inline constexpr size_t kWrapPlaintextBytes = 96;
inline constexpr size_t kWrapSealedBytes = kWrapPlaintextBytes + crypto::kAeadTagBytes;
inline constexpr size_t kWrapBytes = kEncBytes + kWrapSealedBytes;

constexpr size_t header_bytes(size_t k) { return kHeaderFixedBytes + 32 * k; }
constexpr size_t front_bytes(size_t k) { return header_bytes(k) + kWrapBytes * k; }

// Front holds what the rest of the envelope hangs on; `wraps` views the bytes it was parsed from.
struct Front {
  crypto::Sha256Digest commit;
  std::vector<NodeId> node_ids;  // strictly ascending
  ByteSpan wraps;
  crypto::Sha256Digest hh;
  crypto::Sha256Digest th;

  size_t bytes() const { return front_bytes(node_ids.size()); }
  ByteSpan enc(size_t i) const { return wraps.subspan(i * kWrapBytes, kEncBytes); }
  ByteSpan sealed(size_t i) const { return wraps.subspan(i * kWrapBytes + kEncBytes, kWrapSealedBytes); }
};

// parse_front reads the front of an envelope, refusing as soon as a byte shows that it must. nullopt: more bytes are needed.
//   envelope.1.version, envelope.1.suite, envelope.1.header
Result<std::optional<Front>> parse_front(ByteSpan bytes);

// header_hash is hh, wraps_hash is th.
crypto::Sha256Digest header_hash(ByteSpan header);
crypto::Sha256Digest wraps_hash(const crypto::Sha256Digest& hh, ByteSpan wraps);

}  // namespace openpcc::envelope
