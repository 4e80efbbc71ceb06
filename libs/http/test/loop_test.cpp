#include "openpcc/http/loop.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "harness.h"

extern char** environ;

namespace openpcc::http {
namespace {

using namespace test;

TEST(Loop, run_returns_when_nothing_is_left) {
  Loop loop;
  int slept = 0;
  const auto sleeper = [&]() -> Task<> {
    co_await sleep_for(5ms);
    ++slept;
  };
  loop.spawn(sleeper());
  loop.spawn(sleeper());
  loop.run();
  EXPECT_EQ(slept, 2);
  loop.spawn(sleeper());
  loop.run();
  EXPECT_EQ(slept, 3);
}

TEST(Loop, posted_functions_run_in_order_at_the_next_turn) {
  Loop loop;
  std::string order;
  post(loop.executor(), [&] { order += 'a'; });
  post(loop.executor(), [&] { order += 'b'; });
  EXPECT_EQ(order, "");
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(Loop, signals_reach_their_handler) {
  Loop loop;
  std::vector<int> seen;
  loop.on_signal({SIGUSR1, SIGTERM}, [&](int signal) {
    seen.push_back(signal);
    if (signal == SIGTERM) loop.stop();
  });
  post(loop.executor(), [] { raise(SIGUSR1); });
  post(loop.executor(), [] { raise(SIGTERM); });
  loop.run();
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGTERM}));
}

TEST(Loop, a_coroutine_that_waits_is_destroyed_with_its_loop) {
  const auto alive = std::make_shared<int>(0);
  {
    Loop loop;
    const auto waiter = [](std::shared_ptr<int> held) -> Task<> {
      co_await sleep_for(1h);
      *held = 1;
    };
    loop.spawn(waiter(alive));
    post(loop.executor(), [&] { loop.stop(); });
    loop.run();
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
  EXPECT_EQ(*alive, 0);
}

TEST(Event, remembers_one_set_and_times_out_without) {
  Bench bench;
  bench.run([&]() -> Task<> {
    Event event(bench.loop.executor());
    event.set();
    event.set();
    const bool first = co_await event.wait(1ms);
    const bool second = co_await event.wait(1ms);
    post(bench.loop.executor(), [&] { event.set(); });
    const bool third = co_await event.wait(Milliseconds::max());
    EXPECT_TRUE(first);
    EXPECT_FALSE(second);
    EXPECT_TRUE(third);
  });
}

TEST(Alarm, rings_once_and_only_while_it_lives) {
  Bench bench;
  bench.run([&]() -> Task<> {
    int rings = 0;
    {
      const Alarm early(bench.loop.executor(), 1h, [&] { ++rings; });
      const Alarm soon(bench.loop.executor(), 1ms, [&] { ++rings; });
      co_await sleep_for(20ms);
      EXPECT_TRUE(soon.rang());
      EXPECT_FALSE(early.rang());
    }
    {
      const Alarm gone(bench.loop.executor(), 1ms, [&] { ++rings; });
    }
    co_await sleep_for(20ms);
    EXPECT_EQ(rings, 1);
  });
}

TEST(TaskGroup, join_waits_for_all) {
  Bench bench;
  bench.run([&]() -> Task<> {
    int ended = 0;
    const auto sleeper = [&](Milliseconds time) -> Task<> {
      co_await sleep_for(time);
      ++ended;
    };
    TaskGroup group(bench.loop.executor());
    co_await group.join();
    for (int i = 0; i < 10; ++i) group.spawn(sleeper(Milliseconds(i)));
    co_await group.join();
    EXPECT_EQ(ended, 10);
  });
}

TEST(SystemClock, tells_the_time) { EXPECT_GT(SystemClock().now(), 1'700'000'000); }

// Everything that this library opens is closed in a child: the child lists its descriptors beyond the standard ones.
TEST(Loop, children_inherit_no_descriptor) {
  Bench bench;
  const auto handler = [](ServerExchange&) -> Task<> { co_return; };
  bench.serve(handler);
  std::string listing;
  bench.run([&]() -> Task<> {
    Raw peer = co_await Raw::connect_to(bench.endpoint());
    co_await sleep_for(20ms);
    int out[2];
    OPENPCC_CHECK(pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char script[] = "for f in /proc/$$/fd/*; do readlink $f; done";
    char* const arguments[] = {shell, option, script, nullptr};
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, shell, &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    char buffer[4096];
    for (ssize_t n = read(out[0], buffer, sizeof buffer); n > 0; n = read(out[0], buffer, sizeof buffer))
      listing.append(buffer, static_cast<size_t>(n));
    close(out[0]);
    int status = 0;
    waitpid(child, &status, 0);
  });
  EXPECT_FALSE(listing.empty());
  EXPECT_EQ(listing.find("socket:"), std::string::npos) << listing;
  EXPECT_EQ(listing.find("eventpoll"), std::string::npos) << listing;
}

}  // namespace
}  // namespace openpcc::http
