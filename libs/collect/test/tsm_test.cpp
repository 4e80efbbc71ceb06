#include "openpcc/collect/tsm.h"

#include <cerrno>

#include "fake_guest.h"
#include "openpcc/attest/hardware_types.h"

namespace openpcc::collect {
namespace {

using testing_guest::FakeGuest;
using testing_guest::some_binding;
using testing_guest::TsmDriver;

// Echo says nothing but the report data: these tests are of the interface, and what a report is does not matter to it.
Bytes echo(ByteSpan data) { return concat({as_bytes("report of "), data}); }

class TsmTest : public testing::Test {
 protected:
  FakeGuest kernel_;
  TsmTest() {
    kernel_.tsm = TsmDriver{};
    kernel_.tsm->report = echo;
    kernel_.tsm->table = Bytes{1, 2, 3};
  }
  Result<Collected> collect() {
    OPENPCC_LET(const auto source, Tsm::open(kernel_.guest()));
    return source->collect(some_binding());
  }
};

TEST_F(TsmTest, a_report_and_what_the_host_gave_beside_it) {
  const auto source = Tsm::open(kernel_.guest());
  ASSERT_OK(source);
  EXPECT_EQ((*source)->name(), Word("configfs-tsm/sev_guest"));
  EXPECT_FALSE((*source)->recorded());
  const auto collected = (*source)->collect(some_binding());
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.media_type, attest::kSnpReportType);
  EXPECT_EQ(collected->report.bytes, echo(some_binding()));
  EXPECT_EQ(collected->beside, std::vector<Bytes>({{1, 2, 3}}));
  EXPECT_EQ(kernel_.entries(), 0u) << "entries are removed";
}

TEST_F(TsmTest, tdx_has_no_levels_and_nothing_beside) {
  kernel_.tsm->provider = "tdx_guest";
  kernel_.tsm->has_level = false;
  kernel_.tsm->table.reset();
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.media_type, attest::kTdxQuoteType);
  EXPECT_TRUE(collected->beside.empty());
}

TEST_F(TsmTest, a_table_that_says_nothing_is_left_out) {
  for (const Bytes& table : {Bytes{}, Bytes(4096, 0)}) {
    kernel_.tsm->table = table;
    const auto collected = collect();
    ASSERT_OK(collected);
    EXPECT_TRUE(collected->beside.empty());
  }
}

TEST_F(TsmTest, reads_and_writes_may_be_short_and_interrupted) {
  kernel_.piece_bytes_max = 7;
  kernel_.errors["read outblob"] = {EINTR};
  kernel_.errors["write inblob"] = {EINTR};
  kernel_.errors["open outblob"] = {EINTR};
  const auto collected = collect();
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.bytes, echo(some_binding()));
  EXPECT_EQ(kernel_.entries_made(), 2u) << "one to look, one for the report: nothing began anew";
}

TEST_F(TsmTest, the_most_trusted_level_that_the_guest_may_ask_for) {
  ASSERT_OK(collect());
  EXPECT_EQ(kernel_.level(), "");
  kernel_.tsm->floor = 2;
  ASSERT_OK(collect());
  EXPECT_EQ(kernel_.level(), "2");
}

TEST_F(TsmTest, what_passes_is_tried_again) {
  kernel_.errors["read outblob"] = {EBUSY, EAGAIN, EBUSY};
  ASSERT_OK(collect());
  EXPECT_EQ(kernel_.entries_made(), 5u);
  kernel_.errors["close inblob"] = {EBUSY};
  ASSERT_OK(collect());
  kernel_.errors["read outblob"] = {EBUSY, EBUSY, EBUSY, EBUSY, EBUSY};
  EXPECT_RULE(collect(), "collect.tsm.busy");
  kernel_.errors["read outblob"] = {ETIMEDOUT};
  EXPECT_RULE(collect(), "collect.tsm.timeout") << "the driver has waited long enough";
  EXPECT_EQ(kernel_.entries(), 0u);
}

TEST_F(TsmTest, a_report_between_somebody_elses_writes_does_not_count) {
  kernel_.tsm->foreign_writes = 1;
  EXPECT_RULE(collect(), "collect.tsm.conflict");
  EXPECT_EQ(kernel_.entries_made(), 6u) << "five attempts";
}

TEST_F(TsmTest, without_the_interface_the_remedy_is_said) {
  kernel_.tsm.reset();
  const auto opened = Tsm::open(kernel_.guest());
  EXPECT_RULE(opened, "collect.tsm.absent");
  for (const std::string_view word : {"/sys/kernel/config/tsm/report", "6.7", "configfs", "sev-guest", "tdx-guest"}) {
    EXPECT_NE(opened.error().detail.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(opened.error().code, Code::unsupported);
}

TEST_F(TsmTest, an_entry_that_cannot_be_made) {
  kernel_.errors["mkdir"] = {EACCES};
  const auto denied = collect();
  EXPECT_RULE(denied, "collect.tsm.entry");
  EXPECT_NE(denied.error().detail.find("root"), std::string::npos);
  kernel_.errors["mkdir"] = {ENXIO};
  const auto empty = collect();
  EXPECT_RULE(empty, "collect.tsm.entry");
  EXPECT_NE(empty.error().detail.find("module"), std::string::npos);
}

TEST_F(TsmTest, a_provider_that_is_not_verified_here) {
  kernel_.tsm->provider = "arm_cca_guest";
  EXPECT_RULE(collect(), "collect.tsm.provider");
}

TEST_F(TsmTest, a_provider_that_becomes_another) {
  kernel_.tsm->provider_later = "tdx_guest";
  EXPECT_RULE(collect(), "collect.tsm.provider");
}

TEST_F(TsmTest, a_refusal_says_where_to_look) {
  for (const int error : {EINVAL, EIO}) {
    kernel_.errors["read outblob"] = {error};
    const auto refused = collect();
    EXPECT_RULE(refused, "collect.tsm.refused");
    EXPECT_NE(refused.error().detail.find("log"), std::string::npos);
  }
  EXPECT_EQ(kernel_.entries(), 0u);
}

TEST_F(TsmTest, attributes_that_cannot_be_used) {
  for (const std::string call : {"read provider", "open generation", "write inblob", "read auxblob", "read privlevel_floor"}) {
    kernel_.errors[call] = {EACCES};
    EXPECT_RULE(collect(), "collect.tsm.attribute") << call;
  }
  kernel_.tsm->floor = 1;
  kernel_.errors["write privlevel"] = {EINVAL};
  EXPECT_RULE(collect(), "collect.tsm.attribute");
}

TEST_F(TsmTest, sizes_are_bounded) {
  kernel_.tsm->report = [](ByteSpan) { return Bytes(kOutblobBytesMax, 7); };
  kernel_.tsm->table = Bytes(kAuxblobBytesMax, 7);
  ASSERT_OK(collect());
  kernel_.tsm->table->push_back(7);
  EXPECT_RULE(collect(), "collect.tsm.too_large");
  kernel_.tsm->table.reset();
  kernel_.tsm->report = [](ByteSpan) { return Bytes(kOutblobBytesMax + 1, 7); };
  EXPECT_RULE(collect(), "collect.tsm.too_large");
}

}  // namespace
}  // namespace openpcc::collect
