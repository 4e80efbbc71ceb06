// Which envelopes a key has accepted: each is acted on at most once, for as long as the key lives.
#pragma once

#include <unordered_set>

#include "openpcc/core/environment.h"
#include "openpcc/crypto/hash.h"

namespace openpcc::node {

inline constexpr size_t kReplayEntriesMax = size_t{1} << 20;

// ReplaySet remembers header hashes and never forgets one while it lives: a set that forgets under pressure can be made to forget.
// Not thread-safe.
class ReplaySet {
 public:
  // `random` seeds the table, so that nobody can choose hashes that collide in it.
  explicit ReplaySet(Random& random, size_t entries_max = kReplayEntriesMax);

  // admit checks and inserts in one step.
  //   node.replay.repeated   `hh` was admitted before
  //   node.replay.full       no room is left; the key must be succeeded (unavailable)
  Result<> admit(const crypto::Sha256Digest& hh);
  size_t entries() const { return seen_.size(); }
  bool full() const { return seen_.size() >= entries_max_; }

 private:
  struct SeededHash {
    std::array<uint8_t, 16> seed;
    size_t operator()(const crypto::Sha256Digest& hh) const;
  };
  size_t entries_max_;
  std::unordered_set<crypto::Sha256Digest, SeededHash> seen_;
};

}  // namespace openpcc::node
