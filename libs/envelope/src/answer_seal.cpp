#include <algorithm>

#include "access.h"

namespace openpcc::envelope {
namespace {

// The most bytes of the message that fit into one frame of this profile.
constexpr size_t frame_capacity(Profile profile) {
  return kFramePlaintextMax / frame_bytes(profile) * frame_bytes(profile) - kFrameLengthBytes;
}

// n u16 | n bytes | zeros, up to the next multiple of the profile's size.
void append_frame(ChunkCipher& cipher, ByteSpan piece, bool last, Profile profile, Bytes& out) {
  const size_t unit = frame_bytes(profile);
  const size_t size = (kFrameLengthBytes + piece.size() + unit - 1) / unit * unit;
  cipher.append_chunk(size, last, out, [&](MutableByteSpan frame) {
    frame[0] = static_cast<uint8_t>(piece.size() >> 8);
    frame[1] = static_cast<uint8_t>(piece.size());
    std::ranges::copy(piece, frame.begin() + kFrameLengthBytes);
  });
}

}  // namespace

AnswerSealer::AnswerSealer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AnswerSealer::AnswerSealer(AnswerSealer&&) noexcept = default;
AnswerSealer& AnswerSealer::operator=(AnswerSealer&&) noexcept = default;
AnswerSealer::~AnswerSealer() = default;

void AnswerSealer::seal(ByteSpan message, bool last, Profile profile, Bytes& out) {
  OPENPCC_CHECK(!state_->finished);
  state_->finished = last;
  if (!std::exchange(state_->started, true)) {
    out.push_back(state_->index);
    out.insert(out.end(), state_->rnonce.begin(), state_->rnonce.end());
  }
  do {
    const ByteSpan piece = message.first(std::min(message.size(), frame_capacity(profile)));
    message = message.subspan(piece.size());
    append_frame(state_->cipher, piece, last && message.empty(), profile, out);
  } while (!message.empty());
}

}  // namespace openpcc::envelope
