// X.509 certificates and revocation lists (RFC 5280), as attestation uses them: the few algorithms and extensions of those chains, read
// strictly, and every check by a rule of its own. No generic path building: who verifies names each certificate's place.
//
// Names prove nothing; a chain counts from a pinned key. Time is an argument everywhere.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/verify_key.h"

namespace openpcc::x509 {

inline constexpr size_t kCertificateBytesMax = 8u << 10;
inline constexpr size_t kCrlBytesMax = 1u << 20;
inline constexpr size_t kExtensionsMax = 32;
inline constexpr size_t kSerialBytesMax = 20;

enum class Algorithm : uint8_t {
  ecdsa_sha256,    // with P-256
  ecdsa_sha384,    // with P-384
  rsa_pss_sha384,  // MGF1 with SHA-384, a salt of 48 bytes
  rsa_pkcs1_sha256,
  rsa_pkcs1_sha384,
};

// PublicKey is what a certificate certifies.
using PublicKey = std::variant<crypto::EcdsaPublic, crypto::RsaPublic>;

// read_key decodes the DER of a SubjectPublicKeyInfo.
//   x509.key.algorithm   neither RSA nor a named curve that we speak (unsupported)        crypto.ecdsa.point, crypto.rsa.key, x509.der
Result<PublicKey> read_key(ByteSpan spki);

// Window is a time during which something signed holds, both ends included.
struct Window {
  UnixSeconds from;
  UnixSeconds to;
  bool contains(UnixSeconds time) const { return from <= time && time <= to; }
  // intersect leaves what both have; from > to where they have nothing.
  Window intersect(const Window& other) const { return {std::max(from, other.from), std::min(to, other.to)}; }
  friend bool operator==(const Window&, const Window&) = default;
};

struct Extension {
  ByteSpan oid;  // content of the OBJECT IDENTIFIER
  bool critical;
  ByteSpan value;
};

// Signed is what certificates and revocation lists have in common: what is signed, how, and the signature (r ‖ s where it is of ECDSA).
struct Signed {
  ByteSpan message;
  Algorithm algorithm;
  Bytes signature;

  //   x509.signature.algorithm   the key is of another kind
  //   x509.signature.wrong       not this key's
  Result<> check(const PublicKey& key) const;
};

// Certificate owns its bytes. Moving it keeps what its views show.
class Certificate {
 public:
  //   x509.certificate.too_large     over kCertificateBytesMax (limit)
  //   x509.certificate.syntax        not a certificate of version 3, times, names or extensions malformed, an extension twice
  //   x509.certificate.algorithm     a signature algorithm or parameters that we do not speak, or two different ones (unsupported)
  //   x509.der
  static Result<Certificate> parse(ByteSpan der);
  // parse_pem reads one or more certificates, leaf or not first: CERTIFICATE blocks and line ends alone, one NUL may end them.
  //   x509.pem.syntax   anything else, or more than `max` of them
  static Result<std::vector<Certificate>> parse_pem(ByteSpan text, size_t max);

  Certificate(Certificate&&) noexcept = default;
  Certificate& operator=(Certificate&&) noexcept = default;

  ByteSpan der() const { return der_; }
  ByteSpan serial() const { return serial_; }    // its magnitude
  ByteSpan issuer() const { return issuer_; }    // the Name's DER
  ByteSpan subject() const { return subject_; }  // likewise
  ByteSpan spki() const { return spki_; }        // SubjectPublicKeyInfo's DER
  const Window& window() const { return window_; }
  const Signed& signature() const { return signed_; }
  const std::vector<Extension>& extensions() const { return extensions_; }
  const Extension* extension(ByteSpan oid) const;
  // common_name is the subject's only CN; empty where there is none.
  std::string_view common_name() const { return common_name_; }

  // key decodes the certified key, as read_key does.
  Result<PublicKey> key() const { return read_key(spki_); }

 private:
  Certificate() = default;
  Result<> read(ByteSpan der);

  Bytes der_;
  ByteSpan serial_, issuer_, subject_, spki_;
  std::string_view common_name_;
  Window window_{};
  Signed signed_{};
  std::vector<Extension> extensions_;
};

// check_time says that `now` is in the certificate's window.
//   x509.time.early, x509.time.expired
Result<> check_time(const Certificate& certificate, UnixSeconds now);

// Known are certificates, each the SHA-256 of its DER, whose signature by their issuer's key is known to be good: a digest that is compiled in
// vouches for the very bytes, as the signature does.
using Known = std::span<const crypto::Sha256Digest>;
bool is_known(const Certificate& certificate, Known known);

// check_extensions refuses what we would have to understand: any critical extension but BasicConstraints, KeyUsage and what the caller
// understands, by the content of its OBJECT IDENTIFIER.
//   x509.extension.critical
Result<> check_extensions(const Certificate& certificate, std::span<const ByteSpan> understood = {});

// check_issued says that `issuer`, whose key is `issuer_key`, signed `subject`, as a CA may. `below` counts the CAs between it and the leaf.
//   x509.issuer.name        the subject names another issuer        x509.signature.*     its key did not sign the subject
//   x509.issuer.not_ca      no CA, or not for so long a chain       x509.issuer.key_usage   its key is not for signing certificates
//   x509.extension.critical (of either)
// The signature of a subject that is among `known` was verified when it was entered there, and is not verified again.
// `understood` are critical extensions of the subject that the caller judges.
Result<> check_issued(const Certificate& subject, const Certificate& issuer, const PublicKey& issuer_key, size_t below, Known known = {},
                      std::span<const ByteSpan> understood = {});

// Crl is a revocation list. It owns its bytes.
class Crl {
 public:
  //   x509.crl.too_large (limit)
  //   x509.crl.syntax       malformed, of version 1, or without nextUpdate
  //   x509.crl.critical     a critical extension: it may be of other certificates only
  //   x509.certificate.algorithm, x509.der
  static Result<Crl> parse(ByteSpan der);

  Crl(Crl&&) noexcept = default;
  Crl& operator=(Crl&&) noexcept = default;

  ByteSpan issuer() const { return issuer_; }
  const Signed& signature() const { return signed_; }
  // window ends one second before nextUpdate.
  const Window& window() const { return window_; }
  bool revokes(ByteSpan serial) const;
  size_t size() const { return revoked_.size(); }

 private:
  Crl() = default;
  Result<> read(ByteSpan der);
  Result<> read_revoked(ByteSpan list);

  Bytes der_;
  ByteSpan issuer_;
  Window window_{};
  Signed signed_{};
  std::vector<ByteSpan> revoked_;  // serials
};

// check_crl says that the list is the issuer's and in its time.
//   x509.crl.issuer   another's name        x509.crl.early, x509.crl.stale        x509.signature.*
Result<> check_crl(const Crl& crl, const Certificate& issuer, const PublicKey& issuer_key, UnixSeconds now);

// check_not_revoked says that the list, which check_crl passed, does not name the certificate.
//   x509.crl.revoked
Result<> check_not_revoked(const Certificate& certificate, const Crl& crl);

}  // namespace openpcc::x509
