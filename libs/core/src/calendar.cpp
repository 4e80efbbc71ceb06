#include "openpcc/core/calendar.h"

#include <array>

namespace openpcc {
namespace {

constexpr int64_t kDay_s = 86'400;
constexpr UnixSeconds kLast = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr std::array<int64_t, 12> kDaysBeforeMonth{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int64_t days_in_month(int64_t year, int64_t month) {
  constexpr std::array<int64_t, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

// days_before_year counts from 1970-01-01.
int64_t days_before_year(int64_t year) {
  const auto leap_years_before = [](int64_t y) { return (y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400; };
  return (year - 1970) * 365 + leap_years_before(year) - leap_years_before(1970);
}

int64_t days_before_month(int64_t year, int64_t month) {
  return kDaysBeforeMonth[static_cast<size_t>(month - 1)] + (month > 2 && is_leap(year) ? 1 : 0);
}

void append(std::string& out, int64_t value, size_t digits, char after) {
  const std::string text = std::to_string(value);
  out.append(digits - text.size(), '0').append(text).push_back(after);
}

}  // namespace

std::optional<UnixSeconds> unix_seconds(const CalendarTime& t) {
  if (t.year < 1970 || t.year > 9999 || t.month < 1 || t.month > 12 || t.day < 1 || t.day > days_in_month(t.year, t.month))
    return std::nullopt;
  if (t.hour < 0 || t.hour > 23 || t.minute < 0 || t.minute > 59 || t.second < 0 || t.second > 59) return std::nullopt;
  const int64_t days = days_before_year(t.year) + days_before_month(t.year, t.month) + t.day - 1;
  return days * kDay_s + t.hour * 3600 + t.minute * 60 + t.second;
}

std::string utc_text(UnixSeconds time) {
  if (time < 0 || time > kLast) return std::to_string(time) + " s";
  const int64_t days = time / kDay_s;
  int64_t year = 1970 + days / 366;  // never too late
  while (days_before_year(year + 1) <= days) ++year;
  const int64_t day_of_year = days - days_before_year(year);
  int64_t month = 1;
  while (month < 12 && days_before_month(year, month + 1) <= day_of_year) ++month;
  std::string out;
  append(out, year, 4, '-');
  append(out, month, 2, '-');
  append(out, day_of_year - days_before_month(year, month) + 1, 2, 'T');
  append(out, time / 3600 % 24, 2, ':');
  append(out, time / 60 % 60, 2, ':');
  append(out, time % 60, 2, 'Z');
  return out;
}

}  // namespace openpcc
