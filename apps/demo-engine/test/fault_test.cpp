#include "fault.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::demo_engine {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;

void expect_fault(std::string_view text, Kind kind, uint64_t at = 0, std::chrono::milliseconds hold_for = 0ms) {
  const auto fault = Fault::parse(text);
  ASSERT_OK(fault);
  EXPECT_EQ(fault->kind, kind) << text;
  EXPECT_EQ(fault->at, at) << text;
  EXPECT_EQ(fault->hold_for, hold_for) << text;
}

TEST(Fault, reads_each_kind) {
  expect_fault("none", Kind::none);
  expect_fault("error", Kind::error);
  expect_fault("garbage", Kind::garbage);
  expect_fault("close@0", Kind::close, 0);
  expect_fault("close@1234", Kind::close, 1234);
  expect_fault("stall@7", Kind::stall, 7);
  expect_fault("hold@2", Kind::hold, 2);
  expect_fault("hold@2/250ms", Kind::hold, 2, 250ms);
}

TEST(Fault, refuses_everything_else) {
  for (const std::string_view bad :
       {"", "close", "close@", "close@x", "close@-1", "close@1 ", "hold@0", "hold@2/", "hold@2/0s", "hold@2/5", "None", "error@1"}) {
    EXPECT_RULE(Fault::parse(bad), "demo.fault") << bad;
  }
}

}  // namespace
}  // namespace openpcc::demo_engine
