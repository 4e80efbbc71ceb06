#include "openpcc/core/secret.h"

namespace openpcc {

void wipe(MutableByteSpan bytes) {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  __asm__ __volatile__("" : : "r"(bytes.data()) : "memory");
}

bool equals_ct(ByteSpan a, ByteSpan b) {
  if (a.size() != b.size()) return false;
  uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  // Opaque to the optimiser, so that the loop cannot be turned into one that ends early.
  __asm__ __volatile__("" : "+r"(difference));
  return difference == 0;
}

}  // namespace openpcc
