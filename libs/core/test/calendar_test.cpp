#include "openpcc/core/calendar.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc {
namespace {

TEST(Calendar, known_times_there_and_back) {
  const std::pair<CalendarTime, UnixSeconds> known[] = {{{1970, 1, 1, 0, 0, 0}, 0},
                                                        {{1999, 12, 31, 23, 59, 59}, 946'684'799},
                                                        {{2000, 2, 29, 12, 0, 0}, 951'825'600},
                                                        {{2024, 12, 31, 0, 0, 0}, 1'735'603'200},
                                                        {{2038, 1, 19, 3, 14, 8}, 2'147'483'648},
                                                        {{2100, 3, 1, 0, 0, 0}, 4'107'542'400},
                                                        {{9999, 12, 31, 23, 59, 59}, 253'402'300'799}};
  for (const auto& [time, seconds] : known) EXPECT_EQ(unix_seconds(time), seconds) << time.year;
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(951'825'600), "2000-02-29T12:00:00Z");
  EXPECT_EQ(utc_text(1'735'603'200), "2024-12-31T00:00:00Z");
  EXPECT_EQ(utc_text(4'107'542'399), "2100-02-28T23:59:59Z");
  EXPECT_EQ(utc_text(253'402'300'799), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(-1), "-1 s");
}

TEST(Calendar, every_day_of_a_long_cycle) {
  UnixSeconds expected = 0;
  for (int64_t year = 1970; year < 2400; ++year) {
    for (int64_t month = 1; month <= 12; ++month) {
      for (int64_t day = 1; day <= 31; ++day) {
        const auto seconds = unix_seconds({year, month, day, 0, 0, 0});
        if (!seconds) continue;
        ASSERT_EQ(*seconds, expected);
        expected += 86'400;
      }
    }
  }
  EXPECT_EQ(expected, 13'569'465'600);  // 2400-01-01
}

TEST(Calendar, no_such_time) {
  for (const CalendarTime& time : {CalendarTime{1969, 12, 31, 0, 0, 0},
                                   {10'000, 1, 1, 0, 0, 0},
                                   {2023, 2, 29, 0, 0, 0},
                                   {2100, 2, 29, 0, 0, 0},
                                   {2023, 0, 1, 0, 0, 0},
                                   {2023, 13, 1, 0, 0, 0},
                                   {2023, 4, 31, 0, 0, 0},
                                   {2023, 1, 0, 0, 0, 0},
                                   {2023, 1, 1, 24, 0, 0},
                                   {2023, 1, 1, 0, 60, 0},
                                   {2023, 1, 1, 0, 0, 60}}) {
    EXPECT_EQ(unix_seconds(time), std::nullopt);
  }
}

}  // namespace
}  // namespace openpcc
