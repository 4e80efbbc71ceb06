#include "openpcc/crypto/sign.h"

#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

constexpr const char* kEd25519 = "ED25519";

}  // namespace

struct Ed25519Private::State {
  Key key;
  Ed25519Public public_key{};
};

Ed25519Private::Ed25519Private(std::span<const uint8_t, 32> seed) : state_(std::make_unique<State>()) {
  state_->key = import_private(kEd25519, seed);
  OPENPCC_CHECK(state_->key != nullptr);
  copy_public_key(state_->key.get(), state_->public_key);
}

Ed25519Private::Ed25519Private(Ed25519Private&&) noexcept = default;
Ed25519Private& Ed25519Private::operator=(Ed25519Private&&) noexcept = default;
Ed25519Private::~Ed25519Private() = default;

const Ed25519Public& Ed25519Private::public_key() const { return state_->public_key; }

// Spec: RFC 8032 s5.1.6
Ed25519Signature Ed25519Private::sign(ByteSpan message) const {
  const DigestContext context(EVP_MD_CTX_new());
  Ed25519Signature signature;
  size_t written = signature.size();
  OPENPCC_CHECK(context != nullptr);
  OPENPCC_CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, library(), nullptr, state_->key.get(), nullptr) == 1);
  OPENPCC_CHECK(EVP_DigestSign(context.get(), signature.data(), &written, message.data(), message.size()) == 1);
  OPENPCC_CHECK(written == signature.size());
  return signature;
}

// Spec: RFC 8032 s5.1.7
Result<> ed25519_verify(const Ed25519Public& key, ByteSpan message, ByteSpan signature) {
  const Key public_key = import_public(kEd25519, key);
  const DigestContext context(EVP_MD_CTX_new());
  OPENPCC_CHECK(public_key != nullptr && context != nullptr);
  OPENPCC_CHECK(EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, library(), nullptr, public_key.get(), nullptr) == 1);
  // A wrong size, a bad point and a wrong signature are one answer.
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) != 1) {
    ERR_clear_error();
    return fail(Code::verification_failed, "crypto.ed25519.signature");
  }
  return {};
}

}  // namespace openpcc::crypto
