// Where the events of a stream end (WHATWG HTML s9.2.6: a blank line; lines end in LF, CR LF or CR).
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::client {

class EventEnds {
 public:
  // pass takes the next bytes, cut anywhere, and returns how many of them come before or belong to the last end of an event; 0: none ends here.
  // The LF of a CR LF that was cut in two belongs to the end before it.
  size_t pass(ByteSpan bytes);

 private:
  bool blank_ = true;    // nothing stands on the line so far
  bool between_ = true;  // the last byte ended an event, or there was none yet
  bool after_cr_ = false;
};

}  // namespace openpcc::client
