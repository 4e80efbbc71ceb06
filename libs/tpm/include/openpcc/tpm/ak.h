// The attestation key: what its public area promises of it (TPM 2.0 library specification, part 2: TPMT_PUBLIC s12.2.4, TPMA_OBJECT s8.3), or a
// key without one. Whose key it is, a certificate or a policy says.
#pragma once

#include <optional>

#include "openpcc/crypto/hash.h"
#include "openpcc/tpm/quote.h"
#include "openpcc/x509/x509.h"

namespace openpcc::tpm {

inline constexpr size_t kPublicBytesMax = 1024;

// Attributes are TPMA_OBJECT, bit by bit.
struct Attributes {
  uint32_t bits = 0;
  bool fixed_tpm() const { return bit(1); }
  bool st_clear() const { return bit(2); }
  bool fixed_parent() const { return bit(4); }
  bool sensitive_data_origin() const { return bit(5); }
  bool restricted() const { return bit(16); }
  bool decrypt() const { return bit(17); }
  bool sign() const { return bit(18); }
  bool bit(unsigned n) const { return (bits >> n & 1) != 0; }
  bool x509_sign() const { return bit(19); }
  bool reserved_zero() const { return (bits & 0xfff0f309) == 0; }
  // attests: made by the TPM itself, never to leave it, and signing nothing that pretends to be the TPM's word.
  bool attests() const {
    return fixed_tpm() && fixed_parent() && sensitive_data_origin() && restricted() && sign() && !decrypt() && !x509_sign() &&
           reserved_zero();
  }
};

// BoundScheme is what a key's public area says that it signs by.
struct BoundScheme {
  Scheme scheme;
  Hash hash;
};

// AttestationKey is a public key with what is known of it. Immutable.
class AttestationKey {
 public:
  // from_public reads a TPMT_PUBLIC, or a TPM2B_PUBLIC around one.
  //   tpm.ak.syntax       cut short, bytes after its end, numbers of a wrong size, neither RSA nor a curve that we speak
  //   tpm.scheme          a scheme of no attestation key, or a digest other than SHA-256 and SHA-384 (unsupported)
  //   tpm.ak.attributes   not restricted to signing, not bound to its TPM, or a reserved bit is set
  //   tpm.ak.key          below 2048 bits, an exponent but 65537, or not a point on its curve
  static Result<AttestationKey> from_public(ByteSpan bytes);
  // from_spki reads the DER of a SubjectPublicKeyInfo; from_numbers an RSA key's modulus and exponent, big-endian.
  //   tpm.ak.syntax, tpm.ak.key
  static Result<AttestationKey> from_spki(ByteSpan der);
  static Result<AttestationKey> from_numbers(ByteSpan modulus, ByteSpan exponent);

  // read takes any of the forms in which a file may hold a key: a public area, or a SubjectPublicKeyInfo as DER or PEM.
  static Result<AttestationKey> read(ByteSpan bytes);

  const x509::PublicKey& key() const { return key_; }
  ByteSpan spki() const { return spki_; }  // DER
  // fingerprint is the SHA-256 of spki.
  crypto::Sha256Digest fingerprint() const { return crypto::sha256(spki_); }
  // attributes, bound (the one scheme that the key signs by) and name (algorithm and digest of the public area) are known of keys
  // with a public area alone.
  const std::optional<Attributes>& attributes() const { return attributes_; }
  const std::optional<BoundScheme>& bound() const { return bound_; }
  Bytes name() const;

 private:
  AttestationKey(x509::PublicKey key, Bytes spki) : key_(std::move(key)), spki_(std::move(spki)) {}
  x509::PublicKey key_;
  Bytes spki_;
  std::optional<Attributes> attributes_;
  std::optional<BoundScheme> bound_;
  Bytes area_;  // empty: none is known
};

}  // namespace openpcc::tpm
