#include "queue.h"

namespace openpcc::demo_engine {

Queue::Place::Place(Queue& queue, std::function<void()> wake) : queue_(queue), wake_(std::move(wake)) {
  if (queue_.free_ > 0) {
    --queue_.free_;
    has_turn_ = true;
  } else {
    queue_.waiting_.push_back(this);
  }
}

Queue::Place::~Place() {
  if (!has_turn_) {
    queue_.waiting_.remove(this);
    return;
  }
  if (queue_.waiting_.empty()) {
    ++queue_.free_;
    return;
  }
  // The turn passes on without becoming free, so that nobody who arrives now overtakes.
  Place* next = queue_.waiting_.front();
  queue_.waiting_.pop_front();
  next->has_turn_ = true;
  next->wake_();
}

}  // namespace openpcc::demo_engine
