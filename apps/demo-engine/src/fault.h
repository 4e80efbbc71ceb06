// Faults: how this engine misbehaves on purpose, for tests of everything in front of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "openpcc/core/result.h"

namespace openpcc::demo_engine {

struct Fault {
  enum class Kind : uint8_t {
    none,
    error,    // answers 500
    garbage,  // answers 200 with a body that is neither JSON nor an event stream
    close,    // closes the connection after `at` bytes of the answer's body
    stall,    // sends nothing more after `at` bytes, and keeps the connection
    hold,     // waits before token `at` (the first is 1) until released, or for `hold_for` where that is not 0
  };
  Kind kind = Kind::none;
  uint64_t at = 0;
  std::chrono::milliseconds hold_for{0};

  // parse reads "none", "error", "garbage", "close@N", "stall@N", "hold@N" or "hold@N/DURATION".
  //   demo.fault   anything else
  static Result<Fault> parse(std::string_view text);
};

}  // namespace openpcc::demo_engine
