// LabeledExtract and LabeledExpand (RFC 9180 s4) for one suite id. Private to this library.
#pragma once

#include "openpcc/crypto/hash.h"

namespace openpcc::hpke {

// Labeled keeps "HPKE-v1" || suite_id ready. N: 5 bytes for a KEM's suite id, 10 for HPKE's.
template <size_t N>
class Labeled {
 public:
  explicit Labeled(const std::array<uint8_t, N>& suite_id) : suite_id_(suite_id) {}

  Secret<32> extract(ByteSpan salt, std::string_view label, std::initializer_list<ByteSpan> ikm) const {
    return crypto::hkdf_extract(salt, join({kVersion, suite_id_, as_bytes(label)}, ikm));
  }

  void expand(ByteSpan prk, std::string_view label, std::initializer_list<ByteSpan> info, MutableByteSpan out) const {
    const std::array<uint8_t, 2> length{static_cast<uint8_t>(out.size() >> 8), static_cast<uint8_t>(out.size())};
    crypto::hkdf_expand(prk, join({length, kVersion, suite_id_, as_bytes(label)}, info), out);
  }

 private:
  static constexpr std::array<uint8_t, 7> kVersion{'H', 'P', 'K', 'E', '-', 'v', '1'};

  static std::vector<ByteSpan> join(std::initializer_list<ByteSpan> prefix, std::initializer_list<ByteSpan> rest) {
    std::vector<ByteSpan> parts;
    parts.reserve(prefix.size() + rest.size());
    parts.insert(parts.end(), prefix);
    parts.insert(parts.end(), rest);
    return parts;
  }

  std::array<uint8_t, N> suite_id_;
};

// put_u16 writes a registry number.
inline void put_u16(uint16_t v, uint8_t* out) {
  out[0] = static_cast<uint8_t>(v >> 8);
  out[1] = static_cast<uint8_t>(v);
}

}  // namespace openpcc::hpke
