#include "openpcc/appraisal/finding.h"

#include <set>

#include "openpcc/testkit/testkit.h"

namespace openpcc::appraisal {
namespace {

TEST(Finding, the_first_failure_refuses) {
  const Finding passed{Aspect::tcb, State::passed, "test.passed", {}, {}, {}};
  const Finding left{Aspect::revocation, State::not_checked, "test.left", {}, {}, {}};
  const Finding failed{Aspect::debug, State::failed, "test.failed", {}, {}, {}};
  EXPECT_EQ(refusal({passed, left}), nullptr);
  const Findings all{passed, failed, left};
  ASSERT_NE(refusal(all), nullptr);
  EXPECT_EQ(refusal(all)->aspect, Aspect::debug);
}

TEST(Finding, every_word_is_its_own) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Aspect::bound_data); ++i) words.insert(to_string(static_cast<Aspect>(i)));
  EXPECT_EQ(words.size(), static_cast<size_t>(Aspect::bound_data) + 1);
  EXPECT_FALSE(words.contains("unknown"));
  for (int i = 0; i <= static_cast<int>(State::not_provable); ++i) words.insert(to_string(static_cast<State>(i)));
  EXPECT_EQ(words.size(), static_cast<size_t>(Aspect::bound_data) + 5);
}

}  // namespace
}  // namespace openpcc::appraisal
