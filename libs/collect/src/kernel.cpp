#include "openpcc/collect/kernel.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace openpcc::collect {
namespace {

constexpr size_t kPieceBytes = 4096;

Called<void> done(int result) {
  if (result < 0) return std::unexpected(errno);
  return {};
}

template <class T>
Called<T> value(ssize_t result) {
  if (result < 0) return std::unexpected(errno);
  return static_cast<T>(result);
}

int flags_of(Access access) {
  switch (access) {
    case Access::read: return O_RDONLY | O_CLOEXEC;
    case Access::write: return O_WRONLY | O_CLOEXEC;
    case Access::read_write: break;
  }
  return O_RDWR | O_CLOEXEC;
}

}  // namespace

Called<int> Linux::open(const std::string& path, Access access) { return value<int>(::open(path.c_str(), flags_of(access))); }
Called<size_t> Linux::read(int file, MutableByteSpan into) { return value<size_t>(::read(file, into.data(), into.size())); }
Called<size_t> Linux::write(int file, ByteSpan bytes) { return value<size_t>(::write(file, bytes.data(), bytes.size())); }
Called<void> Linux::close(int file) { return done(::close(file)); }
Called<void> Linux::make_directory(const std::string& path) { return done(::mkdir(path.c_str(), 0700)); }
Called<void> Linux::remove_directory(const std::string& path) { return done(::rmdir(path.c_str())); }
Called<void> Linux::control(int file, unsigned long request, void* argument) { return done(::ioctl(file, request, argument)); }

Called<File> File::open(Kernel& kernel, const std::string& path, Access access) {
  for (;;) {
    const auto number = kernel.open(path, access);
    if (number) return File(kernel, *number);
    if (number.error() != EINTR) return std::unexpected(number.error());
  }
}

File::~File() {
  if (number_ >= 0) static_cast<void>(kernel_.close(number_));
}

Called<Bytes> File::read_all(size_t bytes_max) {
  Bytes out;
  std::array<uint8_t, kPieceBytes> piece;
  for (;;) {
    const auto n = kernel_.read(number_, piece);
    if (!n && n.error() == EINTR) continue;
    if (!n) return std::unexpected(n.error());
    if (*n == 0) return out;
    if (*n > bytes_max - out.size()) return std::unexpected(EFBIG);
    out.insert(out.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(*n));
  }
}

Called<void> File::write_all(ByteSpan bytes) && {
  while (!bytes.empty()) {
    const auto n = kernel_.write(number_, bytes);
    if (!n && n.error() == EINTR) continue;
    if (!n) return std::unexpected(n.error());
    if (*n == 0 || *n > bytes.size()) return std::unexpected(EIO);
    bytes = bytes.subspan(*n);
  }
  return kernel_.close(std::exchange(number_, -1));
}

Called<Bytes> read_file(Kernel& kernel, const std::string& path, size_t bytes_max) {
  auto file = File::open(kernel, path, Access::read);
  if (!file) return std::unexpected(file.error());
  return file->read_all(bytes_max);
}

Called<void> write_file(Kernel& kernel, const std::string& path, ByteSpan bytes) {
  auto file = File::open(kernel, path, Access::write);
  if (!file) return std::unexpected(file.error());
  return std::move(*file).write_all(bytes);
}

std::string error_text(int error) { return std::generic_category().message(error); }

}  // namespace openpcc::collect
