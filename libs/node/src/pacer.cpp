#include "openpcc/node/pacer.h"

namespace openpcc::node {

Pacer::Pacer(envelope::Profile profile, TimePoint start, std::chrono::milliseconds keep_alive)
    : profile_(profile), keep_alive_(keep_alive), last_(start) {}

TimePoint Pacer::due(Pending pending) const {
  if (profile_ == envelope::Profile::strict) return last_ + kStrictInterval;
  if (pending == Pending::nothing) return last_ + keep_alive_;
  const bool wait = profile_ == envelope::Profile::balanced && pending == Pending::content && free_ == 0;
  return wait ? last_ + kBalancedInterval : last_;
}

void Pacer::flushed(TimePoint now) {
  if (free_ > 0) --free_;
  if (profile_ != envelope::Profile::strict) {
    last_ = now;
    return;
  }
  // The cadence does not drift: the next tick stays a multiple of the interval after the start, ticks that were missed are left out.
  const auto ticks = (now - last_) / kStrictInterval;
  last_ += ticks * kStrictInterval;
}

}  // namespace openpcc::node
