#include "event_ends.h"

namespace openpcc::client {

size_t EventEnds::pass(ByteSpan bytes) {
  size_t end = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint8_t c = bytes[i];
    const bool second_half = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (!second_half) {
      const bool line_end = c == '\r' || c == '\n';
      between_ = line_end && blank_;
      blank_ = line_end;
    }
    if (between_) end = i + 1;
  }
  return end;
}

}  // namespace openpcc::client
