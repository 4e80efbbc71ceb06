// The node's keys: made inside the TEE, bound to evidence, succeeded ahead of their end and wiped at it.
//
//   0 min            25..30 min                55 min            60 min
//   made, published  successor made            not published     wiped, with its replay set
//
// Ages are counted on the monotonic clock; the host's wall clock can end a key early and never lengthens its life.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "openpcc/attest/attester.h"
#include "openpcc/envelope/envelope.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/node/replay_set.h"
#include "openpcc/note/checkpoint.h"

namespace openpcc::node {

inline constexpr std::chrono::seconds kPublishedFor{55 * 60};
inline constexpr std::chrono::seconds kWipedAfter{60 * 60};
inline constexpr std::chrono::seconds kSucceededAfter{25 * 60};
inline constexpr std::chrono::seconds kStagger{5 * 60};  // drawn per key on top, so that a fleet does not renew at once
inline constexpr size_t kKeysMax = 3;
inline constexpr std::chrono::seconds kEvidenceWait{5 * 60};  // after which a key that waits for its evidence is given up
inline constexpr UnixSeconds kBeaconAgeMax_s = 20 * 60;       // at a key's not-before
inline constexpr UnixSeconds kBeaconAheadMax_s = 60;

// Now is the time on both clocks.
struct Now {
  UnixSeconds wall;
  std::chrono::steady_clock::time_point monotonic;
};

// LiveKey is one key with everything that dies with it.
struct LiveKey {
  envelope::NodeId node_id;
  hpke::PrivateKey key;
  ReplaySet replay;
  Bytes evidence;  // the exact text of the collection
  std::chrono::steady_clock::time_point made;
  std::chrono::seconds succeeded_after;
  UnixSeconds not_after;
};

struct KeyringConfig {
  std::string deployment;
  crypto::Sha256Digest config_digest;
  std::vector<attest::Model> models;  // strictly ascending by name
  note::VerifierKey beacon_key;
  size_t replay_entries_max = kReplayEntriesMax;
};

// Keyring holds at most kKeysMax keys. Pointers that it gives out live until the next tend(). Not thread-safe.
class Keyring {
 public:
  // `tee` and `random` outlive the keyring.
  Keyring(KeyringConfig config, attest::Attester& tee, Random& random);

  // take_beacon keeps a newer beacon for the keys to come.
  //   note.*               not a beacon, or not signed by the configured key
  //   node.beacon.ahead    its time is more than a minute ahead of our clock
  //   node.beacon.stale    it is too old to make a key from
  //   node.beacon.older    an older one than, or another with the same number as, the one that we have
  Result<> take_beacon(ByteSpan note, const Now& now);

  // Changes is what tend() did.
  struct Changes {
    struct Wiped {
      envelope::NodeId node_id;
      size_t envelopes;
    };
    std::vector<Wiped> wiped;
    std::optional<envelope::NodeId> made;
    std::optional<Error> failed;  // why no key was made: the errors of make_evidence, and node.keys.no_beacon (no fresh one is there)
    bool pending = false;         // a key waits for its evidence; tend() will make it
  };
  // tend wipes what has ended and makes what is due. To be called every few seconds, and after take_beacon().
  Changes tend(const Now& now);

  // find: null when no key that lives at `now` has this id.
  LiveKey* find(const envelope::NodeId& node_id, const Now& now);
  // request_successor asks for another key before its time: the newest one's replay set is full.
  void request_successor() { successor_requested_ = true; }

  // published: a key that clients may be told of exists.
  bool published(const Now& now) const;
  // key_list is what GET /v1/evidence answers (attest/key_list.h): the published keys, newest last.
  Bytes key_list(const Now& now) const;
  const std::vector<LiveKey>& keys() const { return keys_; }

 private:
  // Prepared is a key whose evidence is being made.
  struct Prepared {
    hpke::PrivateKey key;
    attest::Claims claims;
    std::chrono::steady_clock::time_point made;
  };
  bool due(const Now& now) const;
  Prepared prepare(const Now& now);
  Result<envelope::NodeId> make(const Now& now);

  KeyringConfig config_;
  attest::Attester& tee_;
  Random& random_;
  std::vector<LiveKey> keys_;  // oldest first
  std::optional<note::VerifiedBeacon> beacon_;
  std::optional<Prepared> prepared_;
  bool successor_requested_ = false;
};

}  // namespace openpcc::node
