// Certificates and revocation lists of Intel's hierarchy, up to a pinned key. Every refusal has a rule of the chain that it is about.
//
//   Intel SGX Root CA --> Intel SGX PCK Platform CA or Processor CA --> PCK certificate
//                     --> Intel SGX TCB Signing
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "openpcc/x509/x509.h"

namespace openpcc::tdx {

// intel_root_spki is the SubjectPublicKeyInfo of the Intel SGX Root CA.
ByteSpan intel_root_spki();
// intel_certificates are those that the root signed and that are in use, the root itself included. With others the signature is verified.
x509::Known intel_certificates();

// ChainRules are the rules of one kind of chain, "tdx.pck" or "tdx.signer" before the word:
//   pem         not PEM of certificates alone, with at most one NUL after it
//   count       another number of certificates
//   syntax      a certificate is not what x509 reads, or not signed by ECDSA with SHA-256
//   name        not the common name of its place
//   root        the last one's key is not the pinned one
//   issuer      an issuer is not the subject of the next certificate
//   signature   the next certificate's key did not sign, or the root did not sign itself
//   ca          basic constraints, path length, key usage or a critical extension do not fit the place
//   early, expired, revoked
struct ChainRules {
  Rule pem, count, syntax, name, root, issuer, signature, ca, early, expired, revoked;
};
extern const ChainRules kPckRules;
extern const ChainRules kSignerRules;

// Period is a time during which something signed holds, and the rules of those who come before or after it.
struct Period {
  x509::Window window;
  Rule early, expired;
  std::string what;
};
Result<> check_time(const std::vector<Period>& periods, UnixSeconds now);
// common_window is when all of them hold; from > to where they never do.
x509::Window common_window(const std::vector<Period>& periods);

// LeafUse is what a chain's first certificate is for.
enum class LeafUse : uint8_t { signs_data, issues_certificates };

// Chain is certificates from a leaf to a root with the pinned key; only check_chain makes one. Time and revocation are for the caller.
class Chain {
 public:
  const x509::Certificate& leaf() const { return certificates_.front(); }
  // issuer is of the leaf, which is the root in a chain of two.
  const x509::Certificate& issuer() const { return certificates_[1]; }
  const x509::PublicKey& issuer_key() const { return keys_.front(); }
  const x509::Certificate& root() const { return certificates_.back(); }
  const x509::PublicKey& root_key() const { return keys_.back(); }
  const std::vector<x509::Certificate>& certificates() const { return certificates_; }
  std::vector<Period> periods(const ChainRules& rules) const;

 private:
  friend Result<Chain> check_chain(std::vector<x509::Certificate>, ByteSpan, const ChainRules&, LeafUse, const Chain*);
  Chain(std::vector<x509::Certificate> certificates, std::vector<x509::PublicKey> keys)
      : certificates_(std::move(certificates)), keys_(std::move(keys)) {}
  std::vector<x509::Certificate> certificates_;
  std::vector<x509::PublicKey> keys_;  // of all but the leaf
};

// read_chain reads `count` certificates. Errors: pem, count, syntax.
Result<std::vector<x509::Certificate>> read_chain(ByteSpan pem, size_t count, const ChainRules& rules);
// check_chain takes them, leaf first, two at least. `known`: a chain already checked; what it says of the same root is not computed again.
// Errors: root, issuer, signature, ca.
Result<Chain> check_chain(std::vector<x509::Certificate> certificates, ByteSpan root_spki, const ChainRules& rules,
                          LeafUse leaf = LeafUse::signs_data, const Chain* known = nullptr);

// read_crl reads a revocation list and says that `issuer` signed it; its time is for the caller (crl_period).
//   tdx.crl.syntax, tdx.crl.issuer, tdx.crl.signature
Result<x509::Crl> read_crl(ByteSpan der, const x509::Certificate& issuer, const x509::PublicKey& issuer_key);
// crl_period has the rules tdx.crl.early and tdx.crl.expired.
Period crl_period(const x509::Crl& crl, std::string_view issuer);

}  // namespace openpcc::tdx
