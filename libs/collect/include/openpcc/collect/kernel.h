// The system calls that collecting evidence takes, as an interface: tests run the same code against kernels that they make up.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "openpcc/core/bytes.h"

namespace openpcc::collect {

// Called is what a system call gives, or its errno.
template <class T>
using Called = std::expected<T, int>;

enum class Access : uint8_t { read, write, read_write };

// Kernel is open, read, write, close, mkdir, rmdir and ioctl, each with the meaning and the errors of its manual page. A read gives 0 at the end.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual Called<int> open(const std::string& path, Access access) = 0;
  virtual Called<size_t> read(int file, MutableByteSpan into) = 0;
  virtual Called<size_t> write(int file, ByteSpan bytes) = 0;
  virtual Called<void> close(int file) = 0;
  virtual Called<void> make_directory(const std::string& path) = 0;
  virtual Called<void> remove_directory(const std::string& path) = 0;
  virtual Called<void> control(int file, unsigned long request, void* argument) = 0;
};

// Linux is the kernel that the program runs on.
class Linux final : public Kernel {
 public:
  Called<int> open(const std::string& path, Access access) override;
  Called<size_t> read(int file, MutableByteSpan into) override;
  Called<size_t> write(int file, ByteSpan bytes) override;
  Called<void> close(int file) override;
  Called<void> make_directory(const std::string& path) override;
  Called<void> remove_directory(const std::string& path) override;
  Called<void> control(int file, unsigned long request, void* argument) override;
};

// File is an open file, closed at the latest with the object. `kernel` outlives it.
class File {
 public:
  static Called<File> open(Kernel& kernel, const std::string& path, Access access);
  File(File&& other) noexcept : kernel_(other.kernel_), number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&&) = delete;
  ~File();

  Called<void> control(unsigned long request, void* argument) { return kernel_.control(number_, request, argument); }
  // read_all reads to the end; EFBIG: more than bytes_max. A call that a signal interrupted is made again.
  Called<Bytes> read_all(size_t bytes_max);
  // write_all writes all of it and closes: configfs takes what was written when its file is closed.
  Called<void> write_all(ByteSpan bytes) &&;

 private:
  File(Kernel& kernel, int number) : kernel_(kernel), number_(number) {}
  Kernel& kernel_;
  int number_;
};

Called<Bytes> read_file(Kernel& kernel, const std::string& path, size_t bytes_max);
Called<void> write_file(Kernel& kernel, const std::string& path, ByteSpan bytes);

// error_text is the words for an errno ("Permission denied").
std::string error_text(int error);

}  // namespace openpcc::collect
