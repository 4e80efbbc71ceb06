// Timing of an engine: at most so many requests at once, the others in order of arrival; tokens at fixed times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>

namespace openpcc::demo_engine {

// Schedule says when a token is due after its request's turn began. Times do not drift: each counts from the beginning.
struct Schedule {
  std::chrono::milliseconds first_token{0};
  std::chrono::milliseconds each_token{0};
  std::chrono::milliseconds due(uint64_t token) const { return first_token + each_token * static_cast<int64_t>(token); }
};

// Queue lets `concurrency` requests run at once.
class Queue {
 public:
  explicit Queue(size_t concurrency) : free_(concurrency) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Place is one request's place, which its destructor gives up, waiting or running. The queue must outlive it.
  class Place {
   public:
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();
    bool has_turn() const { return has_turn_; }

   private:
    friend class Queue;
    Place(Queue& queue, std::function<void()> wake);
    Queue& queue_;
    std::function<void()> wake_;
    bool has_turn_ = false;
  };

  // enter takes the last place; `wake` is called once when its turn comes, unless it is its turn at once.
  Place enter(std::function<void()> wake) { return Place(*this, std::move(wake)); }
  size_t waiting() const { return waiting_.size(); }

 private:
  size_t free_;
  std::list<Place*> waiting_;
};

}  // namespace openpcc::demo_engine
