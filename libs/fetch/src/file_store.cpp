#include "openpcc/fetch/file_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace openpcc::fetch {
namespace {

// File is a descriptor that closes itself, and with it gives up its lock.
class File final : public collateral::Store::Lock {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() override {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::string why(const std::filesystem::path& path) {
  const int error = errno;
  return path.string() + ": " + std::strerror(error) + "; remove it, or name another folder";
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(std::filesystem::path folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder.parent_path(), failed);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail(Code::internal, "fetch.store.folder", why(folder));
  const File opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) return fail(Code::internal, "fetch.store.folder", why(folder));
  return std::unique_ptr<FileStore>(new FileStore(std::move(folder)));
}

std::filesystem::path FileStore::file(const std::string& key, const char* ending) const {
  OPENPCC_CHECK(!key.empty() && key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
  return folder_ / (key + ending);
}

Result<std::optional<Bytes>> FileStore::read(const std::string& key) {
  const std::filesystem::path path = file(key, ".entry");
  const File opened(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!opened.is_open() && errno == ENOENT) return std::optional<Bytes>();
  struct stat about{};
  if (!opened.is_open() || fstat(opened.descriptor(), &about) != 0) return fail(Code::internal, "fetch.store.read", why(path));
  if (!S_ISREG(about.st_mode)) {
    return fail(Code::internal, "fetch.store.read", path.string() + " is no file; remove it, or name another folder");
  }
  if (about.st_size > static_cast<off_t>(collateral::kEntryBytesMax)) return std::optional<Bytes>();
  Bytes out(static_cast<size_t>(about.st_size));
  size_t read_bytes = 0;
  while (read_bytes < out.size()) {
    const ssize_t n = ::read(opened.descriptor(), out.data() + read_bytes, out.size() - read_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::internal, "fetch.store.read", why(path));
    if (n == 0) break;
    read_bytes += static_cast<size_t>(n);
  }
  out.resize(read_bytes);
  return std::optional(std::move(out));
}

Result<> FileStore::write(const std::string& key, ByteSpan entry) {
  static std::atomic<unsigned> count{0};
  const std::filesystem::path path = file(key, ".entry");
  const std::filesystem::path beside = folder_ / (key + "." + std::to_string(getpid()) + "-" + std::to_string(count++) + ".new");
  const File made(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made.is_open()) return fail(Code::internal, "fetch.store.write", why(beside));
  while (!entry.empty()) {
    const ssize_t n = ::write(made.descriptor(), entry.data(), entry.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const auto failed = fail(Code::internal, "fetch.store.write", why(beside));
      unlink(beside.c_str());
      return failed;
    }
    entry = entry.subspan(static_cast<size_t>(n));
  }
  if (rename(beside.c_str(), path.c_str()) != 0) {
    const auto failed = fail(Code::internal, "fetch.store.write", why(path));
    unlink(beside.c_str());
    return failed;
  }
  return {};
}

Result<std::unique_ptr<collateral::Store::Lock>> FileStore::lock(const std::string& key) {
  const std::filesystem::path path = file(key, ".lock");
  auto opened = std::make_unique<File>(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!opened->is_open()) return fail(Code::internal, "fetch.store.lock", why(path));
  while (flock(opened->descriptor(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(Code::internal, "fetch.store.lock", why(path));
  }
  return opened;
}

}  // namespace openpcc::fetch
