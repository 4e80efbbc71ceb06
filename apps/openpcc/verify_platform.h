// The part of `openpcc verify` that judges a platform's bare report.
#pragma once

#include <optional>

#include "commands.h"
#include "openpcc/core/result.h"

namespace openpcc::app {

// verify_as_platform judges the files when one of them is a platform's report, and gives the exit code; nullopt when none is.
//   app.file.*, platform.several, platform.too_many
Result<std::optional<int>> verify_as_platform(const VerifyOptions& options);

}  // namespace openpcc::app
