#include "openpcc/collect/tdx_guest.h"

#include <cerrno>

#include "fake_guest.h"
#include "openpcc/attest/hardware_types.h"

namespace openpcc::collect {
namespace {

using testing_guest::FakeGuest;
using testing_guest::some_binding;
using testing_guest::TdxDriver;

// Wrapper stands for a quoting service: what it gives is the TDREPORT with a word around it.
class Wrapper final : public QuoteService {
 public:
  Result<Bytes> quote(std::span<const uint8_t, kTdReportBytes> td_report) override { return concat({as_bytes("quote of "), td_report}); }
};

TEST(TdxGuest, a_tdreport_holds_the_report_data) {
  FakeGuest kernel;
  kernel.tdx = TdxDriver{};
  const auto report = td_report(kernel, some_binding());
  ASSERT_OK(report);
  EXPECT_TRUE(equal(ByteSpan(*report).subspan(128, 64), some_binding()));
  kernel.errors["ioctl"] = {EINTR};
  EXPECT_OK(td_report(kernel, some_binding()));
}

TEST(TdxGuest, a_quoting_service_makes_the_quote) {
  FakeGuest kernel;
  kernel.tdx = TdxDriver{};
  Wrapper quotes;
  Guest guest = kernel.guest();
  guest.quotes = &quotes;
  const auto source = TdxGuest::open(guest);
  ASSERT_OK(source);
  const auto collected = (*source)->collect(some_binding());
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.media_type, attest::kTdxQuoteType);
  EXPECT_EQ(collected->report.bytes, concat({as_bytes("quote of "), *td_report(kernel, some_binding())}));
}

TEST(TdxGuest, without_a_quoting_service_it_is_said_at_once) {
  FakeGuest kernel;
  kernel.tdx = TdxDriver{};
  const auto opened = TdxGuest::open(kernel.guest());
  EXPECT_RULE(opened, "collect.tdx.quotes");
  EXPECT_NE(opened.error().detail.find("configfs-tsm"), std::string::npos);
}

TEST(TdxGuest, refusals) {
  FakeGuest kernel;
  EXPECT_RULE(TdxGuest::open(kernel.guest()), "collect.tdx.absent");
  kernel.tdx = TdxDriver{};
  kernel.errors["open /dev/tdx_guest"] = {EPERM};
  EXPECT_RULE(td_report(kernel, some_binding()), "collect.tdx.device");
  kernel.tdx->error = EIO;
  EXPECT_RULE(td_report(kernel, some_binding()), "collect.tdx.report");
  kernel.tdx = TdxDriver{0, 0};
  EXPECT_RULE(td_report(kernel, some_binding()), "collect.tdx.report");
}

}  // namespace
}  // namespace openpcc::collect
