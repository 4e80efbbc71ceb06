// NVIDIA's reference integrity manifests: what a driver or a VBIOS must measure, as a SWID tag (ISO/IEC 19770-2, TCG RIM) under an enveloped XML
// signature. What is read is what was digested: the canonical bytes are parsed anew once signature and digest are good, and nothing else is
// believed.
#pragma once

#include "openpcc/nvgpu/chain.h"

namespace openpcc::nvgpu {

inline constexpr size_t kManifestBytesMax = 256u << 10;
inline constexpr uint8_t kManifestIndexMax = 127;
inline constexpr size_t kAlternativesMax = 16;

// Reference is one entry: the measurement of SPDM's index + 1 must be one of the alternatives.
struct Reference {
  uint8_t index;
  bool active;  // else it says nothing
  std::vector<Digest> alternatives;
};

struct Manifest {
  std::string version;  // colloquialVersion: of the driver or of the VBIOS
  std::string edition;  // "GPU", "SWITCH"
  std::string product;  // "GH100", "LS10"
  std::vector<Reference> references;
  size_t active_count() const;
};

// VerifiedManifest is one that a key below a pinned root signed. Only verify_manifest() makes one.
class VerifiedManifest {
 public:
  const Manifest& manifest() const { return manifest_; }
  // window is when all that was signed holds.
  const x509::Window& window() const { return window_; }
  bool revocation_checked() const { return revocation_checked_; }
  // digest is the SHA-384 of the canonical document, which the signature covers: it names the manifest.
  const Digest& digest() const { return digest_; }

 private:
  friend class ManifestVerifier;
  VerifiedManifest(Manifest manifest, const x509::Window& window, bool revocation_checked, const Digest& digest)
      : manifest_(std::move(manifest)), window_(window), revocation_checked_(revocation_checked), digest_(digest) {}
  Manifest manifest_;
  x509::Window window_;
  bool revocation_checked_;
  Digest digest_;
};

struct ManifestVerification {
  std::vector<Error> failures;               // in the order of the checks
  std::optional<VerifiedManifest> verified;  // there exactly when nothing failed
};

// verify_manifest checks all of it, in this order; a document of the wrong form is not looked into.
//   rim.size, rim.xml.dtd, .entity, .syntax
//   rim.signature.count, .reference, .transforms, .algorithm, .syntax
//   rim.chain.count, .syntax, .root, .issuer, .signature, .ca, .early, .expired; nvgpu.ocsp.*, nvgpu.crl.*; rim.chain.key
//   rim.digest, rim.signature
//   rim.content, rim.empty
ManifestVerification verify_manifest(ByteSpan xml, const Statements& statements, UnixSeconds now,
                                     std::span<const PinnedKey> roots = manifest_roots(), CheckedLinks* links = nullptr);

// certificates_of_manifest are those that it brings, unverified: for finding the statements that belong to it. Empty where it has no right form.
std::vector<x509::Certificate> certificates_of_manifest(ByteSpan xml);

}  // namespace openpcc::nvgpu
