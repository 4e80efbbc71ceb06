#include "openpcc/policy/pcrs.h"

#include <algorithm>
#include <charconv>

namespace openpcc::policy {

std::optional<uint32_t> read_pcrs(std::string_view text) {
  constexpr uint8_t kPcrMax = 23;
  uint32_t out = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    uint8_t pcr = 0;
    const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), pcr);
    if (error != std::errc() || stop != name.data() + name.size() || pcr > kPcrMax || out >> pcr != 0) return std::nullopt;
    out |= uint32_t{1} << pcr;
    at = end + 1;
  }
  constexpr uint32_t kResettable = uint32_t{1} << 16 | uint32_t{1} << 23;  // by any guest, to any value
  if ((out & ~kResettable) == 0) return std::nullopt;
  return out;
}

}  // namespace openpcc::policy
