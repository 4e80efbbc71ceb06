// What the tests of this library share.
#pragma once

#include <algorithm>

#include "openpcc/ohttp/ohttp.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::ohttp {

inline constexpr size_t kRequestMax = 1 << 20;

// ReplayRandom gives out exactly the bytes that it was made with, so that a vector's ephemeral key or nonce is used.
class ReplayRandom final : public Random {
 public:
  explicit ReplayRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  ~ReplayRandom() override { EXPECT_EQ(used_, bytes_.size()) << "randomness was left over"; }
  void fill(MutableByteSpan out) override {
    OPENPCC_CHECK(out.size() <= bytes_.size() - used_);
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(used_), out.size(), out.begin());
    used_ += out.size();
  }

 private:
  Bytes bytes_;
  size_t used_ = 0;
};

// receive feeds a whole message in pieces of `piece_bytes` to either side and returns the plaintext.
template <class Side>
Result<Bytes> receive(Side& side, ByteSpan message, size_t piece_bytes) {
  Bytes plaintext;
  while (!message.empty()) {
    const size_t n = std::min(piece_bytes, message.size());
    OPENPCC_TRY(side.open(message.first(n), plaintext));
    message = message.subspan(n);
  }
  OPENPCC_TRY(side.end(plaintext));
  return plaintext;
}

inline Bytes text(std::string_view s) { return {as_bytes(s).begin(), as_bytes(s).end()}; }

}  // namespace openpcc::ohttp
