// Checkpoints (c2sp.org/tlog-checkpoint), and the freshness beacon that stands in for one until a log runs.
#pragma once

#include "openpcc/note/note.h"

namespace openpcc::note {

// Checkpoint is a log's state: its body is three lines, origin, size, base64 of the root. Extension lines are refused.
struct Checkpoint {
  std::string origin;
  uint64_t size;
  crypto::Sha256Digest root;

  std::string body() const;
  // parse: note.checkpoint.syntax for anything that body() would not have written.
  static Result<Checkpoint> parse(std::string_view body);
};

// VerifiedBeacon is a public event at a known time: evidence that contains its digest was made after it.
class VerifiedBeacon {
 public:
  // freshness is SHA-256 of the checkpoint's body, without signature lines.
  const crypto::Sha256Digest& freshness() const { return freshness_; }
  UnixSeconds time() const { return time_; }
  uint64_t counter() const { return counter_; }

 private:
  friend Result<VerifiedBeacon> verify_beacon(ByteSpan note, const VerifierKey& key);
  VerifiedBeacon(const crypto::Sha256Digest& freshness, UnixSeconds time, uint64_t counter)
      : freshness_(freshness), time_(time), counter_(counter) {}

  crypto::Sha256Digest freshness_;
  UnixSeconds time_;
  uint64_t counter_;
};

// make_beacon writes a checkpoint: origin the key's name, size `counter`, root SHA-256 of 32 random bytes, with
// one cosignature line for `time`. `key` is of type cosignature_v1.
std::string make_beacon(uint64_t counter, UnixSeconds time, const SignerKey& key, Random& random);

// verify_beacon: the errors of Note::parse, verify and Checkpoint::parse, and
//   note.beacon.key_type   `key` does not make cosignatures, so no time is signed
//   note.beacon.origin     the origin is not the key's name
Result<VerifiedBeacon> verify_beacon(ByteSpan note, const VerifierKey& key);

}  // namespace openpcc::note
