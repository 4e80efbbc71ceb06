#include "openpcc/crypto/hash.h"

#include <openssl/sha.h>

#include <algorithm>
#include <new>

#include "openpcc/crypto/sha1.h"
#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

constexpr size_t kSha256BlockBytes = 64;

SHA256_CTX* context(std::array<uint8_t, 112>& state) { return std::launder(reinterpret_cast<SHA256_CTX*>(state.data())); }

// The one-shot digests below are off the hot path, where an allocation of a context does not show.
void evp_digest(const EVP_MD* md, std::span<const ByteSpan> parts, MutableByteSpan out) {
  const DigestContext digest(EVP_MD_CTX_new());
  OPENPCC_CHECK(digest != nullptr && EVP_DigestInit_ex2(digest.get(), md, nullptr) == 1);
  for (const ByteSpan part : parts) OPENPCC_CHECK(EVP_DigestUpdate(digest.get(), part.data(), part.size()) == 1);
  if ((EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0) {
    OPENPCC_CHECK(EVP_DigestFinalXOF(digest.get(), out.data(), out.size()) == 1);
  } else {
    OPENPCC_CHECK(out.size() == static_cast<size_t>(EVP_MD_get_size(md)));
    OPENPCC_CHECK(EVP_DigestFinal_ex(digest.get(), out.data(), nullptr) == 1);
  }
}

const EVP_MD* fetch(const char* name) {
  const EVP_MD* md = EVP_MD_fetch(library(), name, nullptr);
  OPENPCC_CHECK(md != nullptr);
  return md;
}

// Hmac has absorbed its padded key once; each message starts from copies of the two states.
class Hmac {
 public:
  explicit Hmac(ByteSpan key) {
    Secret<kSha256BlockBytes> block;
    const std::span<uint8_t, kSha256BlockBytes> pad = block.reveal_mutable();
    if (key.size() > pad.size()) {
      const Sha256Digest digest = sha256(key);
      std::ranges::copy(digest, pad.begin());
    } else {
      std::ranges::copy(key, pad.begin());
    }
    for (uint8_t& byte : pad) byte ^= 0x36;
    inner_.update(pad);
    for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer_.update(pad);
  }

  Sha256 begin() const { return inner_; }

  Secret<32> end(Sha256& message) const {
    Sha256Digest digest = message.finish();
    Sha256 outer = outer_;
    outer.update(digest);
    digest = outer.finish();
    Secret<32> tag = Secret<32>::copy_of(digest);
    wipe(digest);
    return tag;
  }

 private:
  Sha256 inner_;
  Sha256 outer_;
};

std::span<const ByteSpan> view(std::initializer_list<ByteSpan> parts) { return {parts.begin(), parts.size()}; }

}  // namespace

// OpenSSL deprecates its low-level SHA-256 in favour of EVP, which costs a context on the heap and, per digest, more than twice the time
// of a compression. Here the digest is fixed, so that EVP's agility buys nothing.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

Sha256::Sha256() {
  static_assert(sizeof(SHA256_CTX) == sizeof(state_) && alignof(SHA256_CTX) <= 8);
  SHA256_Init(new (state_.data()) SHA256_CTX);
}

Sha256::Sha256(const Sha256& other) = default;

Sha256& Sha256::operator=(const Sha256& other) = default;

// States of HMAC are keys.
Sha256::~Sha256() { wipe(state_); }

Sha256& Sha256::update(ByteSpan piece) {
  SHA256_Update(context(state_), piece.data(), piece.size());
  return *this;
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), context(state_));
  return digest;
}

#pragma GCC diagnostic pop

Sha256& Sha256::lp(ByteSpan piece) {
  OPENPCC_CHECK(piece.size() <= UINT32_MAX);
  const auto n = static_cast<uint32_t>(piece.size());
  const std::array<uint8_t, 4> length{static_cast<uint8_t>(n >> 24), static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8),
                                      static_cast<uint8_t>(n)};
  return update(length).update(piece);
}

Sha256Digest sha256(std::initializer_list<ByteSpan> parts) {
  Sha256 hash;
  for (const ByteSpan part : parts) hash.update(part);
  return hash.finish();
}

Sha1Digest sha1(ByteSpan bytes) {
  static const EVP_MD* const md = fetch("SHA1");
  Sha1Digest digest;
  evp_digest(md, view({bytes}), digest);
  return digest;
}

Sha384Digest sha384(ByteSpan bytes) {
  static const EVP_MD* const md = fetch("SHA2-384");
  Sha384Digest digest;
  evp_digest(md, view({bytes}), digest);
  return digest;
}

Sha512Digest sha512(ByteSpan bytes) {
  static const EVP_MD* const md = fetch("SHA2-512");
  Sha512Digest digest;
  evp_digest(md, view({bytes}), digest);
  return digest;
}

Sha256Digest sha3_256(std::initializer_list<ByteSpan> parts) {
  static const EVP_MD* const md = fetch("SHA3-256");
  Sha256Digest digest;
  evp_digest(md, view(parts), digest);
  return digest;
}

void shake256(std::initializer_list<ByteSpan> parts, MutableByteSpan out) {
  static const EVP_MD* const md = fetch("SHAKE256");
  evp_digest(md, view(parts), out);
}

Secret<32> hmac_sha256(ByteSpan key, std::span<const ByteSpan> parts) {
  const Hmac hmac(key);
  Sha256 message = hmac.begin();
  for (const ByteSpan part : parts) message.update(part);
  return hmac.end(message);
}

// Spec: RFC 5869 s2.2
Secret<32> hkdf_extract(ByteSpan salt, std::span<const ByteSpan> ikm) { return hmac_sha256(salt, ikm); }

// Spec: RFC 5869 s2.3
void hkdf_expand(ByteSpan prk, std::span<const ByteSpan> info, MutableByteSpan out) {
  OPENPCC_CHECK(out.size() <= kHkdfOutputBytesMax);
  const Hmac hmac(prk);
  Secret<32> block;
  for (uint8_t counter = 1; !out.empty(); ++counter) {
    Sha256 message = hmac.begin();
    if (counter > 1) message.update(block.reveal());
    for (const ByteSpan part : info) message.update(part);
    message.update({&counter, 1});
    block = hmac.end(message);
    const size_t n = std::min(out.size(), sizeof(Sha256Digest));
    std::memcpy(out.data(), block.reveal().data(), n);
    out = out.subspan(n);
  }
}

}  // namespace openpcc::crypto
