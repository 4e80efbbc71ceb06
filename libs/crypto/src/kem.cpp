#include "openpcc/crypto/kem.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

constexpr const char* kX25519 = "X25519";
constexpr const char* kMlKem768 = "ML-KEM-768";
constexpr size_t kSharedSecretBytes = 32;  // of both

// writable gives OpenSSL's parameter lists the pointer they want for values that they only read.
uint8_t* writable(ByteSpan bytes) { return const_cast<uint8_t*>(bytes.data()); }

// Spec: FIPS 203 s7.1 (ML-KEM.KeyGen_internal on d || z)
Key expand_ml_kem_seed(std::span<const uint8_t, 64> seed) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(library(), kMlKem768, nullptr));
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_ML_KEM_SEED, writable(seed), seed.size()),
                         OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  OPENPCC_CHECK(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
  OPENPCC_CHECK(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params) == 1);
  return Key(key);
}

}  // namespace

struct X25519Private::State {
  Key key;
  X25519Public public_key{};
};

X25519Private::X25519Private(std::span<const uint8_t, 32> scalar) : state_(std::make_unique<State>()) {
  state_->key = import_private(kX25519, scalar);
  OPENPCC_CHECK(state_->key != nullptr);
  copy_public_key(state_->key.get(), state_->public_key);
}

X25519Private::X25519Private(X25519Private&&) noexcept = default;
X25519Private& X25519Private::operator=(X25519Private&&) noexcept = default;
X25519Private::~X25519Private() = default;

const X25519Public& X25519Private::public_key() const { return state_->public_key; }

Result<Secret<32>> X25519Private::agree(const X25519Public& peer) const {
  const Key peer_key = import_public(kX25519, peer);
  const KeyContext context = key_context(state_->key.get());
  OPENPCC_CHECK(peer_key != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  OPENPCC_CHECK(EVP_PKEY_derive_set_peer_ex(context.get(), peer_key.get(), 0) == 1);  // every 32 bytes are a public key
  Secret<kSharedSecretBytes> shared;
  size_t written = kSharedSecretBytes;
  // With good inputs, OpenSSL refuses exactly the all-zero result.
  if (EVP_PKEY_derive(context.get(), shared.reveal_mutable().data(), &written) != 1) {
    ERR_clear_error();
    return fail(Code::verification_failed, "crypto.x25519.zero");
  }
  OPENPCC_CHECK(written == kSharedSecretBytes);
  return shared;
}

struct MlKem768Private::State {
  Key key;
  std::array<uint8_t, kMlKem768PublicBytes> public_key{};
};

MlKem768Private::MlKem768Private(std::span<const uint8_t, 64> seed) : state_(std::make_unique<State>()) {
  state_->key = expand_ml_kem_seed(seed);
  copy_public_key(state_->key.get(), state_->public_key);
}

MlKem768Private::MlKem768Private(MlKem768Private&&) noexcept = default;
MlKem768Private& MlKem768Private::operator=(MlKem768Private&&) noexcept = default;
MlKem768Private::~MlKem768Private() = default;

ByteSpan MlKem768Private::public_key() const { return state_->public_key; }

// Spec: FIPS 203 s7.3
Result<Secret<32>> MlKem768Private::decapsulate(ByteSpan ciphertext) const {
  if (ciphertext.size() != kMlKem768CiphertextBytes) return fail(Code::malformed, "crypto.mlkem.ciphertext_size");
  const KeyContext context = key_context(state_->key.get());
  OPENPCC_CHECK(EVP_PKEY_decapsulate_init(context.get(), nullptr) == 1);
  Secret<kSharedSecretBytes> shared;
  size_t written = kSharedSecretBytes;
  OPENPCC_CHECK(EVP_PKEY_decapsulate(context.get(), shared.reveal_mutable().data(), &written, ciphertext.data(), ciphertext.size()) == 1);
  OPENPCC_CHECK(written == kSharedSecretBytes);
  return shared;
}

struct MlKem768Public::State {
  Key key;
};

MlKem768Public::MlKem768Public(std::unique_ptr<State> state) : state_(std::move(state)) {}
MlKem768Public::MlKem768Public(MlKem768Public&&) noexcept = default;
MlKem768Public& MlKem768Public::operator=(MlKem768Public&&) noexcept = default;
MlKem768Public::~MlKem768Public() = default;

// Spec: FIPS 203 s7.2: OpenSSL checks size and modulus when it imports the key.
Result<MlKem768Public> MlKem768Public::parse(ByteSpan bytes) {
  Key key = import_public(kMlKem768, bytes);
  if (key == nullptr) {
    ERR_clear_error();
    return fail(Code::malformed, "crypto.mlkem.public_key");
  }
  return MlKem768Public(std::make_unique<State>(State{std::move(key)}));
}

// Spec: FIPS 203 s6.2
Secret<32> MlKem768Public::encapsulate(std::span<const uint8_t, 32> randomness,
                                       std::span<uint8_t, kMlKem768CiphertextBytes> ciphertext) const {
  const KeyContext context = key_context(state_->key.get());
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, writable(randomness), randomness.size()),
                         OSSL_PARAM_construct_end()};
  OPENPCC_CHECK(EVP_PKEY_encapsulate_init(context.get(), params) == 1);
  Secret<kSharedSecretBytes> shared;
  size_t ciphertext_bytes = ciphertext.size();
  size_t shared_bytes = kSharedSecretBytes;
  OPENPCC_CHECK(EVP_PKEY_encapsulate(context.get(), ciphertext.data(), &ciphertext_bytes, shared.reveal_mutable().data(), &shared_bytes) ==
                1);
  OPENPCC_CHECK(ciphertext_bytes == ciphertext.size() && shared_bytes == kSharedSecretBytes);
  return shared;
}

}  // namespace openpcc::crypto
