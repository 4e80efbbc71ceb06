// Evidence: what a node shows of itself, as exact bytes. A CMW collection (RFC 9999, JSON form):
//
//   {"keys":  [media type, base64url of the claims],
//    "cpu":   {"report": [media type, base64url], "chain.0": [...], "<collateral>": [...]},
//    "gpu.0": {"report": [...], "chain.0": [...], "<collateral>": [...]}, ...,
//    "gpus":  {"<collateral>": [...]}}
//
// What stands in "gpus" is collateral of every GPU: a machine's GPUs are alike, and so is what NVIDIA says of them.
//
// Nothing here is verified; verify.h does that. Spec: spec/evidence.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/crypto/sign.h"

namespace openpcc::attest {

inline constexpr std::string_view kClaimsType = "application/vnd.openpcc.node-keys";
inline constexpr size_t kEvidenceBytesMax = 512u << 10;
inline constexpr size_t kItemBytesMax = 128u << 10;
inline constexpr size_t kGpusMax = 16;
inline constexpr size_t kChainMax = 16;
inline constexpr size_t kCollateralMax = 48;  // labels of one device, and of what GPUs share
inline constexpr size_t kModelsMax = 64;
inline constexpr size_t kNameBytesMax = 255;  // of a model, a deployment
inline constexpr uint16_t kSuite = 1;         // the envelope's suite: X-Wing, HKDF-SHA256, AES-256-GCM
inline constexpr size_t kHpkePublicKeyBytes = 1216;

using NodeId = std::array<uint8_t, 32>;
using Binding = crypto::Sha512Digest;  // B: what the CPU's report data holds
using GpuNonce = std::array<uint8_t, 32>;
using GpuDigest = crypto::Sha256Digest;

struct Model {
  std::string name;
  crypto::Sha256Digest digest{};
  friend bool operator==(const Model&, const Model&) = default;
};

// Claims are the fields of B: what a node says of its keys and its configuration. Their encoding is the very input of B's hash.
struct Claims {
  uint16_t suite = kSuite;
  Bytes hpke_public_key;
  crypto::Ed25519Public receipt_key{};
  UnixSeconds not_before = 0;
  UnixSeconds not_after = 0;
  std::string deployment;
  crypto::Sha256Digest freshness{};
  std::optional<GpuDigest> gpu_digest;
  crypto::Sha256Digest config_digest{};
  std::vector<Model> models;  // strictly ascending by name

  // encode sorts nothing: models must be in order (our bug otherwise).
  Bytes encode() const;
  //   attest.claims.suite   not kSuite (unsupported)
  //   attest.claims.syntax  truncated, trailing bytes, a field of a wrong size or out of order
  static Result<Claims> parse(ByteSpan bytes);
};

// binding is B of encoded claims; node_id names it. Spec: envelope s4.
Binding binding(ByteSpan encoded_claims);
NodeId node_id(const Binding& binding);
// gpu_nonce is what GPU number `rank`, counted ascending by device id, must sign.
GpuNonce gpu_nonce(ByteSpan hpke_public_key, const crypto::Sha256Digest& freshness, size_t rank);

// Item is one CMW record: a media type and the exact bytes.
struct Item {
  std::string media_type;
  Bytes bytes;
};

// Device is what one device shows: its signed report, the certificates from its key up, leaf first, and whatever else checking it takes.
struct Device {
  Item report;
  std::vector<Item> chain;
  std::map<std::string, Item> collateral;
};

// gpu_digest covers reports and chains of GPUs, which must be in the order of their ids; ids and devices correspond.
GpuDigest gpu_digest(const std::vector<Bytes>& ids, const std::vector<Device>& gpus);

class Evidence {
 public:
  //   attest.cmw.too_large   the collection or an item exceeds its limit (limit)
  //   attest.cmw.json        not JSON, too deep, or a key twice
  //   attest.cmw.record      not [media type, base64url value]; indicators, which RFC 9999 leaves optional, are not used
  //   attest.cmw.member      a member that we do not know (unsupported)
  //   attest.cmw.device      a device without report, with more than 16 certificates or 48 pieces of collateral, or a gap in the certificates' numbers
  //   attest.cmw.gpus        more than 16 GPUs, or a gap in their numbers
  //   attest.cmw.shared      "gpus" is empty, has something else than collateral or over 48 pieces of it, stands without a GPU, or a label of it stands in a GPU, too
  //   attest.cmw.missing     no "cpu" or no "keys"
  //   attest.cmw.keys_type   "keys" has another media type (unsupported)
  //   attest.claims.*
  static Result<Evidence> parse(ByteSpan bytes);

  const Bytes& bytes() const { return bytes_; }
  crypto::Sha256Digest digest() const { return crypto::sha256(bytes_); }
  const Claims& claims() const { return claims_; }
  const Binding& binding() const { return binding_; }
  NodeId node_id() const { return attest::node_id(binding_); }
  const Device& cpu() const { return cpu_; }
  const std::vector<Device>& gpus() const { return gpus_; }

 private:
  Bytes bytes_;
  Claims claims_;
  Binding binding_{};
  Device cpu_;
  std::vector<Device> gpus_;
};

// encode_evidence writes the collection. What all GPUs, two or more, have under the same label is written once.
Bytes encode_evidence(ByteSpan encoded_claims, const Device& cpu, const std::vector<Device>& gpus);

// Evidence of a platform alone is a collection of "cpu" and nothing else: a report, and with it everything that its verification takes.
//   attest.cmw.*   as of Evidence::parse
Result<Device> parse_platform(ByteSpan bytes);
Bytes encode_platform(const Device& cpu);

}  // namespace openpcc::attest
