#include "openpcc/core/result.h"

#include <cstdio>
#include <cstdlib>

namespace openpcc {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::malformed: return "malformed";
    case Code::unsupported: return "unsupported";
    case Code::verification_failed: return "verification_failed";
    case Code::rejected: return "rejected";
    case Code::limit: return "limit";
    case Code::unavailable: return "unavailable";
    case Code::closed: return "closed";
    case Code::internal: return "internal";
  }
  return "internal";
}

std::string describe(const Error& error) {
  std::string out(error.rule.id());
  if (!error.detail.empty()) out += ": " + error.detail;
  return out;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "openpcc: internal check failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace openpcc
