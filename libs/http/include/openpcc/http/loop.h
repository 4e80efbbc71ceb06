// The event loop that a program runs on: one thread, coroutines, timers and signals. Everything in this library belongs to one loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>

#include "openpcc/core/environment.h"

namespace openpcc::http {

// Task is a coroutine's type. GCC 12 miscompiles some coroutines: co_await only into named locals, with arguments that are named locals too.
template <class T = void>
using Task = boost::asio::awaitable<T>;
using Milliseconds = std::chrono::milliseconds;

class Loop {
 public:
  Loop();
  ~Loop();
  boost::asio::any_io_executor executor();
  // spawn starts a coroutine; an exception that leaves it is our bug and ends the process.
  void spawn(Task<> task);
  // run returns when stop() was called or nothing is left to do.
  void run();
  void stop();
  // on_signal calls `handler` in the loop for each of the signals until stop().
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> handler);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// sleep_for suspends the calling coroutine.
Task<> sleep_for(Milliseconds duration);

// Event wakes the coroutine that waits for it: set() before wait() is remembered once. One waiter at a time.
class Event {
 public:
  explicit Event(boost::asio::any_io_executor executor);
  ~Event();
  void set();
  // wait returns true when set, false after `timeout`.
  Task<bool> wait(Milliseconds timeout);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// SystemClock reads the host's clock.
class SystemClock final : public Clock {
 public:
  UnixSeconds now() const override;
};

}  // namespace openpcc::http
