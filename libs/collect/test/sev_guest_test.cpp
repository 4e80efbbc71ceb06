#include "openpcc/collect/sev_guest.h"

#include <sys/ioctl.h>

#include <cerrno>

#include "fake_guest.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/snp/report.h"

namespace openpcc::collect {
namespace {

using testing_guest::FakeGuest;
using testing_guest::SevDriver;
using testing_guest::some_binding;

constexpr unsigned long kPlain = _IOWR('S', 0, uint8_t[32]);
constexpr unsigned long kExtended = _IOWR('S', 2, uint8_t[32]);

// A report by its size and its report data.
Bytes report_with(ByteSpan data) {
  Bytes out(snp::kReportBytes, 0);
  out[0] = 2;
  std::ranges::copy(data, out.begin() + 0x50);
  return out;
}

class SevGuestTest : public testing::Test {
 protected:
  FakeGuest kernel_;
  SevGuestTest() {
    kernel_.sev = SevDriver{};
    kernel_.sev->report = report_with;
    kernel_.sev->table = Bytes(5000, 9);
  }
  Result<Collected> collect() {
    OPENPCC_LET(const auto source, SevGuest::open(kernel_.guest()));
    return source->collect(some_binding());
  }
};

TEST_F(SevGuestTest, a_report_and_the_hosts_table) {
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.media_type, attest::kSnpReportType);
  EXPECT_EQ(collected->report.bytes, report_with(some_binding()));
  ASSERT_EQ(collected->beside.size(), 1u);
  EXPECT_TRUE(equal(ByteSpan(collected->beside[0]).first(5000), kernel_.sev->table));
  EXPECT_EQ(kernel_.requests(), std::vector{kExtended});
  EXPECT_EQ(kernel_.vmpl(), 0u);
}

TEST_F(SevGuestTest, a_host_without_certificates) {
  kernel_.sev->table.clear();
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_TRUE(collected->beside.empty());
}

TEST_F(SevGuestTest, a_larger_table_is_asked_for_with_its_size) {
  kernel_.sev->table_bytes_max = 64u << 10;
  kernel_.sev->table.assign(20'000, 9);
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_EQ(kernel_.requests(), (std::vector{kExtended, kExtended}));
  EXPECT_EQ(collected->beside.at(0).size(), 20'480u);
}

TEST_F(SevGuestTest, a_table_that_the_driver_does_not_take_is_done_without) {
  kernel_.sev->table.assign(20'000, 9);
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_EQ(kernel_.requests(), (std::vector{kExtended, kExtended, kPlain}));
  EXPECT_EQ(collected->report.bytes, report_with(some_binding()));
  EXPECT_TRUE(collected->beside.empty());
  kernel_.sev->table.assign(80'000, 9);
  ASSERT_OK(collect());
  EXPECT_EQ(kernel_.requests().size(), 5u) << "a size that no table has is not asked for";
}

TEST_F(SevGuestTest, an_interrupted_call_is_made_again) {
  kernel_.errors["ioctl"] = {EINTR, EINTR};
  ASSERT_OK(collect());
}

TEST_F(SevGuestTest, errors_say_who_refuses) {
  kernel_.sev->error = ENOTTY;
  EXPECT_RULE(collect(), "collect.sev.keys");
  for (const int error : {ETIMEDOUT, EAGAIN}) {
    kernel_.sev->error = error;
    EXPECT_RULE(collect(), "collect.sev.busy");
  }
  kernel_.sev->error = EIO;
  kernel_.sev->host_error = 2;
  EXPECT_RULE(collect(), "collect.sev.busy");
  kernel_.sev->host_error = 0;
  kernel_.sev->firmware_error = 0x16;
  const auto firmware = collect();
  EXPECT_RULE(firmware, "collect.sev.firmware");
  EXPECT_NE(firmware.error().detail.find("0x00000016"), std::string::npos);
  kernel_.sev->firmware_error = 0;
  kernel_.sev->host_error = 7;
  const auto host = collect();
  EXPECT_RULE(host, "collect.sev.request");
  EXPECT_NE(host.error().detail.find("0x00000007"), std::string::npos);
}

TEST_F(SevGuestTest, an_answer_that_is_no_report) {
  kernel_.sev->status = 0x27;
  const auto answer = collect();
  EXPECT_RULE(answer, "collect.sev.response");
  EXPECT_NE(answer.error().detail.find("0x00000027"), std::string::npos);
}

TEST_F(SevGuestTest, no_device_or_no_right_to_it) {
  kernel_.errors["open /dev/sev-guest"] = {EACCES};
  EXPECT_RULE(collect(), "collect.sev.device");
  kernel_.sev.reset();
  const auto absent = collect();
  EXPECT_RULE(absent, "collect.sev.absent");
  EXPECT_NE(absent.error().detail.find("module sev-guest"), std::string::npos);
}

}  // namespace
}  // namespace openpcc::collect
