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
using Executor = boost::asio::any_io_executor;
using Milliseconds = std::chrono::milliseconds;

// Loop runs coroutines on the thread that calls run(). Whatever was made with a loop is destroyed before it; coroutines that still wait
// then are destroyed with it, without being resumed. Its descriptors are closed on exec, and it neither blocks nor ignores signals, so
// children may be started at any time (posix_spawn; a bare fork would share the signal handlers until its exec).
class Loop {
 public:
  Loop();
  ~Loop();
  Executor executor();
  // spawn starts a coroutine; an exception that leaves it is our bug and ends the process.
  void spawn(Task<> task);
  // run returns when stop() was called or nothing is left to do; it may be called again.
  void run();
  // stop is the one call that any thread may make.
  void stop();
  // on_signal calls `handler` in the loop for each of the signals until stop().
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> handler);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// spawn starts a coroutine that nobody waits for; post calls `function` at the loop's next turn.
void spawn(const Executor& executor, Task<> task);
void post(const Executor& executor, std::function<void()> function);

// sleep_for suspends the calling coroutine.
Task<> sleep_for(Milliseconds duration);

// Event wakes the coroutine that waits for it: set() before wait() is remembered once. One waiter at a time.
class Event {
 public:
  explicit Event(const Executor& executor);
  ~Event();
  void set();
  // wait returns true when set, false after `timeout` (Milliseconds::max(): never).
  Task<bool> wait(Milliseconds timeout);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Alarm calls `ring` once, in the loop, when `timeout` has passed, unless it is destroyed before. It bounds a sequence of calls:
//   Alarm alarm(executor, 30s, [&] { exchange.abort(); });
class Alarm {
 public:
  Alarm(const Executor& executor, Milliseconds timeout, std::function<void()> ring);
  Alarm(Alarm&&) noexcept = default;
  Alarm& operator=(Alarm&&) = delete;
  ~Alarm();
  bool rang() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// TaskGroup runs coroutines beside each other; join waits until all that were spawned have ended. What the tasks refer to lives until then.
class TaskGroup {
 public:
  explicit TaskGroup(const Executor& executor);
  ~TaskGroup();
  void spawn(Task<> task);
  Task<> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// monotonic_now reads the clock that timers run on; it never goes back.
std::chrono::steady_clock::time_point monotonic_now();

// SystemClock reads the host's clock.
class SystemClock final : public Clock {
 public:
  UnixSeconds now() const override;
};

}  // namespace openpcc::http
