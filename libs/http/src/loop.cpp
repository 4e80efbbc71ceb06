#include "openpcc/http/loop.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <list>

namespace openpcc::http {
namespace asio = boost::asio;
namespace {

using Timer = asio::steady_timer;

// Far enough to be never, near enough that now() + it does not overflow.
constexpr Milliseconds kNever = std::chrono::hours(24 * 3650);

void arm(Timer& timer, Milliseconds timeout) { timer.expires_after(std::min(timeout, kNever)); }

Task<> wait_for(Timer& timer) {
  boost::system::error_code ignored;  // cancelled and expired are told apart by what the waiter sees afterwards
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

struct Loop::State {
  asio::io_context context{1};
  std::list<asio::signal_set> signals;

  void wait_for_signal(asio::signal_set& set, std::shared_ptr<std::function<void(int)>> handler) {
    set.async_wait([this, &set, handler](const boost::system::error_code& error, int signal) {
      if (error) return;
      (*handler)(signal);
      wait_for_signal(set, handler);
    });
  }
};

Loop::Loop() : state_(std::make_unique<State>()) {}
Loop::~Loop() = default;

Executor Loop::executor() { return state_->context.get_executor(); }
void Loop::spawn(Task<> task) { http::spawn(executor(), std::move(task)); }

void Loop::run() {
  state_->context.run();
  state_->context.restart();
}

void Loop::stop() { state_->context.stop(); }

void Loop::on_signal(std::initializer_list<int> signals, std::function<void(int)> handler) {
  auto& set = state_->signals.emplace_back(state_->context);
  for (const int signal : signals) set.add(signal);
  state_->wait_for_signal(set, std::make_shared<std::function<void(int)>>(std::move(handler)));
}

void spawn(const Executor& executor, Task<> task) {
  // noexcept: an exception that arrives here ends the process and says what it was.
  asio::co_spawn(executor, std::move(task), [](std::exception_ptr error) noexcept {
    if (error) std::rethrow_exception(error);
  });
}

void post(const Executor& executor, std::function<void()> function) { asio::post(executor, std::move(function)); }

Task<> sleep_for(Milliseconds duration) {
  const Executor executor = co_await asio::this_coro::executor;
  Timer timer(executor);
  arm(timer, duration);
  co_await wait_for(timer);
}

struct Event::State {
  Timer timer;
  bool set = false;
  bool waiting = false;
};

Event::Event(const Executor& executor) : state_(std::make_shared<State>(State{Timer(executor)})) {}
Event::~Event() = default;

void Event::set() {
  state_->set = true;
  state_->timer.cancel();
}

Task<bool> Event::wait(Milliseconds timeout) {
  const std::shared_ptr<State> state = state_;
  OPENPCC_CHECK(!state->waiting);
  if (!state->set) {
    state->waiting = true;
    arm(state->timer, timeout);
    co_await wait_for(state->timer);
    state->waiting = false;
  }
  co_return std::exchange(state->set, false);
}

struct Alarm::State {
  Timer timer;
  std::function<void()> ring;
  bool rang = false;
};

Alarm::Alarm(const Executor& executor, Milliseconds timeout, std::function<void()> ring)
    : state_(std::make_shared<State>(State{Timer(executor), std::move(ring)})) {
  arm(state_->timer, timeout);
  state_->timer.async_wait([weak = std::weak_ptr<State>(state_)](const boost::system::error_code& error) {
    const auto state = weak.lock();
    if (error || !state) return;  // the weak pointer: an alarm destroyed after its timer was queued stays silent
    state->rang = true;
    state->ring();
  });
}

Alarm::~Alarm() = default;
bool Alarm::rang() const { return state_->rang; }

struct TaskGroup::State {
  explicit State(const Executor& e) : executor(e), ended(e) {}
  Executor executor;
  Event ended;
  size_t running = 0;
};

TaskGroup::TaskGroup(const Executor& executor) : state_(std::make_shared<State>(executor)) {}
TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(Task<> task) {
  ++state_->running;
  asio::co_spawn(state_->executor, std::move(task), [state = state_](std::exception_ptr error) noexcept {
    if (error) std::rethrow_exception(error);
    if (--state->running == 0) state->ended.set();
  });
}

Task<> TaskGroup::join() {
  const std::shared_ptr<State> state = state_;
  while (state->running != 0) co_await state->ended.wait(Milliseconds::max());
}

std::chrono::steady_clock::time_point monotonic_now() { return std::chrono::steady_clock::now(); }

UnixSeconds SystemClock::now() const { return std::time(nullptr); }

}  // namespace openpcc::http
