// When frames leave: what an observer of an answer's times may learn is decided here, by profile.
//
//   low-latency   whatever arrived, at once
//   balanced      the first three at once (an engine names the role before the first token), and after a pause; else one flush in 20 ms
//   strict        a flush at every 100 ms from the request on, whether anything arrived or not
//
// In the first two a frame without content follows a silence, of 15 s by default, so that a long wait is not taken for a dead connection.
#pragma once

#include <chrono>

#include "openpcc/envelope/envelope.h"

namespace openpcc::node {

using TimePoint = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds kBalancedInterval{20};
inline constexpr int kFreeFlushes = 3;
inline constexpr std::chrono::milliseconds kStrictInterval{100};
inline constexpr std::chrono::milliseconds kKeepAliveInterval{15'000};

// What there is to send.
enum class Pending : uint8_t { nothing, content, end };

class Pacer {
 public:
  Pacer(envelope::Profile profile, TimePoint start, std::chrono::milliseconds keep_alive = kKeepAliveInterval);
  // due is when the next flush must happen; a time that has passed means now.
  TimePoint due(Pending pending) const;
  // flushed says that one happened.
  void flushed(TimePoint now);

 private:
  envelope::Profile profile_;
  std::chrono::milliseconds keep_alive_;
  TimePoint last_;           // the last flush; of `strict`, the last tick
  int free_ = kFreeFlushes;  // of `balanced`: how many more flushes leave at once
};

}  // namespace openpcc::node
