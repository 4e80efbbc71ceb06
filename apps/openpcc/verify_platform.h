// The part of `openpcc verify` that judges a platform's bare report.
#pragma once

#include <optional>

#include "commands.h"
#include "openpcc/core/result.h"

namespace openpcc::app {

// verify_as_platform judges the files when one of them is a platform's report, and gives the exit code; nullopt when none is.
//   app.verify.bare   a beacon, which no report refers to; or a demand beside a policy, which makes its own        app.verify.hex
//   app.verify.simulated   a development policy, which takes no real machine
//   app.file.*, platform.*
Result<std::optional<int>> verify_as_platform(const VerifyOptions& options);

// demanded_of_platform is the first option that demands something of a platform alone; empty: none is given. --report-data comes last.
std::string_view demanded_of_platform(const VerifyOptions& options);

}  // namespace openpcc::app
