// What vouches for an attestation key: its certificate and those above it, up to a pinned root (RFC 5280; TCG EK Credential Profile s3). Google's
// certificates also say of which instance the key is.
//
// The virtual TPM of a cloud is software of its operator's. That the operator certifies its key does not put it into a TEE.
#pragma once

#include <span>
#include <string>

#include "openpcc/tpm/ak.h"

namespace openpcc::tpm {

inline constexpr size_t kChainMax = 5;

// Instance is whose virtual machine a key of Google's is (extension 1.3.6.1.4.1.11129.2.1.21).
struct Instance {
  std::string zone;
  uint64_t project_number = 0;
  std::string project_id;
  uint64_t instance_id = 0;
  std::string instance_name;
};

// PinnedRoot is the SHA-256 of a root's SubjectPublicKeyInfo.
using PinnedRoot = std::array<uint8_t, 32>;
// google_roots are those of Google's virtual TPMs: EK/AK CA Root, and the one before it.
std::span<const PinnedRoot> google_roots();

// CertifiedKey is a key whose chain of signatures up to a pinned root is good.
struct CertifiedKey {
  AttestationKey key;
  std::string root;  // its common name
  std::optional<Instance> instance;
  x509::Window window;
};

// verify_chain checks certificates in DER, the key's first and the root last, in this order:
//   tpm.chain.syntax      a certificate cannot be read, there are fewer than two or more than kChainMax, or the instance is malformed
//   tpm.chain.root        the root's key is not a pinned one
//   tpm.chain.issuer, tpm.chain.signature, tpm.chain.ca      link by link from the root on; the key's certificate must not be a CA's, and be for
//                         signatures of an attestation key
//   tpm.chain.early, tpm.chain.expired
//   tpm.ak.key, tpm.ak.syntax   of AttestationKey
Result<CertifiedKey> verify_chain(std::span<const ByteSpan> chain, UnixSeconds now, std::span<const PinnedRoot> roots = google_roots());

}  // namespace openpcc::tpm
