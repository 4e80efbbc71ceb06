#include "openpcc/daemon/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "openpcc/core/secret.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::daemon {
namespace {

using namespace std::chrono_literals;

// Logging content must not compile: no kind of text, no bytes and no secret makes a Field, and nothing else goes into a line.
template <class T>
concept MakesAField =
    requires(T value) { Field(value); } || requires(T value) { Field::rule(value); } || requires(T value) { Field::status(value); } ||
    requires(T value) { Field::count(value); } || requires(T value) { Field::bytes(value); } ||
    requires(T value) { Field::epoch(value); } || requires(T value) { Field::signal(value); } ||
    requires(T value) { Field::took(value); } || requires(T value) { Field::limit(value); } || requires(T value) { Field::until(value); } ||
    requires(T value) { Field::endpoint(value); } || requires(T value) { Field::source(value); } ||
    requires(T value) { Field::node(value); };
template <class T>
concept GoesIntoALine = requires(Log& log, T value) { log.write(Event::ready, {value}); } || requires(Log& log, T value) {
  log.write(Event::ready, value);
} || requires(Log& log, T value) { log.write(value); };

static_assert(!MakesAField<std::string> && !GoesIntoALine<std::string>);
static_assert(!MakesAField<std::string_view> && !GoesIntoALine<std::string_view>);
static_assert(!MakesAField<const char*> && !GoesIntoALine<const char*>);
static_assert(!MakesAField<char*> && !GoesIntoALine<char*>);
static_assert(!MakesAField<Bytes> && !GoesIntoALine<Bytes>);
static_assert(!MakesAField<ByteSpan> && !GoesIntoALine<ByteSpan>);
static_assert(!MakesAField<Secret<16>> && !GoesIntoALine<Secret<16>>);
static_assert(!MakesAField<SecretBytes> && !GoesIntoALine<SecretBytes>);
static_assert(!MakesAField<const void*> && !GoesIntoALine<const void*>);
// The concepts do see what is allowed.
static_assert(MakesAField<uint64_t> && MakesAField<Error> && MakesAField<http::Endpoint> && MakesAField<Word> && GoesIntoALine<Field>);

class LogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(pipe_), 0); }
  void TearDown() override { ::close(pipe_[0]); }
  // written returns all that a log wrote in `use`.
  template <class Use>
  std::string written(Log::Format format, Level least, Use use) {
    {
      Log log("openpcc-test", format, least, clock_, pipe_[1]);
      use(log);
    }
    ::close(pipe_[1]);
    std::string out;
    std::array<char, 4096> buffer{};
    for (ssize_t n; (n = ::read(pipe_[0], buffer.data(), buffer.size())) > 0;) out.append(buffer.data(), static_cast<size_t>(n));
    return out;
  }

  testkit::TestClock clock_{1'790'000'000};
  int pipe_[2] = {};
};

TEST_F(LogTest, writes_json_lines) {
  const auto endpoint = http::Endpoint::parse("http://127.0.0.1:8080/path");
  ASSERT_OK(endpoint);
  std::array<uint8_t, 32> node{};
  node.fill(0xab);
  const std::string out = written(Log::Format::json, Level::debug, [&](Log& log) {
    log.write(Event::listening, {Field::endpoint(*endpoint)});
    log.write(Event::exchange_refused, {Field::rule("envelope.header.version"), Field::status(400)});
    log.write(Event::key_created, {Field::node(node), Field::until(1'790'003'300), Field::took(12ms), Field::count(3u)});
  });
  EXPECT_EQ(
      out,
      R"({"time":"2026-09-21T14:13:20Z","level":"info","program":"openpcc-test","event":"listening","endpoint":"http://127.0.0.1:8080"})"
      "\n"
      R"({"time":"2026-09-21T14:13:20Z","level":"debug","program":"openpcc-test","event":"exchange_refused","rule":"envelope.header.version","status":400})"
      "\n"
      R"({"time":"2026-09-21T14:13:20Z","level":"info","program":"openpcc-test","event":"key_created","node":"abababababababab","until":"2026-09-21T15:08:20Z","took":"12ms","count":3})"
      "\n");
}

TEST_F(LogTest, writes_text_lines) {
  const std::string out = written(Log::Format::text, Level::info, [](Log& log) {
    log.write(Event::draining, {Field::signal(15), Field::limit(30s)});
    log.write(Event::bundle_loaded, {Field::epoch(uint64_t{7}), Field::bytes(size_t{512})});
    log.write(Event::evidence_source, {Field::source("sev-guest")});
  });
  EXPECT_EQ(out,
            "2026-09-21T14:13:20Z info openpcc-test: no new requests; waiting for running ones (draining) signal=15 limit=30000ms\n"
            "2026-09-21T14:13:20Z info openpcc-test: a bundle is verified and in use (bundle_loaded) epoch=7 bytes=512\n"
            "2026-09-21T14:13:20Z info openpcc-test: the source of evidence answers (evidence_source) source=sev-guest\n");
}

TEST_F(LogTest, leaves_out_what_is_below_its_level) {
  const std::string out = written(Log::Format::text, Level::warning, [](Log& log) {
    log.write(Event::exchange_refused);
    log.write(Event::ready);
    log.write(Event::not_ready);
    log.write(Event::evidence_failed);
  });
  EXPECT_EQ(out.find("(ready)"), std::string::npos);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
}

TEST_F(LogTest, an_errors_detail_stays_out) {
  const Error error{Code::rejected, "test.rule", "what the detail says"};
  const std::string out = written(Log::Format::json, Level::debug, [&](Log& log) { log.write(Event::node_refused, {Field::rule(error)}); });
  EXPECT_NE(out.find("\"rule\":\"test.rule\""), std::string::npos);
  EXPECT_EQ(out.find("detail"), std::string::npos);
}

TEST_F(LogTest, an_endpoint_cannot_break_a_line) {
  http::Endpoint endpoint{.kind = http::Endpoint::Kind::unix_socket, .host = "/run/a\"\n{b\\", .port = 0, .base_path = ""};
  const std::string out =
      written(Log::Format::json, Level::debug, [&](Log& log) { log.write(Event::listening, {Field::endpoint(endpoint)}); });
  EXPECT_NE(out.find("/run/a??{b?\"}\n"), std::string::npos) << out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
}

TEST_F(LogTest, a_reader_that_stands_still_does_not_stop_the_program) {
  std::signal(SIGPIPE, SIG_IGN);
  Log log("openpcc-test", Log::Format::json, Level::debug, clock_, pipe_[1]);
  // Far more than a pipe holds, and nobody reads: the log's thread stands still, write() must not.
  for (size_t i = 0; i < 20'000; ++i) log.write(Event::ready, {Field::count(i)});
  EXPECT_GT(log.lines_dropped(), 0u);
  ::close(std::exchange(pipe_[0], -1));  // the reader goes away, which wakes the thread with EPIPE
}

}  // namespace
}  // namespace openpcc::daemon
