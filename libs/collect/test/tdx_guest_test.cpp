#include "openpcc/collect/tdx_guest.h"

#include <cerrno>

#include "fake_guest.h"

namespace openpcc::collect {
namespace {

using testing_guest::FakeGuest;
using testing_guest::TdxDriver;

TEST(TdxGuest, a_td_is_told_that_it_has_no_way_to_a_quote) {
  FakeGuest kernel;
  kernel.tdx = TdxDriver{};
  const auto opened = open_tdx_guest(kernel.guest());
  EXPECT_RULE(opened, "collect.tdx.quotes");
  EXPECT_EQ(opened.error().code, Code::unsupported);
  EXPECT_NE(opened.error().detail.find("configfs-tsm"), std::string::npos);
  kernel.errors["ioctl"] = {EINTR, EINTR};
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.quotes") << "a call that a signal interrupted is made again";
  EXPECT_TRUE(kernel.errors["ioctl"].empty());
}

TEST(TdxGuest, a_device_that_is_not_there_or_not_ours) {
  FakeGuest kernel;
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.absent");
  kernel.tdx = TdxDriver{};
  kernel.errors["open /dev/tdx_guest"] = {EPERM};
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.device");
}

TEST(TdxGuest, what_the_module_gives_is_looked_at) {
  FakeGuest kernel;
  kernel.tdx = TdxDriver{.error = EIO};
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.report");
  kernel.tdx = TdxDriver{.type = 0};
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.report");
  kernel.tdx = TdxDriver{.echoes = false};
  EXPECT_RULE(open_tdx_guest(kernel.guest()), "collect.tdx.report") << "report data of another request";
}

}  // namespace
}  // namespace openpcc::collect
