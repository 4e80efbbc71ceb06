// What tests share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "openpcc/core/bytes.h"
#include "openpcc/core/environment.h"

namespace openpcc::testkit {

// note_tripped records that a test saw `rule` refuse something: a line in the file named by OPENPCC_RULES_TRIPPED, where that is set.
// `./dev test` compares these lines with the rules that stand in the sources.
void note_tripped(std::string_view rule);

// trips is the assertion behind EXPECT_RULE.
template <class T>
testing::AssertionResult trips(const Result<T>& result, std::string_view rule) {
  if (result) return testing::AssertionFailure() << "expected rule " << rule << ", but the call succeeded";
  if (result.error().rule.id() != rule) {
    return testing::AssertionFailure() << "expected rule " << rule << ", got " << describe(result.error());
  }
  note_tripped(rule);
  return testing::AssertionSuccess();
}

// succeeded explains a Result that should hold a value.
template <class T>
testing::AssertionResult succeeded(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << describe(result.error());
}

// TestRandom is a deterministic stream: the same seed gives the same bytes.
class TestRandom final : public Random {
 public:
  explicit TestRandom(uint64_t seed = 1) : state_(seed) {}
  void fill(MutableByteSpan out) override;

 private:
  uint64_t state_;
};

// TestClock stands still until it is told otherwise.
class TestClock final : public Clock {
 public:
  explicit TestClock(UnixSeconds now) : now_(now) {}
  UnixSeconds now() const override { return now_; }
  void set(UnixSeconds now) { now_ = now; }
  void advance(UnixSeconds seconds) { now_ += seconds; }

 private:
  UnixSeconds now_;
};

// shared_file is the path of a file of the shared vectors (`OPENPCC_SHARED`, else ../shared beside the sources). nullopt: the folder is
// absent, which the caller reports by GTEST_SKIP; with OPENPCC_REQUIRE_SHARED set (as .ci/run does) absence fails the test.
std::optional<std::filesystem::path> shared_file(std::string_view relative);

// read_file returns a whole file; a file that cannot be read fails the test and returns nothing.
Bytes read_file(const std::filesystem::path& path);

// hex decodes a literal known to be good.
Bytes hex(std::string_view text);

}  // namespace openpcc::testkit

// EXPECT_RULE asserts that a Result failed by exactly this rule, and counts the rule as tested.
#define EXPECT_RULE(result, rule) EXPECT_TRUE(::openpcc::testkit::trips((result), (rule)))
#define ASSERT_OK(result) ASSERT_TRUE(::openpcc::testkit::succeeded((result)))
#define EXPECT_OK(result) EXPECT_TRUE(::openpcc::testkit::succeeded((result)))
