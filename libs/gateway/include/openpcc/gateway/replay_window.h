// What keeps a relay from repeating a request.
#pragma once

#include <array>
#include <set>

#include "openpcc/core/result.h"

namespace openpcc::gateway {

// ReplayWindow remembers the encapsulations opened with one set of keys, for as long as the keys live. Nothing is ever evicted: when it
// is full the gateway needs new keys.
class ReplayWindow {
 public:
  explicit ReplayWindow(size_t entries_max = size_t{1} << 20) : entries_max_(entries_max) {}

  // admit records an encapsulation's digest.
  //   gateway.replay        seen before
  //   gateway.replay_full   no room: unavailable until the keys change
  Result<> admit(const std::array<uint8_t, 32>& enc_digest);
  size_t entries() const { return seen_.size(); }

 private:
  size_t entries_max_;
  std::set<std::array<uint8_t, 32>> seen_;
};

}  // namespace openpcc::gateway
