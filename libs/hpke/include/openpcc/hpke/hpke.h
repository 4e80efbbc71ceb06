// HPKE (RFC 9180), base mode, with X25519 and with X-Wing (ML-KEM-768 + X25519, draft-ietf-hpke-pq).
//
//   sender:    setup_sender(pkR, info) -> enc, SenderContext     seal() seal() ... export_secret()
//   recipient: setup_recipient(skR, enc, info) -> RecipientContext   open() open() ... export_secret()
//
// HPKE itself does not protect against replay: callers keep what they have seen.
#pragma once

#include <memory>
#include <variant>

#include "openpcc/core/environment.h"
#include "openpcc/core/secret.h"
#include "openpcc/crypto/aead.h"

namespace openpcc::hpke {

enum class KemId : uint16_t { dhkem_x25519_hkdf_sha256 = 0x0020, x_wing = 0x647a };
enum class KdfId : uint16_t { hkdf_sha256 = 0x0001 };
using AeadId = crypto::AeadId;

struct Suite {
  KemId kem;
  KdfId kdf;
  AeadId aead;
  friend bool operator==(const Suite&, const Suite&) = default;
};

// Sizes in bytes of the encapsulated key and the public key (RFC 9180 s7.1, draft-ietf-hpke-pq).
constexpr size_t enc_bytes(KemId kem) { return kem == KemId::x_wing ? 1120 : 32; }
constexpr size_t public_key_bytes(KemId kem) { return kem == KemId::x_wing ? 1216 : 32; }
inline constexpr size_t kPrivateKeyBytes = 32;  // X25519 scalar, or X-Wing seed

// parse_suite accepts exactly the ids above. Errors: hpke.7.kem, hpke.7.kdf, hpke.7.aead (all unsupported).
Result<KemId> parse_kem(uint16_t kem);
Result<Suite> parse_suite(uint16_t kem, uint16_t kdf, uint16_t aead);

// PublicKey is a checked recipient key, kept in expanded form. Copies share it; threads may use it at the same time.
class PublicKey {
 public:
  // parse: hpke.7.1.public_key for a wrong size or a key that fails its KEM's validation, which here includes X25519 points of small
  // order: no agreement with them can succeed, so that encapsulation needs no error of its own.
  static Result<PublicKey> parse(KemId kem, ByteSpan bytes);
  KemId kem() const;
  ByteSpan bytes() const;

 private:
  friend struct Kem;
  struct State;
  explicit PublicKey(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

// PrivateKey is expanded once from its 32 bytes and kept so. Threads may use it at the same time.
class PrivateKey {
 public:
  static PrivateKey generate(KemId kem, Random& random);
  static PrivateKey from_bytes(KemId kem, std::span<const uint8_t, kPrivateKeyBytes> bytes);
  // derive is DeriveKeyPair(ikm) (RFC 9180 s7.1.3, draft-ietf-hpke-pq).
  static PrivateKey derive(KemId kem, ByteSpan ikm);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();
  KemId kem() const;
  ByteSpan public_key() const;
  // reveal_for_export is for key files and vectors; nothing on a request's path calls it.
  std::span<const uint8_t, kPrivateKeyBytes> reveal_for_export() const;

 private:
  friend struct Kem;
  struct State;
  explicit PrivateKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Context is what both sides hold after setup. Not thread-safe.
class Context {
 public:
  // export_secret is RFC 9180 s5.3; the parts of `exporter_context` are concatenated. `out`: at most 8160 bytes. It may be called at any
  // time and does not advance the sequence.
  void export_secret(std::initializer_list<ByteSpan> exporter_context, MutableByteSpan out) const;

 protected:
  friend struct KeySchedule;
  Context(Suite suite, crypto::Aead aead, std::array<uint8_t, 12> base_nonce, Secret<32> exporter);
  std::array<uint8_t, 12> nonce() const;

  Suite suite_;
  crypto::Aead aead_;
  std::array<uint8_t, 12> base_nonce_;
  Secret<32> exporter_;
  uint64_t sequence_ = 0;
};

class SenderContext : public Context {
 public:
  // seal encrypts the next message and advances the sequence; `out`: plaintext.size() + 16 bytes, may start at the plaintext.
  void seal(ByteSpan aad, ByteSpan plaintext, MutableByteSpan out);

 private:
  friend struct KeySchedule;
  using Context::Context;
};

class RecipientContext : public Context {
 public:
  // open decrypts the next message into sealed.size() - 16 bytes; the sequence advances on success alone (RFC 9180 s5.2).
  //   hpke.5.2.open   wrong key, order, AAD or bytes, or fewer than 16 bytes
  Result<> open(ByteSpan aad, ByteSpan sealed, MutableByteSpan out);

 private:
  friend struct KeySchedule;
  using Context::Context;
};

// Encapsulation is what a sender can prepare before it knows `info`: nearly all of the cost of setup_sender. Used once.
struct Encapsulation {
  Bytes enc;
  Secret<32> shared_secret;
};
// encapsulate draws 32 bytes for X25519 (the ephemeral scalar), 64 for X-Wing (ML-KEM's randomness, then the scalar).
Encapsulation encapsulate(const PublicKey& recipient, Random& random);

struct Sender {
  Bytes enc;
  SenderContext context;
};
// setup_sender is SetupBaseS (RFC 9180 s5.1.1). The parts of `info` are concatenated. `recipient` has the suite's KEM, or the process ends.
Sender setup_sender(const Suite& suite, Encapsulation encapsulation, std::initializer_list<ByteSpan> info);
Sender setup_sender(const Suite& suite, const PublicKey& recipient, std::initializer_list<ByteSpan> info, Random& random);

// setup_recipient is SetupBaseR. `key` has the suite's KEM, or the process ends.
//   hpke.7.1.enc   wrong size, or an agreement that must abort
Result<RecipientContext> setup_recipient(const Suite& suite, const PrivateKey& key, ByteSpan enc, std::initializer_list<ByteSpan> info);

}  // namespace openpcc::hpke
