#include "openpcc/core/environment.h"

namespace openpcc {

uint64_t Random::below(uint64_t bound) {
  OPENPCC_CHECK(bound >= 1);
  // Values under 2^64 mod bound would be drawn once too often: draw again.
  const uint64_t biased = (0 - bound) % bound;
  for (;;) {
    uint64_t v = 0;
    fill({reinterpret_cast<uint8_t*>(&v), sizeof v});
    if (v >= biased) return v % bound;
  }
}

}  // namespace openpcc
