// The outside world as interfaces, so that everything above can run on bytes and values alone.
#pragma once

#include <cstdint>

#include "openpcc/core/bytes.h"

namespace openpcc {

// UnixSeconds counts from 1970-01-01T00:00:00Z without leap seconds.
using UnixSeconds = int64_t;

// Clock tells the time. Implementations may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixSeconds now() const = 0;
};

// Random fills buffers with uniform bytes fit for keys; it never fails (no randomness ends the process).
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteSpan out) = 0;

  // below returns a uniform value in [0, bound), bound >= 1, without modulo bias.
  uint64_t below(uint64_t bound);
};

}  // namespace openpcc
