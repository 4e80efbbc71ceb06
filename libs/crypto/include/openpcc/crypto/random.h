// The operating system's randomness through OpenSSL's generator.
#pragma once

#include "openpcc/core/environment.h"

namespace openpcc::crypto {

// SystemRandom is thread-safe; where no randomness can be had it ends the process.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteSpan out) override;
};

}  // namespace openpcc::crypto
