// What relay, gateway and node can make a client read. The first byte says who lies, the second in pieces of how many bytes it arrives:
//   0   the relay: the rest is the encapsulated answer
//   1   the gateway: the rest is what it encapsulates, ended well
//   2   the node: the rest is its Binary HTTP message, in an answer that everybody else ends well
//   3   the node, which never seals its final frame
// However it is cut, the client sees the same; and it calls nothing complete that was not ended by all three.
#include "both_ends.h"

using namespace openpcc;
using namespace openpcc::client;

namespace {

struct Outcome {
  std::string rule;  // of the refusal; empty: none
  both_ends::Seen seen;
};

Bytes answer_of(uint8_t liar, ByteSpan rest, both_ends::World& world, both_ends::Opposite& opposite) {
  if (liar == 0) return Bytes(rest.begin(), rest.end());
  if (liar == 1) {
    Bytes sealed;
    opposite.outer.seal(rest, true, world.random, sealed);
    return sealed;
  }
  return opposite.encapsulate(200, both_ends::kAnswerFields, opposite.answer(rest, liar == 2), true, world);
}

Outcome outcome_of(uint8_t liar, ByteSpan rest, size_t piece_bytes) {
  both_ends::World world;
  auto exchange = world.start();
  OPENPCC_CHECK(exchange.has_value());
  both_ends::Opposite opposite = both_ends::Opposite::of(world, *exchange);
  const Bytes answer = answer_of(liar, rest, world, opposite);
  const auto seen = both_ends::run(*exchange, answer, piece_bytes);
  if (!seen) return {std::string(seen.error().rule.id()), {}};
  return {{}, *seen};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteSpan rest(data + 2, size - 2);
  const uint8_t liar = data[0] % 4;
  const Outcome at_once = outcome_of(liar, rest, SIZE_MAX);
  const Outcome in_pieces = outcome_of(liar, rest, size_t{data[1]} + 1);
  OPENPCC_CHECK(at_once.rule.empty() == in_pieces.rule.empty());
  OPENPCC_CHECK(at_once.seen.content == in_pieces.seen.content && at_once.seen.complete == in_pieces.seen.complete);
  if (liar == 0 || liar == 3) OPENPCC_CHECK(!at_once.seen.complete);
  if (liar == 1) OPENPCC_CHECK(!at_once.seen.status);  // a gateway can refuse, but not speak for a node
  return 0;
}
