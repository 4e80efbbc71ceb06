// An envelope at its node. The input is, by its first byte,
//   even   a raw envelope, fed in pieces of (second byte + 1) x 16 bytes
//   odd    a list of chunk plaintexts (length u16 | fill u8), sealed with the right keys, so that what lies behind the AEAD is reached;
//          with bit 1 set the wrap names another message
#include "fuzzed.h"

using namespace openpcc;
using namespace openpcc::envelope;

namespace {

Result<OpenedRequest> open(ByteSpan envelope, size_t piece_bytes) {
  fuzzed::FixedRandom random;
  const NodeKey key = fuzzed::node().node_key();
  RequestOpener opener(std::span(&key, 1), random);
  OPENPCC_TRY(fuzzed::for_pieces(envelope, piece_bytes, [&](ByteSpan piece) { return opener.feed(piece); }));
  return opener.finish();
}

void check_raw(ByteSpan envelope, size_t piece_bytes) {
  const auto in_pieces = open(envelope, piece_bytes);
  const auto at_once = open(envelope, envelope.size());
  OPENPCC_CHECK(in_pieces.has_value() == at_once.has_value());
  if (in_pieces) OPENPCC_CHECK(equal(in_pieces->message.reveal(), at_once->message.reveal()));
}

void check_sealed(ByteSpan list, bool other_message) {
  forge::Plan plan;
  plan.nodes = {&fuzzed::node()};
  ByteReader reader(list, "fuzz.end");
  while (plan.pieces.size() < 4) {
    const auto length = reader.u16();
    const auto fill = reader.u8();
    if (!length || !fill) break;
    plan.pieces.emplace_back(*length, *fill);
    plan.padded.insert(plan.padded.end(), *length, *fill);
  }
  if (plan.pieces.empty()) return;
  if (other_message) plan.body_hash = forge::Bytes32{};
  fuzzed::FixedRandom random;
  const Bytes envelope = forge::make_request(plan, random).bytes();
  const auto opened = open(envelope, 1000);

  bool good = !other_message && !plan.pieces.back().empty() && plan.pieces.back().size() <= kChunkPlaintextBytes;
  for (size_t i = 0; i + 1 < plan.pieces.size(); ++i) good = good && plan.pieces[i].size() == kChunkPlaintextBytes;
  good = good && padme_bytes(plan.padded.size()) == plan.padded.size();
  OPENPCC_CHECK(opened.has_value() == good);
  if (opened) OPENPCC_CHECK(equal(opened->message.reveal(), plan.padded));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteSpan rest(data + 2, size - 2);
  if (data[0] % 2 == 0)
    check_raw(rest, (size_t{data[1]} + 1) * 16);
  else
    check_sealed(rest, (data[0] & 2) != 0);
  return 0;
}
