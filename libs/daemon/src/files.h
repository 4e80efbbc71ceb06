#pragma once

#include <filesystem>

#include "openpcc/core/bytes.h"

namespace openpcc::daemon {

inline constexpr size_t kConfigBytesMax = 1 << 20;

// read_config_file reads at most kConfigBytesMax bytes, from a pipe too. Errors: daemon.config.read.
Result<Bytes> read_config_file(const std::filesystem::path& path);

}  // namespace openpcc::daemon
