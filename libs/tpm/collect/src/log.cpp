#include <fstream>

#include "openpcc/tpm/eventlog.h"
#include "openpcc/tpm_collect/tpm.h"

namespace openpcc::tpm_collect {

// Files of sysfs have no size that could be asked for.
Result<Bytes> read_event_log(const std::string& file) {
  constexpr Rule kRule = "tpm_collect.log";
  std::ifstream in(file, std::ios::binary);
  Bytes out(tpm::kLogBytesMax + 1);
  in.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(in.gcount()));
  if (out.size() > tpm::kLogBytesMax) return fail(Code::limit, kRule, file + " is larger than any log");
  if (out.empty() || in.bad()) return fail(Code::unavailable, kRule, file + " cannot be read");
  return out;
}

}  // namespace openpcc::tpm_collect
