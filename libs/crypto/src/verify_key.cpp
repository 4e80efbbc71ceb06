// OpenSSL's provider interface imports a key for longer than a signature with it takes to verify, so these keys are made and used through the
// calls below it, which OpenSSL marks deprecated and keeps for the life of version 3.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "openpcc/crypto/verify_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "openpcc/crypto/hash.h"
#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Group = std::unique_ptr<EC_GROUP, Freed<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT_free>>;
using EcKey = std::unique_ptr<EC_KEY, Freed<EC_KEY_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;
using RsaKey = std::unique_ptr<RSA, Freed<RSA_free>>;

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 4096;

Number number(ByteSpan big_endian) {
  Number out(BN_bin2bn(big_endian.data(), static_cast<int>(big_endian.size()), nullptr));
  OPENPCC_CHECK(out != nullptr);
  return out;
}

const EC_GROUP* group_of(Curve curve) {
  const auto make = [](int nid) {
    EC_GROUP* group = EC_GROUP_new_by_curve_name_ex(library(), nullptr, nid);
    OPENPCC_CHECK(group != nullptr);
    return group;
  };
  static const EC_GROUP* const p256 = make(NID_X9_62_prime256v1);
  static const EC_GROUP* const p384 = make(NID_secp384r1);
  return curve == Curve::p256 ? p256 : p384;
}

// below_prime: OpenSSL would take a larger coordinate modulo the prime, so that one point had two encodings.
bool below_prime(const EC_GROUP* group, const BIGNUM* coordinate) {
  const Number p(BN_new());
  OPENPCC_CHECK(p != nullptr && EC_GROUP_get_curve(group, p.get(), nullptr, nullptr, nullptr) == 1);
  return BN_cmp(coordinate, p.get()) < 0;
}

const EVP_MD* digest_of_openssl(RsaDigest digest) {
  const auto fetch = [](const char* name) {
    const EVP_MD* md = EVP_MD_fetch(library(), name, nullptr);
    OPENPCC_CHECK(md != nullptr);
    return md;
  };
  static const EVP_MD* const sha256 = fetch("SHA2-256");
  static const EVP_MD* const sha384 = fetch("SHA2-384");
  return digest == RsaDigest::sha256 ? sha256 : sha384;
}

Bytes digest_of(RsaDigest digest, ByteSpan message) {
  if (digest == RsaDigest::sha384) {
    const Sha384Digest out = sha384(message);
    return {out.begin(), out.end()};
  }
  const Sha256Digest out = sha256(message);
  return {out.begin(), out.end()};
}

}  // namespace

struct EcdsaPublic::State {
  EcKey key;
};

struct RsaPublic::State {
  RsaKey key;
  size_t modulus_bytes = 0;
};

Result<EcdsaPublic> EcdsaPublic::from_point(Curve curve, ByteSpan x_y) {
  const size_t n = coordinate_bytes(curve);
  if (x_y.size() != 2 * n) return fail(Code::malformed, "crypto.ecdsa.point", "wrong size");
  const EC_GROUP* group = group_of(curve);
  const Point point(EC_POINT_new(group));
  const Number x = number(x_y.first(n));
  const Number y = number(x_y.last(n));
  auto state = std::make_shared<State>();
  state->key.reset(EC_KEY_new_ex(library(), nullptr));
  OPENPCC_CHECK(point != nullptr && state->key != nullptr);
  // Both curves have cofactor 1: a point on the curve that is not infinity, which has no affine coordinates, is in the group.
  if (!below_prime(group, x.get()) || !below_prime(group, y.get()))
    return fail(Code::malformed, "crypto.ecdsa.point", "not below the prime");
  if (EC_POINT_set_affine_coordinates(group, point.get(), x.get(), y.get(), nullptr) != 1) {
    ERR_clear_error();
    return fail(Code::verification_failed, "crypto.ecdsa.point", "not on the curve");
  }
  OPENPCC_CHECK(EC_KEY_set_group(state->key.get(), group) == 1);
  OPENPCC_CHECK(EC_KEY_set_public_key(state->key.get(), point.get()) == 1);
  return EcdsaPublic(curve, std::move(state));
}

Result<> EcdsaPublic::verify(ByteSpan message, ByteSpan r_s) const {
  constexpr Rule kRule = "crypto.ecdsa.signature";
  const size_t n = coordinate_bytes(curve_);
  if (r_s.size() != 2 * n) return fail(Code::malformed, kRule, "wrong size");
  const EcSignature signature(ECDSA_SIG_new());
  OPENPCC_CHECK(signature != nullptr);
  OPENPCC_CHECK(ECDSA_SIG_set0(signature.get(), number(r_s.first(n)).release(), number(r_s.last(n)).release()) == 1);
  const auto verified = [&](ByteSpan digest) {
    return ECDSA_do_verify(digest.data(), static_cast<int>(digest.size()), signature.get(), state_->key.get()) == 1;
  };
  if (curve_ == Curve::p256 ? verified(sha256(message)) : verified(sha384(message))) return {};
  ERR_clear_error();
  return fail(Code::verification_failed, kRule);
}

Result<RsaPublic> RsaPublic::from_numbers(ByteSpan modulus, ByteSpan exponent) {
  constexpr Rule kRule = "crypto.rsa.key";
  if (modulus.size() > kRsaBitsMax / 8 + 1 || exponent.size() > 8) return fail(Code::unsupported, kRule, "too large");
  Number n = number(modulus);
  Number e = number(exponent);
  const int bits = BN_num_bits(n.get());
  if (bits < kRsaBitsMin || bits > kRsaBitsMax) return fail(Code::unsupported, kRule, std::to_string(bits) + " bits");
  if (BN_is_odd(n.get()) == 0 || BN_is_word(e.get(), RSA_F4) == 0) return fail(Code::unsupported, kRule, "even, or an exponent but 65537");
  auto state = std::make_shared<State>();
  state->key.reset(RSA_new());
  state->modulus_bytes = static_cast<size_t>(BN_num_bytes(n.get()));
  OPENPCC_CHECK(state->key != nullptr && RSA_set0_key(state->key.get(), n.release(), e.release(), nullptr) == 1);
  return RsaPublic(std::move(state));
}

Result<> RsaPublic::verify_pss(RsaDigest digest, ByteSpan message, ByteSpan signature, std::initializer_list<int> salts) const {
  constexpr Rule kRule = "crypto.rsa.signature";
  if (signature.size() != state_->modulus_bytes) return fail(Code::malformed, kRule, "wrong size");
  RSA* key = state_->key.get();
  const EVP_MD* md = digest_of_openssl(digest);
  std::array<uint8_t, kRsaBitsMax / 8> encoded{};
  const int size = static_cast<int>(signature.size());
  const Bytes hash = digest_of(digest, message);
  const bool good =
      RSA_public_decrypt(size, signature.data(), encoded.data(), key, RSA_NO_PADDING) == size &&
      std::ranges::any_of(salts, [&](int salt) { return RSA_verify_PKCS1_PSS_mgf1(key, hash.data(), md, md, encoded.data(), salt) == 1; });
  ERR_clear_error();
  if (good) return {};
  return fail(Code::verification_failed, kRule);
}

Result<> RsaPublic::verify_pss_sha384(ByteSpan message, ByteSpan signature) const {
  return verify_pss(RsaDigest::sha384, message, signature, {RSA_PSS_SALTLEN_DIGEST});
}

Result<> RsaPublic::verify_pss_tpm(RsaDigest digest, ByteSpan message, ByteSpan signature) const {
  return verify_pss(digest, message, signature, {RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX});
}

// The encoded message is compared whole, as RFC 8017 s8.2.2 has it: what OpenSSL parses of it has been a source of forgeries.
Result<> RsaPublic::verify_pkcs1(RsaDigest digest, ByteSpan message, ByteSpan signature) const {
  constexpr Rule kRule = "crypto.rsa.signature";
  constexpr std::array<uint8_t, 19> kSha256Info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  constexpr std::array<uint8_t, 19> kSha384Info{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                                0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30};
  const size_t n = state_->modulus_bytes;
  if (signature.size() != n) return fail(Code::malformed, kRule, "wrong size");
  const Bytes info = concat({digest == RsaDigest::sha256 ? kSha256Info : kSha384Info, digest_of(digest, message)});
  Bytes expected(n, 0xff);
  expected[0] = 0;
  expected[1] = 1;
  expected[n - info.size() - 1] = 0;
  std::ranges::copy(info, expected.end() - static_cast<ptrdiff_t>(info.size()));
  Bytes encoded(n);
  const int size = static_cast<int>(n);
  const bool good =
      RSA_public_decrypt(size, signature.data(), encoded.data(), state_->key.get(), RSA_NO_PADDING) == size && equal(encoded, expected);
  ERR_clear_error();
  if (good) return {};
  return fail(Code::verification_failed, kRule);
}

size_t RsaPublic::modulus_bytes() const { return state_->modulus_bytes; }

}  // namespace openpcc::crypto
