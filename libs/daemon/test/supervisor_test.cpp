#include "openpcc/daemon/supervisor.h"

#include <unistd.h>

#include <fstream>

#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

using http::Milliseconds;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Bench runs one child of /bin/sh and a coroutine beside it.
struct Bench {
  http::Loop loop;
  std::vector<std::string> reports;
  Supervisor supervisor{loop, [this](const std::string& line) { reports.push_back(line); }};
  std::filesystem::path output = std::filesystem::temp_directory_path() / ("openpcc-supervisor-" + std::to_string(getpid()));

  Bench() { std::filesystem::remove(output); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { std::filesystem::remove(output); }

  Result<> start(std::string script) {
    return supervisor.start(
        {.name = "child", .command = {"sh", "-c", std::move(script)}, .output = output, .environment = {"GREETING=hello"}});
  }

  // wait_for lets the loop run until the child's output contains `text`, then ends the children.
  void wait_for(std::string_view text) {
    loop.spawn(watch(text));
    loop.run();
  }

  http::Task<> watch(std::string_view text) {
    for (int i = 0; i < 1500 && text_of(output).find(text) == std::string::npos; ++i) {
      const Milliseconds moment(10);
      co_await http::sleep_for(moment);
    }
    const Milliseconds most(2000);
    co_await supervisor.stop_all(most);
    loop.stop();
  }
};

TEST(Supervisor, runs_a_program_with_its_environment_and_output) {
  setenv("OPENPCC_LISTEN", "ours", 1);
  Bench bench;
  ASSERT_OK(bench.start("echo $GREETING/$OPENPCC_LISTEN/end; sleep 60"));
  EXPECT_EQ(bench.supervisor.running().size(), 1u);
  bench.wait_for("end");
  unsetenv("OPENPCC_LISTEN");
  EXPECT_EQ(text_of(bench.output), "hello//end\n");
  EXPECT_TRUE(bench.supervisor.running().empty());
  EXPECT_TRUE(bench.reports.empty());
}

TEST(Supervisor, starts_again_what_died) {
  Bench bench;
  ASSERT_OK(bench.start("echo once; exit 3"));
  bench.wait_for("once\nonce\n");
  ASSERT_FALSE(bench.reports.empty());
  EXPECT_EQ(bench.reports[0], "child ended (exit code 3); starting it again");
}

// ends: within a second, the process is no more, or only waits to be buried by whoever inherited it.
bool ends(const std::string& pid) {
  for (int i = 0; i < 100; ++i) {
    const std::string stat = text_of("/proc/" + pid + "/stat");
    if (stat.empty() || stat.find(") Z ") != std::string::npos) return true;
    usleep(10'000);
  }
  return false;
}

TEST(Supervisor, what_a_dead_child_leaves_behind_is_killed_before_it_starts_again) {
  Bench bench;
  // The second one waits, so that the first one's worker alone is looked at.
  ASSERT_OK(bench.start("echo started; [ -e " + bench.output.string() + ".once ] && exec sleep 60; sleep 300 & echo $! >" +
                        bench.output.string() + ".once; kill -9 $$"));
  bench.wait_for("started\nstarted\n");
  const std::string worker = text_of(bench.output.string() + ".once");
  std::filesystem::remove(bench.output.string() + ".once");
  ASSERT_GT(worker.size(), 1u);
  EXPECT_TRUE(ends(worker.substr(0, worker.size() - 1)));
  ASSERT_FALSE(bench.reports.empty());
  EXPECT_EQ(bench.reports[0], "child ended (killed by signal 9); starting it again");
}

TEST(Supervisor, says_which_output_it_cannot_write) {
  Bench bench;
  EXPECT_RULE(bench.supervisor.start({.name = "child", .command = {"true"}, .output = "/no/such/folder/output", .environment = {}}),
              "daemon.spawn");
}

}  // namespace
}  // namespace openpcc::daemon
