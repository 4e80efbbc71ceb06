// The part of `openpcc verify` that judges a platform's bare report.
#pragma once

#include <optional>

#include "commands.h"
#include "openpcc/core/result.h"

namespace openpcc::app {

// verify_as_platform judges the files when one of them is a platform's report, and gives the exit code; nullopt when none is.
//   app.verify.bare   a policy is named, which has nothing to say to a bare report        app.verify.hex
//   app.file.*, platform.*
Result<std::optional<int>> verify_as_platform(const VerifyOptions& options);

}  // namespace openpcc::app
