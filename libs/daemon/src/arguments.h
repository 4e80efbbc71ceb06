// The command line, before it means anything.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "openpcc/core/result.h"

namespace openpcc::daemon {

// Argument is an option that a program accepts: "--name VALUE", or a `flag`: "--name", "--name=false".
struct Argument {
  std::string name;
  bool flag;
};

// parse_arguments returns for each of `accepted`, in the same order, the text given for it ("true" for a bare flag).
//   daemon.options.argument   something else was given, a value is absent, or an option came twice
Result<std::vector<std::optional<std::string>>> parse_arguments(std::span<const std::string> arguments, std::span<const Argument> accepted);

}  // namespace openpcc::daemon
