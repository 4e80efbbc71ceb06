// Devices of a test's own making: a root, a chip's certificates, reports signed by its leaf, and manifests signed below a root of their own. Valid
// as they come; a test changes one thing.
#pragma once

#include "forge.h"
#include "openpcc/nvgpu/compare.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::nvgpu::forge {

namespace x = x509::forge;

inline constexpr UnixSeconds kNow = 1'800'000'000;

PinnedKey pin_of(const x::Key& key);

// Maker holds the keys that devices share: root and identity. Making keys is slow, so tests share one().
struct Maker {
  Maker();
  static const Maker& one();

  x::Key root_key{x509::Algorithm::ecdsa_sha384}, identity_key{x509::Algorithm::ecdsa_sha384},
      provisioner_key{x509::Algorithm::ecdsa_sha384};
  x::CertificateFields root, identity;
};

// Options are what makes one device another.
struct Options {
  std::string chip = "GH100";  // as in names: "LS_10"
  Bytes id = Bytes(8, 0x5a);
  std::string driver = "550.90.07";
  Bytes vbios = {0x00, 0x9f, 0x00, 0x96, 0x01, 0, 0, 0};
  bool tcb_info = false;  // the leaf's DICE extension is TcbInfo, as Blackwell's
  size_t measurements = 64;
};

// A device with its certificates, and the report that it would sign.
struct Device {
  explicit Device(Options options = {}, const Maker& maker = Maker::one());
  static Device a_switch(const Bytes& id = Bytes(8, 0x77), const std::vector<Bytes>& gpus = {Bytes(8, 0x5a)});

  const Maker* maker;
  Options options;
  x::Key boot_rom_key{x509::Algorithm::ecdsa_sha384}, leaf_key{x509::Algorithm::ecdsa_sha384};
  x::CertificateFields provisioner, boot_rom, leaf;
  Nonce nonce{};
  std::vector<Digest> measurements;
  std::map<uint16_t, Bytes> opaque;

  void set(Field field, Bytes value) { opaque[static_cast<uint16_t>(field)] = std::move(value); }
  void remove(Field field) { opaque.erase(static_cast<uint16_t>(field)); }
  Bytes unsigned_report() const;
  Bytes signed_report() const { return sign(unsigned_report()); }
  Bytes sign(Bytes report) const;
  // certificates are leaf first, as DER.
  std::vector<Bytes> certificates() const;
  Bytes chain() const;
  // answer is one of OCSP about the certificate at this place of the chain, by its issuer; `change` may alter it.
  Bytes answer(size_t place, const std::function<void(x::OcspFields&)>& change = nullptr) const;
  const x::Key& issuer_key(size_t place) const;

  Verification verify(UnixSeconds now = kNow, const std::vector<Bytes>& ocsp = {}, const std::vector<Bytes>& crls = {}) const;
};
Bytes fwid();  // of every leaf that a test made
Bytes pem_of(const std::vector<Bytes>& certificates);

// Author signs manifests.
struct Author {
  Author();
  static const Author& one();

  x::Key root_key{x509::Algorithm::ecdsa_sha384}, signer_key{x509::Algorithm::ecdsa_sha384};
  x::CertificateFields root, signer;
  std::vector<Bytes> certificates() const;
};

struct Entry {
  int index;
  bool active = true;
  std::vector<Bytes> hashes;
};

// ManifestText is the document in parts, in canonical form as it comes.
struct ManifestText {
  std::string version = "550.90.07", edition = "GPU", product = "GH100";
  std::vector<Entry> entries;
  std::string root_start() const;  // the start tag
  std::string content() const;     // what stands between the start tag and the Signature
  std::string whole() const { return root_start() + content() + "</SoftwareIdentity>"; }
  // sign gives the signed document; `reference` replaces the Reference element's text, with %DIGEST% in it.
  std::string sign(const Author& author = Author::one()) const;
};
// signature is the Signature element over this canonical document.
std::string signature(const std::string& canonical, const Author& author, const std::string& root_namespaces);
// signed_info_of is SignedInfo as it stands in a document.
std::string signed_info(const std::string& digest);
std::string root_namespaces();

// manifest_of is one that a device's report fits: the driver's has the measurements of odd indices, the VBIOS's the others.
ManifestText manifest_of(const Device& device, Part part);
ManifestVerification verify(const std::string& xml, UnixSeconds now = kNow, const Author& author = Author::one(),
                            const Statements& statements = {});

using testkit::refused;

}  // namespace openpcc::nvgpu::forge
