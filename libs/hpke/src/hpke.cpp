// The key schedule and the contexts of RFC 9180 s5, base mode.
#include "openpcc/hpke/hpke.h"

#include "kem.h"
#include "labeled.h"

namespace openpcc::hpke {
namespace {

constexpr uint8_t kModeBase = 0x00;

Labeled<10> labeled_of(const Suite& suite) {
  std::array<uint8_t, 10> id{'H', 'P', 'K', 'E'};
  put_u16(static_cast<uint16_t>(suite.kem), &id[4]);
  put_u16(static_cast<uint16_t>(suite.kdf), &id[6]);
  put_u16(static_cast<uint16_t>(suite.aead), &id[8]);
  return Labeled<10>(id);
}

}  // namespace

struct KeySchedule {
  // make builds a context from the KEM's secret. Spec: RFC 9180 s5.1 (KeySchedule with mode_base: psk and psk_id are empty)
  template <class Role>
  static Role make(const Suite& suite, const Secret<32>& shared_secret, std::initializer_list<ByteSpan> info) {
    const Labeled labeled = labeled_of(suite);
    const Secret<32> psk_id_hash = labeled.extract({}, "psk_id_hash", {});
    const Secret<32> info_hash = labeled.extract({}, "info_hash", info);
    const Bytes context = concat({{&kModeBase, 1}, psk_id_hash.reveal(), info_hash.reveal()});
    const Secret<32> secret = labeled.extract(shared_secret.reveal(), "secret", {});

    Secret<32> key_buffer;
    const MutableByteSpan key = key_buffer.reveal_mutable().first(crypto::aead_key_bytes(suite.aead));
    labeled.expand(secret.reveal(), "key", {context}, key);
    std::array<uint8_t, crypto::kAeadNonceBytes> base_nonce{};
    labeled.expand(secret.reveal(), "base_nonce", {context}, base_nonce);
    Secret<32> exporter;
    labeled.expand(secret.reveal(), "exp", {context}, exporter.reveal_mutable());
    return Role(suite, crypto::Aead(suite.aead, key), base_nonce, std::move(exporter));
  }
};

Result<KemId> parse_kem(uint16_t kem) {
  switch (const auto id = static_cast<KemId>(kem)) {
    case KemId::dhkem_x25519_hkdf_sha256:
    case KemId::x_wing: return id;
  }
  return fail(Code::unsupported, "hpke.7.kem");
}

Result<Suite> parse_suite(uint16_t kem, uint16_t kdf, uint16_t aead) {
  OPENPCC_LET(const KemId kem_id, parse_kem(kem));
  if (kdf != static_cast<uint16_t>(KdfId::hkdf_sha256)) return fail(Code::unsupported, "hpke.7.kdf");
  switch (const auto aead_id = static_cast<AeadId>(aead)) {
    case AeadId::aes_128_gcm:
    case AeadId::aes_256_gcm:
    case AeadId::chacha20_poly1305: return Suite{kem_id, KdfId::hkdf_sha256, aead_id};
  }
  return fail(Code::unsupported, "hpke.7.aead");
}

Context::Context(Suite suite, crypto::Aead aead, std::array<uint8_t, 12> base_nonce, Secret<32> exporter)
    : suite_(suite), aead_(std::move(aead)), base_nonce_(base_nonce), exporter_(std::move(exporter)) {}

// Spec: RFC 9180 s5.2 (ComputeNonce)
std::array<uint8_t, 12> Context::nonce() const {
  std::array<uint8_t, 12> nonce = base_nonce_;
  for (size_t i = 0; i < sizeof(sequence_); ++i) nonce[nonce.size() - 1 - i] ^= static_cast<uint8_t>(sequence_ >> (8 * i));
  return nonce;
}

void Context::export_secret(std::initializer_list<ByteSpan> exporter_context, MutableByteSpan out) const {
  labeled_of(suite_).expand(exporter_.reveal(), "sec", exporter_context, out);
}

void SenderContext::seal(ByteSpan aad, ByteSpan plaintext, MutableByteSpan out) {
  aead_.seal(nonce(), aad, plaintext, out);
  ++sequence_;
}

Result<> RecipientContext::open(ByteSpan aad, ByteSpan sealed, MutableByteSpan out) {
  if (!aead_.open(nonce(), aad, sealed, out)) return fail(Code::verification_failed, "hpke.5.2.open");
  ++sequence_;
  return {};
}

Encapsulation encapsulate(const PublicKey& recipient, Random& random) { return Kem::encapsulate(recipient, random); }

Sender setup_sender(const Suite& suite, Encapsulation encapsulation, std::initializer_list<ByteSpan> info) {
  OPENPCC_CHECK(encapsulation.enc.size() == enc_bytes(suite.kem));
  return {std::move(encapsulation.enc), KeySchedule::make<SenderContext>(suite, encapsulation.shared_secret, info)};
}

Sender setup_sender(const Suite& suite, const PublicKey& recipient, std::initializer_list<ByteSpan> info, Random& random) {
  OPENPCC_CHECK(recipient.kem() == suite.kem);
  return setup_sender(suite, encapsulate(recipient, random), info);
}

Result<RecipientContext> setup_recipient(const Suite& suite, const PrivateKey& key, ByteSpan enc, std::initializer_list<ByteSpan> info) {
  OPENPCC_CHECK(key.kem() == suite.kem);
  OPENPCC_LET(const Secret<32> shared_secret, Kem::decapsulate(key, enc));
  return KeySchedule::make<RecipientContext>(suite, shared_secret, info);
}

}  // namespace openpcc::hpke
