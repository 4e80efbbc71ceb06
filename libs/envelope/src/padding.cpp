#include <bit>

#include "openpcc/envelope/envelope.h"

namespace openpcc::envelope {

std::optional<Profile> parse_profile(std::string_view name) {
  for (const Profile profile : {Profile::low_latency, Profile::balanced, Profile::strict}) {
    if (name == to_string(profile)) return profile;
  }
  return std::nullopt;
}

std::string_view to_string(Profile profile) {
  switch (profile) {
    case Profile::low_latency: return "low-latency";
    case Profile::balanced: return "balanced";
    case Profile::strict: return "strict";
  }
  OPENPCC_CHECK(false);
}

size_t padme_bytes(size_t n) {
  constexpr size_t kLeast = 1024;
  if (n <= kLeast) return kLeast;
  // Padmé keeps as many leading bits of n as n's bit length has bits itself, and rounds the rest up.
  const auto exponent = static_cast<unsigned>(std::bit_width(n)) - 1;
  const auto kept = static_cast<unsigned>(std::bit_width(exponent));
  const size_t mask = (size_t{1} << (exponent - kept)) - 1;
  return (n + mask) & ~mask;
}

void append_no_authorisation(Bytes& out) {
  out.push_back(kVersion);
  out.resize(out.size() + kAuthorisationBytes - 1);
}

}  // namespace openpcc::envelope
