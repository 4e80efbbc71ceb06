// Input hands out whole elements of a byte stream, however it was cut: those that arrived whole are viewed where they lie, only one that
// came in pieces is put together. The caller bounds the length of an element before asking for it.
#pragma once

#include <algorithm>
#include <optional>

#include "openpcc/core/bytes.h"

namespace openpcc::bhttp {

class Input {
 public:
  void feed(ByteSpan bytes) {
    OPENPCC_CHECK(rest_.empty());
    rest_ = bytes;
  }

  // bytes takes the next n bytes, valid until the next call. nullopt: everything was used and more is needed; ask again for as many.
  std::optional<ByteSpan> bytes(size_t n) {
    drop_joined();
    if (partial_.empty() && rest_.size() >= n) return take(n);
    const ByteSpan piece = take(std::min(n - partial_.size(), rest_.size()));
    partial_.insert(partial_.end(), piece.begin(), piece.end());
    if (partial_.size() < n) return std::nullopt;
    joined_ = true;
    return ByteSpan(partial_);
  }

  std::optional<Varint> varint() {
    drop_joined();
    if (partial_.empty() && rest_.empty()) return std::nullopt;
    const uint8_t first = partial_.empty() ? rest_.front() : partial_.front();
    const auto whole = bytes(size_t{1} << (first >> 6));
    if (!whole) return std::nullopt;
    return peek_varint(*whole);
  }

  // some takes what is there, at most `bytes_max`; empty: nothing is left.
  ByteSpan some(uint64_t bytes_max) {
    drop_joined();
    return take(static_cast<size_t>(std::min<uint64_t>(bytes_max, rest_.size())));
  }

  size_t unread() const { return rest_.size(); }

  // inside_element: a piece of an element is waiting for the rest of it.
  bool inside_element() const { return !partial_.empty() && !joined_; }

 private:
  ByteSpan take(size_t n) {
    const ByteSpan out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  void drop_joined() {
    if (joined_) partial_.clear();
    joined_ = false;
  }

  ByteSpan rest_;
  Bytes partial_;
  bool joined_ = false;  // partial_ was handed out as a whole element
};

}  // namespace openpcc::bhttp
