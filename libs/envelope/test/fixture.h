// What the tests of this library share: four nodes, and opening in one call.
#pragma once

#include <array>

#include "forge.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::envelope {

using testkit::TestRandom;

// node is the n-th of four nodes, made once.
inline const forge::Node& node(size_t n) {
  static const std::array<forge::Node, 4> nodes{forge::make_node(0), forge::make_node(1), forge::make_node(2), forge::make_node(3)};
  return nodes.at(n);
}

inline std::vector<Recipient> recipients(size_t k) {
  std::vector<Recipient> out;
  for (size_t i = 0; i < k; ++i) out.push_back(node(i).recipient());
  return out;
}

// index_of is the place of a node in an envelope's header.
inline size_t index_of(const forge::Node& wanted, const forge::Request& request) {
  for (size_t i = 0; i < request.wraps.size(); ++i) {
    if (equal(ByteSpan(request.header).subspan(36 + 32 * i, 32), wanted.id)) return i;
  }
  ADD_FAILURE() << "not a recipient";
  return 0;
}

inline Bytes text(size_t n) {
  Bytes out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>('a' + i % 26);
  return out;
}

// padded is text(n) where n is a bucket's size already.
inline Bytes padded(size_t n) {
  EXPECT_EQ(padme_bytes(n), n);
  return text(n);
}

inline Result<OpenedRequest> open_at(const forge::Node& at, ByteSpan envelope, uint64_t seed = 99) {
  TestRandom random(seed);
  const NodeKey key = at.node_key();
  RequestOpener opener(std::span(&key, 1), random);
  OPENPCC_TRY(opener.feed(envelope));
  return opener.finish();
}

inline Result<Bytes> open_answer(AnswerOpener& opener, ByteSpan answer) {
  Bytes message;
  OPENPCC_TRY(opener.open(answer, message));
  OPENPCC_TRY(opener.end(message));
  return message;
}

inline bool holds(ByteSpan padded, ByteSpan message) {
  return padded.size() == padme_bytes(message.size()) && equal(padded.first(message.size()), message);
}

}  // namespace openpcc::envelope
