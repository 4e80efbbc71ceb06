#include "fault.h"

#include <charconv>

#include "openpcc/daemon/options.h"

namespace openpcc::demo_engine {
namespace {

std::unexpected<Error> unknown() {
  return fail(Code::malformed, "demo.fault", "expects none, error, garbage, close@BYTE, stall@BYTE, hold@TOKEN or hold@TOKEN/DURATION");
}

Result<uint64_t> number(std::string_view text) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return unknown();
  return out;
}

// after returns what follows `prefix`, or nullopt.
std::optional<std::string_view> after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

Result<Fault> parse_hold(std::string_view text) {
  Fault out{.kind = Fault::Kind::hold};
  const size_t slash = text.find('/');
  OPENPCC_LET(out.at, number(text.substr(0, slash)));
  if (out.at == 0) return unknown();
  if (slash == std::string_view::npos) return out;
  const auto duration = daemon::parse_duration(text.substr(slash + 1));
  if (!duration || duration->count() == 0) return unknown();
  out.hold_for = *duration;
  return out;
}

}  // namespace

Result<Fault> Fault::parse(std::string_view text) {
  if (text == "none") return Fault{};
  if (text == "error") return Fault{.kind = Kind::error};
  if (text == "garbage") return Fault{.kind = Kind::garbage};
  Fault out;
  if (const auto rest = after(text, "close@")) {
    out.kind = Kind::close;
    OPENPCC_LET(out.at, number(*rest));
    return out;
  }
  if (const auto rest = after(text, "stall@")) {
    out.kind = Kind::stall;
    OPENPCC_LET(out.at, number(*rest));
    return out;
  }
  if (const auto rest = after(text, "hold@")) return parse_hold(*rest);
  return unknown();
}

}  // namespace openpcc::demo_engine
