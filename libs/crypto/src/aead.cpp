#include "openpcc/crypto/aead.h"

#include <algorithm>
#include <climits>

#include "openpcc/core/secret.h"
#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

const EVP_CIPHER* fetch(const char* name) {
  const EVP_CIPHER* cipher = EVP_CIPHER_fetch(library(), name, nullptr);
  OPENPCC_CHECK(cipher != nullptr);
  return cipher;
}

const EVP_CIPHER* cipher_of(AeadId id) {
  static const EVP_CIPHER* const aes_128 = fetch("AES-128-GCM");
  static const EVP_CIPHER* const aes_256 = fetch("AES-256-GCM");
  static const EVP_CIPHER* const chacha20 = fetch("ChaCha20-Poly1305");
  switch (id) {
    case AeadId::aes_128_gcm: return aes_128;
    case AeadId::aes_256_gcm: return aes_256;
    case AeadId::chacha20_poly1305: return chacha20;
  }
  OPENPCC_CHECK(false);
}

// update takes AAD where `out` is null, otherwise text.
void update(const CipherContext& context, ByteSpan in, uint8_t* out) {
  OPENPCC_CHECK(in.size() <= INT_MAX);
  int written = 0;
  OPENPCC_CHECK(EVP_CipherUpdate(context.get(), out, &written, in.data(), static_cast<int>(in.size())) == 1);
  OPENPCC_CHECK(static_cast<size_t>(written) == in.size());  // both ciphers are streams
}

// start begins a message in either direction: the expanded key stays, only the nonce is new.
void start(const CipherContext& context, ByteSpan nonce, ByteSpan aad, bool sealing) {
  OPENPCC_CHECK(nonce.size() == kAeadNonceBytes);
  OPENPCC_CHECK(EVP_CipherInit_ex2(context.get(), nullptr, nullptr, nonce.data(), sealing ? 1 : 0, nullptr) == 1);
  if (!aad.empty()) update(context, aad, nullptr);
}

// finish computes the tag, or checks the one that was set.
bool finish(const CipherContext& context) {
  std::array<uint8_t, kAeadTagBytes> none{};
  int written = 0;
  return EVP_CipherFinal_ex(context.get(), none.data(), &written) == 1;
}

}  // namespace

struct Aead::State {
  CipherContext context{EVP_CIPHER_CTX_new()};
};

Aead::Aead(AeadId id, ByteSpan key) : state_(std::make_unique<State>()) {
  OPENPCC_CHECK(key.size() == aead_key_bytes(id));
  OPENPCC_CHECK(state_->context != nullptr);
  OPENPCC_CHECK(EVP_CipherInit_ex2(state_->context.get(), cipher_of(id), key.data(), nullptr, 1, nullptr) == 1);
}

Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal(ByteSpan nonce, ByteSpan aad, ByteSpan plaintext, MutableByteSpan out) {
  OPENPCC_CHECK(out.size() == plaintext.size() + kAeadTagBytes);
  start(state_->context, nonce, aad, true);
  if (!plaintext.empty()) update(state_->context, plaintext, out.data());
  OPENPCC_CHECK(finish(state_->context));
  const MutableByteSpan tag = out.last(kAeadTagBytes);
  OPENPCC_CHECK(EVP_CIPHER_CTX_ctrl(state_->context.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag.data()) == 1);
}

Result<> Aead::open(ByteSpan nonce, ByteSpan aad, ByteSpan sealed, MutableByteSpan out) {
  if (sealed.size() < kAeadTagBytes) return fail(Code::malformed, "crypto.aead.short");
  const ByteSpan ciphertext = sealed.first(sealed.size() - kAeadTagBytes);
  OPENPCC_CHECK(out.size() == ciphertext.size());
  std::array<uint8_t, kAeadTagBytes> tag{};  // OpenSSL wants it writable
  std::ranges::copy(sealed.last(kAeadTagBytes), tag.begin());

  start(state_->context, nonce, aad, false);
  if (!ciphertext.empty()) update(state_->context, ciphertext, out.data());
  OPENPCC_CHECK(EVP_CIPHER_CTX_ctrl(state_->context.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1);
  if (!finish(state_->context)) {
    wipe(out);
    ERR_clear_error();
    return fail(Code::verification_failed, "crypto.aead.tag");
  }
  return {};
}

}  // namespace openpcc::crypto
