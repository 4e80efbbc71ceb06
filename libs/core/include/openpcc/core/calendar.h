// Dates and times of the Gregorian calendar in UTC, as certificates and signed documents write them.
#pragma once

#include <optional>
#include <string>

#include "openpcc/core/environment.h"

namespace openpcc {

struct CalendarTime {
  int64_t year;  // 1970 to 9999
  int64_t month, day;
  int64_t hour, minute, second;
};

// unix_seconds: nullopt where there is no such time; a leap second is none.
std::optional<UnixSeconds> unix_seconds(const CalendarTime& time);

// utc_text writes "2026-01-31T12:00:00Z" (RFC 3339); a time before 1970 or after 9999 as seconds.
std::string utc_text(UnixSeconds time);

}  // namespace openpcc
