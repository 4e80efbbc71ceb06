// `openpcc version`.
#include <fmt/format.h>

#include "commands.h"
#include "openpcc/envelope/envelope.h"

namespace openpcc::app {

int run_version(bool json) {
  constexpr std::string_view kCompiler = __VERSION__;
  if (json) {
    fmt::print("{{\"version\":\"{}\",\"envelope\":{},\"suite\":{},\"compiler\":\"{}\"}}\n", OPENPCC_VERSION, envelope::kVersion,
               envelope::kSuite, kCompiler);
  } else {
    fmt::print("openpcc {}\nenvelope version {}, suite {} (X-Wing, HKDF-SHA256, AES-256-GCM)\ncompiler {}\n", OPENPCC_VERSION,
               envelope::kVersion, envelope::kSuite, kCompiler);
  }
  return kAccept;
}

}  // namespace openpcc::app
