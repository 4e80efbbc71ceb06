// An answer at its client. The input is, by its first byte,
//   even   a raw answer to the fixed request, fed in pieces of (second byte + 1) bytes
//   odd    a list of frame plaintexts (length u16 | bytes), sealed with the right keys, so that what lies behind the AEAD is reached
#include "fuzzed.h"

using namespace openpcc;
using namespace openpcc::envelope;

namespace {

Result<Bytes> open(ByteSpan answer, size_t piece_bytes) {
  SealedRequest request = fuzzed::seal();
  Bytes message;
  OPENPCC_TRY(fuzzed::for_pieces(answer, piece_bytes, [&](ByteSpan piece) { return request.answer.open(piece, message); }));
  OPENPCC_TRY(request.answer.end(message));
  return message;
}

void check_raw(ByteSpan answer, size_t piece_bytes) {
  const auto in_pieces = open(answer, piece_bytes);
  const auto at_once = open(answer, answer.size());
  OPENPCC_CHECK(in_pieces.has_value() == at_once.has_value());
  if (in_pieces) OPENPCC_CHECK(*in_pieces == *at_once);
}

// What a list of frames says; nullopt: one of them is not allowed.
std::optional<Bytes> read_frames(const std::vector<Bytes>& frames) {
  Bytes message;
  for (const Bytes& frame : frames) {
    if (frame.empty() || frame.size() % 256 != 0 || frame.size() > kFramePlaintextMax) return std::nullopt;
    const size_t n = size_t{frame[0]} * 256 + frame[1];
    if (n + 2 > frame.size() || std::any_of(frame.begin() + 2 + static_cast<ptrdiff_t>(n), frame.end(), [](uint8_t b) { return b != 0; })) {
      return std::nullopt;
    }
    message.insert(message.end(), frame.begin() + 2, frame.begin() + 2 + static_cast<ptrdiff_t>(n));
  }
  return message;
}

void check_sealed(ByteSpan list) {
  std::vector<Bytes> frames;
  ByteReader reader(list, "fuzz.end");
  while (frames.size() < 64) {
    const auto length = reader.u16();
    if (!length) break;
    const auto bytes = reader.bytes(std::min<size_t>(*length, reader.rest().size()));
    Bytes frame(bytes->begin(), bytes->end());
    frame.resize(*length);  // a short input still gives long frames, filled with zeros
    frames.push_back(std::move(frame));
  }
  if (frames.empty()) return;
  static const forge::Request request = forge::take_apart(fuzzed::seal().envelope);
  const auto opened = open(forge::make_answer(fuzzed::node(), request, 0, {}, frames), 700);
  const auto expected = read_frames(frames);
  OPENPCC_CHECK(opened.has_value() == expected.has_value());
  if (opened) OPENPCC_CHECK(*opened == *expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const ByteSpan rest(data + 2, size - 2);
  if (data[0] % 2 == 0)
    check_raw(rest, size_t{data[1]} + 1);
  else
    check_sealed(rest);
  return 0;
}
