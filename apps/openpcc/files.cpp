#include "files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "openpcc/core/describe.h"

namespace openpcc::app {
namespace {

Result<> write_all(int file, ByteSpan content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t n = write(file, content.data(), content.size());
    if (n <= 0) return fail(Code::internal, "app.file.write", path.string() + ": " + std::strerror(errno));
    content = content.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<> create(const std::filesystem::path& path, ByteSpan content, int flags, mode_t mode) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
  if (file < 0) {
    const int error = errno;
    if (error == EEXIST) return fail(Code::rejected, "app.file.exists", path.string());
    return fail(Code::internal, "app.file.write", path.string() + ": " + std::strerror(error));
  }
  const auto written = write_all(file, content, path);
  close(file);
  return written;
}

}  // namespace

std::string told(const Error& error) { return error.rule.id().starts_with("app.file.") ? describe(error) : printable(describe(error)); }

Result<Bytes> read_bounded(const std::filesystem::path& path, size_t bytes_max) {
  std::error_code failed;
  const uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed) return fail(Code::internal, "app.file.read", path.string() + ": " + failed.message());
  if (size > bytes_max) return fail(Code::limit, "app.file.too_large", path.string());
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

Result<> replace_file(const std::filesystem::path& path, ByteSpan content) {
  std::filesystem::path beside = path;
  beside += ".new";
  OPENPCC_TRY(create(beside, content, O_TRUNC, 0644));
  std::error_code failed;
  std::filesystem::rename(beside, path, failed);
  if (failed) return fail(Code::internal, "app.file.write", path.string() + ": " + failed.message());
  return {};
}

Result<> write_secret(const std::filesystem::path& path, ByteSpan content) { return create(path, content, O_EXCL, 0600); }

}  // namespace openpcc::app
