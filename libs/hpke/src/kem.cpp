// DHKEM(X25519, HKDF-SHA256) of RFC 9180 s4.1, and X-Wing (draft-connolly-cfrg-xwing-kem, MLKEM768-X25519 of draft-ietf-hpke-pq):
//
//   seed --SHAKE256--> d || z (ML-KEM-768), skX (X25519)       pk  = pkM || pkX       enc = ctM || ctX
//   shared secret = SHA3-256(ssM || ssX || ctX || pkX || label)
#include "kem.h"

#include <algorithm>

#include "labeled.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/kem.h"

namespace openpcc::hpke {
namespace {

using crypto::kMlKem768CiphertextBytes;
using crypto::kMlKem768PublicBytes;
using crypto::MlKem768Private;
using crypto::MlKem768Public;
using crypto::X25519Private;
using crypto::X25519Public;

std::array<uint8_t, 5> kem_suite_id(KemId kem) {
  std::array<uint8_t, 5> id{'K', 'E', 'M'};
  put_u16(static_cast<uint16_t>(kem), &id[3]);
  return id;
}

X25519Public to_x25519(ByteSpan bytes) {
  X25519Public key;
  OPENPCC_CHECK(bytes.size() == key.size());
  std::ranges::copy(bytes, key.begin());
  return key;
}

// A clamped scalar is a multiple of the cofactor and of no other group order in reach: it meets zero exactly on points of small order.
bool has_small_order(const X25519Public& point) {
  static constexpr std::array<uint8_t, 32> kAnyScalar{};
  static const X25519Private probe(kAnyScalar);
  return !probe.agree(point);
}

// Spec: RFC 9180 s4.1 (ExtractAndExpand)
Secret<32> dhkem_secret(ByteSpan dh, ByteSpan enc, ByteSpan pkR) {
  static const Labeled labeled(kem_suite_id(KemId::dhkem_x25519_hkdf_sha256));
  const Secret<32> eae_prk = labeled.extract({}, "eae_prk", {dh});
  Secret<32> shared;
  labeled.expand(eae_prk.reveal(), "shared_secret", {enc, pkR}, shared.reveal_mutable());
  return shared;
}

// Spec: draft-connolly-cfrg-xwing-kem s5.3
Secret<32> x_wing_secret(ByteSpan ssM, ByteSpan ssX, ByteSpan ctX, ByteSpan pkX) {
  static constexpr std::array<uint8_t, 6> kLabel{0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c};
  crypto::Sha256Digest digest = crypto::sha3_256({ssM, ssX, ctX, pkX, kLabel});
  Secret<32> shared = Secret<32>::copy_of(digest);
  wipe(digest);
  return shared;
}

// Spec: RFC 9180 s7.1.3
Secret<kPrivateKeyBytes> derive_x25519(ByteSpan ikm) {
  const Labeled labeled(kem_suite_id(KemId::dhkem_x25519_hkdf_sha256));
  const Secret<32> dkp_prk = labeled.extract({}, "dkp_prk", {ikm});
  Secret<kPrivateKeyBytes> sk;
  labeled.expand(dkp_prk.reveal(), "sk", {}, sk.reveal_mutable());
  return sk;
}

// Spec: draft-ietf-hpke-pq (SHAKE256.LabeledDerive)
Secret<kPrivateKeyBytes> derive_x_wing(ByteSpan ikm) {
  static constexpr std::string_view kLabel = "DeriveKeyPair";
  static constexpr std::array<uint8_t, 2> kLabelBytes{0, kLabel.size()};
  static constexpr std::array<uint8_t, 2> kOutputBytes{0, kPrivateKeyBytes};
  Secret<kPrivateKeyBytes> seed;
  crypto::shake256({ikm, as_bytes("HPKE-v1"), kem_suite_id(KemId::x_wing), kLabelBytes, as_bytes(kLabel), kOutputBytes},
                   seed.reveal_mutable());
  return seed;
}

}  // namespace

struct PublicKey::State {
  KemId kem;
  Bytes bytes;
  X25519Public x;                   // the key itself, or X-Wing's pkX
  std::optional<MlKem768Public> m;  // X-Wing's pkM
};

PublicKey::PublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
KemId PublicKey::kem() const { return state_->kem; }
ByteSpan PublicKey::bytes() const { return state_->bytes; }

// Spec: RFC 9180 s7.1.1, s7.1.4; draft-connolly-cfrg-xwing-kem s5.4
Result<PublicKey> PublicKey::parse(KemId kem, ByteSpan bytes) {
  if (bytes.size() != public_key_bytes(kem)) return fail(Code::malformed, "hpke.7.1.public_key", "size");
  auto state = std::make_shared<State>(
      State{.kem = kem, .bytes{bytes.begin(), bytes.end()}, .x = to_x25519(bytes.last(sizeof(X25519Public))), .m = std::nullopt});
  if (has_small_order(state->x)) return fail(Code::malformed, "hpke.7.1.public_key", "X25519 point of small order");
  if (kem == KemId::x_wing) {
    auto m = MlKem768Public::parse(bytes.first(kMlKem768PublicBytes));
    if (!m) return fail(Code::malformed, "hpke.7.1.public_key", "ML-KEM encapsulation key");
    state->m = std::move(*m);
  }
  return PublicKey(std::move(state));
}

struct PrivateKey::State {
  KemId kem;
  Secret<kPrivateKeyBytes> bytes;
  X25519Private x;                   // the key itself, or X-Wing's skX
  std::optional<MlKem768Private> m;  // X-Wing's ML-KEM part
  Bytes public_key;
};

PrivateKey::PrivateKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;
KemId PrivateKey::kem() const { return state_->kem; }
ByteSpan PrivateKey::public_key() const { return state_->public_key; }
std::span<const uint8_t, kPrivateKeyBytes> PrivateKey::reveal_for_export() const { return state_->bytes.reveal(); }

PrivateKey PrivateKey::generate(KemId kem, Random& random) {
  Secret<kPrivateKeyBytes> bytes;
  random.fill(bytes.reveal_mutable());
  return from_bytes(kem, bytes.reveal());
}

PrivateKey PrivateKey::derive(KemId kem, ByteSpan ikm) {
  const Secret<kPrivateKeyBytes> bytes = kem == KemId::x_wing ? derive_x_wing(ikm) : derive_x25519(ikm);
  return from_bytes(kem, bytes.reveal());
}

PrivateKey PrivateKey::from_bytes(KemId kem, std::span<const uint8_t, kPrivateKeyBytes> bytes) {
  auto copy = Secret<kPrivateKeyBytes>::copy_of(bytes);
  if (kem == KemId::dhkem_x25519_hkdf_sha256) {
    X25519Private x(bytes);
    Bytes public_key(x.public_key().begin(), x.public_key().end());
    return PrivateKey(std::make_unique<State>(State{kem, std::move(copy), std::move(x), std::nullopt, std::move(public_key)}));
  }
  // Spec: draft-connolly-cfrg-xwing-kem s5.2 (expandDecapsulationKey)
  Secret<96> expanded;
  crypto::shake256(bytes, expanded.reveal_mutable());
  MlKem768Private m(expanded.reveal().first<64>());
  X25519Private x(expanded.reveal().last<32>());
  Bytes public_key = concat({m.public_key(), x.public_key()});
  return PrivateKey(std::make_unique<State>(State{kem, std::move(copy), std::move(x), std::move(m), std::move(public_key)}));
}

Encapsulation Kem::encapsulate(const PublicKey& recipient, Random& random) {
  const PublicKey::State& pkR = *recipient.state_;
  Secret<32> eseedM;  // unused by DHKEM
  Secret<32> skE_bytes;
  if (pkR.m) random.fill(eseedM.reveal_mutable());
  random.fill(skE_bytes.reveal_mutable());

  const X25519Private skE(skE_bytes.reveal());
  const X25519Public& pkE = skE.public_key();
  const Result<Secret<32>> dh = skE.agree(pkR.x);
  OPENPCC_CHECK(dh.has_value());  // PublicKey::parse let no point of small order in
  Encapsulation out;
  out.enc.resize(enc_bytes(pkR.kem));
  std::ranges::copy(pkE, out.enc.end() - sizeof(X25519Public));
  if (!pkR.m) {
    out.shared_secret = dhkem_secret(dh->reveal(), out.enc, pkR.bytes);
    return out;
  }
  const std::span<uint8_t, kMlKem768CiphertextBytes> ctM = std::span(out.enc).first<kMlKem768CiphertextBytes>();
  const Secret<32> ssM = pkR.m->encapsulate(eseedM.reveal(), ctM);
  out.shared_secret = x_wing_secret(ssM.reveal(), dh->reveal(), pkE, pkR.x);
  return out;
}

Result<Secret<32>> Kem::decapsulate(const PrivateKey& key, ByteSpan enc) {
  const PrivateKey::State& skR = *key.state_;
  if (enc.size() != enc_bytes(skR.kem)) return fail(Code::malformed, "hpke.7.1.enc", "size");
  const X25519Public pkE = to_x25519(enc.last(sizeof(X25519Public)));
  // X-Wing alone would go on with zeros; no honest sender makes them, and one rule for both KEMs is easier to audit.
  const Result<Secret<32>> dh = skR.x.agree(pkE);
  if (!dh) return fail(Code::verification_failed, "hpke.7.1.enc", "X25519 point of small order");
  if (!skR.m) return dhkem_secret(dh->reveal(), enc, skR.public_key);
  const Result<Secret<32>> ssM = skR.m->decapsulate(enc.first(kMlKem768CiphertextBytes));
  OPENPCC_CHECK(ssM.has_value());  // the size is right, and nothing else can fail
  return x_wing_secret(ssM->reveal(), dh->reveal(), pkE, skR.x.public_key());
}

}  // namespace openpcc::hpke
