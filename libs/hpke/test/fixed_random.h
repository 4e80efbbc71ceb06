// Randomness written down in a vector.
#pragma once

#include <algorithm>

#include "openpcc/core/environment.h"

namespace openpcc::hpke {

// FixedRandom hands out exactly the bytes given, in order.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(ByteSpan bytes) : rest_(bytes.begin(), bytes.end()) {}
  void fill(MutableByteSpan out) override {
    OPENPCC_CHECK(out.size() <= rest_.size());
    const auto end = rest_.begin() + static_cast<ptrdiff_t>(out.size());
    std::copy(rest_.begin(), end, out.begin());
    rest_.erase(rest_.begin(), end);
  }
  bool used_up() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

}  // namespace openpcc::hpke
