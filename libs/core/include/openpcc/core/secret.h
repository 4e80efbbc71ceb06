// Secrets: bytes that are wiped when they die and cannot be copied, printed or compared by accident.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "openpcc/core/bytes.h"

namespace openpcc {

// wipe overwrites with zeros behind a barrier that the compiler must keep.
void wipe(MutableByteSpan bytes);

// equals_ct compares in time that depends on the sizes alone.
[[nodiscard]] bool equals_ct(ByteSpan a, ByteSpan b);

// Secret is N secret bytes: move-only, wiped on destruction and on being moved from.
template <size_t N>
class Secret {
 public:
  Secret() = default;
  // copy_of takes a copy of exactly N bytes; the caller wipes its own.
  static Secret copy_of(std::span<const uint8_t, N> bytes) {
    Secret out;
    std::memcpy(out.bytes_.data(), bytes.data(), N);
    return out;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  Secret clone() const { return copy_of(bytes_); }
  // reveal gives the bytes to a primitive; reveal_mutable lets one write them in place.
  std::span<const uint8_t, N> reveal() const { return bytes_; }
  std::span<uint8_t, N> reveal_mutable() { return bytes_; }
  static constexpr size_t size() { return N; }

 private:
  std::array<uint8_t, N> bytes_{};
};

// SecretBytes is a secret of a size known at run time.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t n) : bytes_(n) {}
  // adopt takes over a buffer; nothing is copied.
  static SecretBytes adopt(Bytes bytes) {
    SecretBytes out;
    out.bytes_ = std::move(bytes);
    return out;
  }
  static SecretBytes copy_of(ByteSpan bytes) { return adopt(Bytes(bytes.begin(), bytes.end())); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::move(other.bytes_);
      other.bytes_.clear();
    }
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }

  SecretBytes clone() const { return copy_of(bytes_); }
  ByteSpan reveal() const { return bytes_; }
  MutableByteSpan reveal_mutable() { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

}  // namespace openpcc
