// OpenSSL's provider interface imports a key for longer than a signature with it takes to verify, so these keys are made and used through the
// calls below it, which OpenSSL marks deprecated and keeps for the life of version 3.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "openpcc/crypto/verify_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

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
constexpr int kPssSaltBytes = 48;

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

const EVP_MD* sha384_of_openssl() {
  static const EVP_MD* const md = EVP_MD_fetch(library(), "SHA2-384", nullptr);
  OPENPCC_CHECK(md != nullptr);
  return md;
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

Result<> RsaPublic::verify_pss_sha384(ByteSpan message, ByteSpan signature) const {
  constexpr Rule kRule = "crypto.rsa.signature";
  if (signature.size() != state_->modulus_bytes) return fail(Code::malformed, kRule, "wrong size");
  std::array<uint8_t, kRsaBitsMax / 8> encoded{};
  const int size = static_cast<int>(signature.size());
  const Sha384Digest digest = sha384(message);
  const bool good = RSA_public_decrypt(size, signature.data(), encoded.data(), state_->key.get(), RSA_NO_PADDING) == size &&
                    RSA_verify_PKCS1_PSS_mgf1(state_->key.get(), digest.data(), sha384_of_openssl(), sha384_of_openssl(), encoded.data(),
                                              kPssSaltBytes) == 1;
  if (good) return {};
  ERR_clear_error();
  return fail(Code::verification_failed, kRule);
}

}  // namespace openpcc::crypto
