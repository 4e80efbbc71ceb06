// The epoch bundle: what every client of a deployment must know, the same for everybody, signed. `bundle` is JSON, hashed as published, and
// `bundle.sig` a signed note over its digest. Spec: spec/directory.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openpcc/attest/evidence.h"
#include "openpcc/note/checkpoint.h"

namespace openpcc::directory {

inline constexpr size_t kBundleBytesMax = 8u << 20;
inline constexpr size_t kNodesMax = 4096;
inline constexpr size_t kLeafBytesMax = 1u << 20;  // the evidence, escaped
inline constexpr size_t kBeaconsMax = 64;
inline constexpr size_t kBeaconBytesMax = 2048;
inline constexpr size_t kRelaysMax = 64;
inline constexpr size_t kOhttpKeysBytesMax = 64u << 10;
inline constexpr UnixSeconds kBundleLifetimeMax_s = 3 * 3600;
inline constexpr UnixSeconds kClockSkew_s = 60;  // how far a bundle's or beacon's time may be ahead of ours

// make_leaf writes a node's entry, in the exact bytes that a log leaf will have: JSON with node id, chip id and the evidence as text.
Bytes make_leaf(const attest::Evidence& evidence, ByteSpan chip_id);

// Leaf is an entry, nothing of it verified.
struct Leaf {
  attest::NodeId node_id{};
  Bytes chip_id;
  Bytes evidence;
  // parse: directory.leaf.syntax for anything but an object with these three members.
  static Result<Leaf> parse(ByteSpan bytes);
};

// BundleContent is what a bundle says.
struct BundleContent {
  uint64_t epoch = 0;
  UnixSeconds not_before = 0;
  UnixSeconds not_after = 0;
  std::string deployment;
  std::string gateway_authority;
  Bytes ohttp_keys;                  // an application/ohttp-keys document
  std::vector<std::string> relays;   // URLs, for information: clients choose their own
  std::vector<std::string> beacons;  // signed notes
  std::vector<Bytes> nodes;          // leaves
};

struct SignedBundle {
  Bytes bundle;
  std::string signature;  // bundle.sig
};

// sign_bundle writes and signs a bundle; `key` is of type ed25519.
//   directory.make.too_large   the bundle would exceed a limit of this header
Result<SignedBundle> sign_bundle(const BundleContent& content, const note::SignerKey& key);

// LastSeen is what a client remembers of the newest bundle that it accepted.
struct LastSeen {
  uint64_t epoch;
  crypto::Sha256Digest digest;
  friend bool operator==(const LastSeen&, const LastSeen&) = default;
};

// Trust is what a bundle is checked against; policy::Requirements has the same values.
struct Trust {
  const note::VerifierKey& directory_key;
  const note::VerifierKey& beacon_key;
  std::string_view deployment;
};

class VerifiedBundle {
 public:
  const BundleContent& content() const { return content_; }
  const std::vector<note::VerifiedBeacon>& beacons() const { return beacons_; }
  const crypto::Sha256Digest& digest() const { return digest_; }
  LastSeen seen() const { return {content_.epoch, digest_}; }
  bool usable_at(UnixSeconds now) const { return now <= content_.not_after; }

 private:
  friend Result<VerifiedBundle> verify_bundle(ByteSpan bundle, ByteSpan signature, const Trust& trust, UnixSeconds now,
                                              const std::optional<LastSeen>& last);
  VerifiedBundle(BundleContent content, std::vector<note::VerifiedBeacon> beacons, const crypto::Sha256Digest& digest);

  BundleContent content_;
  std::vector<note::VerifiedBeacon> beacons_;
  crypto::Sha256Digest digest_;
};

// verify_bundle checks signature, time, and that the bundle is the same or newer than the last one. The signature comes before parsing.
//   directory.bundle.too_large       note.* for bundle.sig
//   directory.signature.statement    the note says something else than a bundle's epoch and digest
//   directory.signature.digest       it is about another bundle
//   directory.bundle.syntax          not the JSON of a bundle, or more nodes, beacons, relays or key bytes than this header allows
//   directory.bundle.version         (unsupported)
//   directory.bundle.epoch           bundle and signature name different epochs
//   directory.bundle.deployment      of another deployment
//   directory.bundle.lifetime        valid for longer than kBundleLifetimeMax_s, or its end before its beginning
//   directory.bundle.early, directory.bundle.expired
//   directory.beacon.future          a beacon from the future; note.* for other faults of a beacon
//   directory.rollback               an older epoch than the last one seen
//   directory.fork                   another bundle of the same epoch
Result<VerifiedBundle> verify_bundle(ByteSpan bundle, ByteSpan signature, const Trust& trust, UnixSeconds now,
                                     const std::optional<LastSeen>& last);

// SignedTimes is what the directory's and the beacon's keys say about time.
struct SignedTimes {
  UnixSeconds not_before = 0;
  UnixSeconds not_after = 0;
  std::optional<UnixSeconds> newest_beacon;
};

// signed_times reads them without a clock to judge them by: to find out whether this machine's clock is wrong. It is no verification: nothing
// else of the bundle may be used. Errors: those of verify_bundle that are about signatures and syntax.
Result<SignedTimes> signed_times(ByteSpan bundle, ByteSpan signature, const Trust& trust);

}  // namespace openpcc::directory
