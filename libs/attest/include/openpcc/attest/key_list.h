// What a node answers to GET /v1/evidence: the evidence of every key that it holds, oldest first.
//
//   {"keys": ["<CMW collection as text>", ...]}          the exact bytes of each collection, carried as a JSON string
#pragma once

#include <span>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::attest {

inline constexpr size_t kKeysPerNodeMax = 4;

Bytes encode_key_list(std::span<const Bytes> evidence);

// parse_key_list: nothing in it is verified.
//   attest.key_list.too_large   more than kKeysPerNodeMax collections of the largest size (limit)
//   attest.key_list.syntax      anything but the object above
Result<std::vector<Bytes>> parse_key_list(ByteSpan text);

}  // namespace openpcc::attest
