#include "openpcc/collect/source.h"

#include <cerrno>

#include "fake_guest.h"

namespace openpcc::collect {
namespace {

using testing_guest::FakeGuest;
using testing_guest::SevDriver;
using testing_guest::TdxDriver;
using testing_guest::TsmDriver;

TEST(OpenSource, auto_takes_configfs_and_then_the_devices) {
  FakeGuest kernel;
  kernel.tsm = TsmDriver{};
  kernel.sev = SevDriver{};
  EXPECT_EQ(open_source("auto", kernel.guest()).value()->name(), Word("configfs-tsm/sev_guest"));
  kernel.tsm->provider = "tdx_guest";
  EXPECT_EQ(open_source("auto", kernel.guest()).value()->name(), Word("configfs-tsm/tdx_guest"));
  kernel.tsm.reset();
  EXPECT_EQ(open_source("auto", kernel.guest()).value()->name(), Word("sev-guest"));
}

TEST(OpenSource, auto_says_what_was_looked_at) {
  FakeGuest kernel;
  kernel.tsm = TsmDriver{};
  kernel.tsm->provider = "arm_cca_guest";
  kernel.tdx = TdxDriver{};
  const auto opened = open_source("auto", kernel.guest());
  EXPECT_RULE(opened, "collect.none");
  EXPECT_EQ(opened.error().code, Code::unsupported);
  for (const std::string_view word : {"arm_cca_guest", "/dev/sev-guest", "Linux 6.7"}) {
    EXPECT_NE(opened.error().detail.find(word), std::string::npos) << opened.error().detail;
  }
}

TEST(OpenSource, a_source_that_is_named_is_taken_or_refused) {
  FakeGuest kernel;
  kernel.tsm = TsmDriver{};
  EXPECT_OK(open_source("configfs-tsm", kernel.guest()));
  EXPECT_RULE(open_source("sev-guest", kernel.guest()), "collect.sev.absent");
  EXPECT_RULE(open_source("tdx-guest", kernel.guest()), "collect.tdx.absent");
  EXPECT_RULE(open_source("replay:/nonexistent", kernel.guest()), "collect.folder.read");
  for (const std::string_view word : {"", "none", "sim", "Auto", "replay"})
    EXPECT_RULE(open_source(word, kernel.guest()), "collect.setting") << word;
}

}  // namespace
}  // namespace openpcc::collect
