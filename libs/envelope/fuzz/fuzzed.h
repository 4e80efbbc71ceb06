// What the fuzz targets of this library open: always the same node and the same request. The tool that makes the corpus includes it too.
#pragma once

#include <algorithm>

#include "forge.h"

namespace openpcc::envelope::fuzzed {

// FixedRandom gives bytes that only repeat from object to object.
class FixedRandom final : public Random {
 public:
  void fill(MutableByteSpan out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(next_++ * 167 >> 3);
  }

 private:
  uint32_t next_ = 1;
};

inline const forge::Node& node() {
  static const forge::Node one = forge::make_node(0);
  return one;
}

// seal makes the request again from an encapsulation kept from the first time: the costly half is done once.
inline SealedRequest seal() {
  static const hpke::Encapsulation kept = [] {
    FixedRandom random;
    return hpke::encapsulate(node().public_key, random);
  }();
  FixedRandom random;
  std::vector<Recipient> recipients;
  recipients.push_back(node().recipient());
  recipients[0].encapsulation = hpke::Encapsulation{kept.enc, kept.shared_secret.clone()};
  auto sealed = seal_request(std::move(recipients), as_bytes("fuzz"), random);
  OPENPCC_CHECK(sealed.has_value());
  return std::move(*sealed);
}

// for_pieces hands `bytes` on in pieces of at most `piece_bytes`, until one is refused.
template <class Use>
Result<> for_pieces(ByteSpan bytes, size_t piece_bytes, Use use) {
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min(piece_bytes, bytes.size()));
    OPENPCC_TRY(use(piece));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

}  // namespace openpcc::envelope::fuzzed
