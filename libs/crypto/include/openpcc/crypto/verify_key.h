// Public keys of certificates and reports, and their signatures: ECDSA (FIPS 186-5 s6), RSASSA-PSS and RSASSA-PKCS1-v1_5 (RFC 8017 s8).
// Verification alone: nothing here is secret. Keys are immutable and cheap to copy; threads may share them.
#pragma once

#include <initializer_list>
#include <memory>

#include "openpcc/core/bytes.h"

namespace openpcc::crypto {

enum class Curve : uint8_t { p256, p384 };
// coordinate_bytes is the size of x, y, r and s.
constexpr size_t coordinate_bytes(Curve curve) { return curve == Curve::p256 ? 32 : 48; }

// EcdsaPublic verifies with the digest of its curve's strength: SHA-256 for P-256, SHA-384 for P-384.
class EcdsaPublic {
 public:
  // from_point reads x ‖ y, big-endian.
  //   crypto.ecdsa.point   of a wrong size, or not on the curve
  static Result<EcdsaPublic> from_point(Curve curve, ByteSpan x_y);

  // verify checks r ‖ s, big-endian, each of coordinate_bytes.
  //   crypto.ecdsa.signature   not one of `message` by this key: r or s out of range included
  Result<> verify(ByteSpan message, ByteSpan r_s) const;

  Curve curve() const { return curve_; }

 private:
  struct State;
  EcdsaPublic(Curve curve, std::shared_ptr<const State> state) : curve_(curve), state_(std::move(state)) {}
  Curve curve_;
  std::shared_ptr<const State> state_;
};

// RsaDigest is the digest of a signature by RSA, and of MGF1 where there is one.
enum class RsaDigest : uint8_t { sha256, sha384 };

class RsaPublic {
 public:
  // from_numbers reads modulus and public exponent, big-endian.
  //   crypto.rsa.key   the modulus has not 2048 to 4096 bits or is even; the exponent is not 65537
  static Result<RsaPublic> from_numbers(ByteSpan modulus, ByteSpan exponent);

  // verify_pss_sha384 is RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes, which is AMD's choice; verify_pss_tpm with either
  // digest and a salt as long as the digest or as long as the modulus allows, which are a TPM's choices (TPM 2.0 part 1, B.7).
  //   crypto.rsa.signature   not one of `message` by this key, or not as long as the modulus
  Result<> verify_pss_sha384(ByteSpan message, ByteSpan signature) const;
  Result<> verify_pss_tpm(RsaDigest digest, ByteSpan message, ByteSpan signature) const;
  Result<> verify_pkcs1(RsaDigest digest, ByteSpan message, ByteSpan signature) const;

  size_t modulus_bytes() const;

 private:
  struct State;
  explicit RsaPublic(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  Result<> verify_pss(RsaDigest digest, ByteSpan message, ByteSpan signature, std::initializer_list<int> salts) const;
  std::shared_ptr<const State> state_;
};

}  // namespace openpcc::crypto
