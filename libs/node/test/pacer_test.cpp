#include "openpcc/node/pacer.h"

#include <gtest/gtest.h>

namespace openpcc::node {
namespace {

using envelope::Profile;
using std::chrono::milliseconds;

const TimePoint kStart = TimePoint() + std::chrono::hours(1);
TimePoint at(int64_t ms) { return kStart + milliseconds(ms); }
int64_t due(const Pacer& pacer, Pending pending) { return std::chrono::duration_cast<milliseconds>(pacer.due(pending) - kStart).count(); }

TEST(Pacer, low_latency_never_waits_with_content) {
  Pacer pacer(Profile::low_latency, kStart);
  EXPECT_EQ(due(pacer, Pending::content), 0);
  pacer.flushed(at(7));
  EXPECT_EQ(due(pacer, Pending::content), 7);
  EXPECT_EQ(due(pacer, Pending::end), 7);
}

TEST(Pacer, balanced_sends_the_first_three_at_once_and_then_one_in_20_ms) {
  Pacer pacer(Profile::balanced, kStart);
  EXPECT_EQ(due(pacer, Pending::content), 0);
  for (const int64_t ms : {1, 2}) {
    pacer.flushed(at(ms));
    EXPECT_EQ(due(pacer, Pending::content), ms);
  }
  pacer.flushed(at(3));
  EXPECT_EQ(due(pacer, Pending::content), 23);
  EXPECT_EQ(due(pacer, Pending::end), 3);
  pacer.flushed(at(500));
  EXPECT_EQ(due(pacer, Pending::content), 520);
}

TEST(Pacer, silence_is_broken_after_15_s) {
  for (const Profile profile : {Profile::low_latency, Profile::balanced}) {
    Pacer pacer(profile, kStart);
    EXPECT_EQ(due(pacer, Pending::nothing), 15'000);
    pacer.flushed(at(200));
    EXPECT_EQ(due(pacer, Pending::nothing), 15'200);
  }
}

TEST(Pacer, how_long_a_silence_may_be_is_configured) {
  const Pacer pacer(Profile::balanced, kStart, milliseconds(300));
  EXPECT_EQ(due(pacer, Pending::nothing), 300);
}

TEST(Pacer, strict_ticks_whatever_there_is_to_send) {
  Pacer pacer(Profile::strict, kStart);
  for (const Pending pending : {Pending::nothing, Pending::content, Pending::end}) EXPECT_EQ(due(pacer, pending), 100);
  pacer.flushed(at(104));
  EXPECT_EQ(due(pacer, Pending::content), 200);
  pacer.flushed(at(200));
  EXPECT_EQ(due(pacer, Pending::end), 300);
  pacer.flushed(at(751));  // the process was held up
  EXPECT_EQ(due(pacer, Pending::nothing), 800);
}

}  // namespace
}  // namespace openpcc::node
