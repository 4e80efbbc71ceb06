// Chains up to a pinned key, and revocation along them, for devices and for manifests. Private to this library.
#pragma once

#include "openpcc/nvgpu/chain.h"

namespace openpcc::nvgpu {

// ChainRules are the rules of one kind of chain.
struct ChainRules {
  Rule syntax, root, issuer, signature, ca, early, expired;
};

// ChainCheck checks a chain, leaf first and root last, and keeps everything that is wrong with it.
class ChainCheck {
 public:
  // `links` may be null. All outlive the object.
  ChainCheck(const ChainRules& rules, std::span<const PinnedKey> roots, UnixSeconds now, CheckedLinks* links, std::vector<Error>& failures)
      : rules_(rules), roots_(roots), now_(now), links_(links), failures_(failures) {}

  // run checks two certificates or more: algorithms, the root's key, each link, what the leaf may sign, each time.
  void run(std::span<const x509::Certificate> chain);
  // window is when all of them hold.
  static x509::Window window(std::span<const x509::Certificate> chain);

 private:
  void check_name(const x509::Certificate& subject, const x509::Certificate& issuer);
  void check_link(const x509::Certificate& subject, const x509::Certificate& issuer, size_t below);
  void check_time(const x509::Certificate& certificate);

  const ChainRules& rules_;
  std::span<const PinnedKey> roots_;
  UnixSeconds now_;
  CheckedLinks* links_;
  std::vector<Error>& failures_;
};

// Revocation is what the statements say of a chain.
struct Revocation {
  bool checked = false;  // each certificate that names a responder, or its issuer a list, was found good
  x509::Window window;   // of the chain and of the statements that were used
};
//   nvgpu.ocsp.syntax, .certificate, .responder, .signature, .early, .expired, .age, .revoked
//   nvgpu.crl.syntax, .issuer, .signature, .early, .expired, .age, .revoked
Revocation check_revocation(std::span<const x509::Certificate> chain, const Statements& statements, UnixSeconds now,
                            std::vector<Error>& failures);

// p384_key is a certificate's key where that is on P-384.
std::optional<crypto::EcdsaPublic> p384_key(const x509::Certificate& certificate);

// renamed gives an error of x509 the rule of the place where it was met.
Error renamed(const Error& error, Rule rule);

}  // namespace openpcc::nvgpu
