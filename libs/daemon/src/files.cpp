// Files that a configuration names.
#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "openpcc/daemon/options.h"

namespace openpcc::daemon {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string last_error() { return std::generic_category().message(errno); }

// read_up_to fills `out` and returns how much came before the end, or -1.
ssize_t read_up_to(int fd, MutableByteSpan out) {
  size_t n = 0;
  while (n < out.size()) {
    const ssize_t got = ::read(fd, out.data() + n, out.size() - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    n += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(n);
}

}  // namespace

Result<Bytes> read_config_file(const std::filesystem::path& path) {
  const Descriptor file(path);
  if (file.get() < 0) return fail(Code::internal, "daemon.config.read", path.string() + ": " + last_error());
  Bytes out(kConfigBytesMax + 1);
  const ssize_t n = read_up_to(file.get(), out);
  if (n < 0) return fail(Code::internal, "daemon.config.read", path.string() + ": " + last_error());
  if (static_cast<size_t>(n) > kConfigBytesMax) return fail(Code::limit, "daemon.config.read", path.string() + ": over 1 MiB");
  out.resize(static_cast<size_t>(n));
  return out;
}

Result<SecretBytes> read_secret(const std::filesystem::path& path, size_t bytes_max) {
  const Descriptor file(path);
  struct stat info{};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0)
    return fail(Code::internal, "daemon.secret.read", path.string() + ": " + last_error());
  if (!S_ISREG(info.st_mode)) return fail(Code::internal, "daemon.secret.read", path.string() + ": not an ordinary file");
  if ((info.st_mode & S_IRWXO) != 0) {
    return fail(Code::rejected, "daemon.secret.permissions", path.string() + ": everybody on this machine may use it; chmod o= it");
  }
  SecretBytes buffer(bytes_max + 2);  // a line break, and one byte that shows that there is more
  const MutableByteSpan bytes = buffer.reveal_mutable();
  const ssize_t got = read_up_to(file.get(), bytes);
  if (got < 0) return fail(Code::internal, "daemon.secret.read", path.string() + ": " + last_error());
  size_t n = static_cast<size_t>(got);
  if (n > 0 && bytes[n - 1] == '\n') --n;
  if (n == 0 || n > bytes_max) {
    return fail(Code::limit, "daemon.secret.size", path.string() + ": empty, or over " + std::to_string(bytes_max) + " bytes");
  }
  return SecretBytes::copy_of(bytes.first(n));
}

}  // namespace openpcc::daemon
