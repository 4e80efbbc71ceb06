// Files as the commands read and write them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "openpcc/core/bytes.h"

namespace openpcc::app {

// read_bounded reads a file of at most `bytes_max`. Errors: app.file.read, app.file.too_large, with the path.
Result<Bytes> read_bounded(const std::filesystem::path& path, size_t bytes_max);

// told is an error in words for a terminal. What it says of a file's path stands as it is; what it says of a file's content is not believed.
std::string told(const Error& error);

// replace_file writes beside the file and renames over it, so that a reader sees the old one or the new one. Errors: app.file.write.
Result<> replace_file(const std::filesystem::path& path, ByteSpan content);
// write_secret makes a new file that its owner alone can read; one that exists is not touched. Errors: app.file.exists, app.file.write.
Result<> write_secret(const std::filesystem::path& path, ByteSpan content);

}  // namespace openpcc::app
