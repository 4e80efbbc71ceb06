#include <array>
#include <charconv>

#include "openpcc/daemon/options.h"

namespace openpcc::daemon {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view suffix;
  int64_t ms;
};
// Largest first: format_duration takes the first that divides.
constexpr std::array<Unit, 4> kUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr int64_t kMsMax = 10'000 * int64_t{3'600'000};

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (error != std::errc() || suffix != unit.suffix || number < 0 || number > kMsMax / unit.ms) continue;
    return milliseconds(number * unit.ms);
  }
  return fail(Code::malformed, "daemon.duration", "a duration is a whole number with ms, s, m or h, as in 250ms or 10s");
}

std::string format_duration(milliseconds duration) {
  for (const Unit& unit : kUnits) {
    if (duration.count() % unit.ms != 0 || (duration.count() == 0 && unit.ms != 1'000)) continue;
    return std::to_string(duration.count() / unit.ms) + std::string(unit.suffix);
  }
  return std::to_string(duration.count()) + "ms";
}

}  // namespace openpcc::daemon
