#include <algorithm>

#include "access.h"

namespace openpcc::envelope {
namespace {

// The largest frame of this profile.
constexpr size_t frame_bytes_max(Profile profile) { return kFramePlaintextMax / frame_bytes(profile) * frame_bytes(profile); }

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// frames_for is the size of all frames that a message of so many bytes needs: full ones, and the smallest that holds the rest.
size_t frames_for(size_t message_bytes, Profile profile) {
  const size_t capacity = frame_bytes_max(profile) - kFrameLengthBytes;
  const size_t full = message_bytes == 0 ? 0 : (message_bytes - 1) / capacity;
  return full * frame_bytes_max(profile) + round_up(message_bytes - full * capacity + kFrameLengthBytes, frame_bytes(profile));
}

// n u16 | n bytes | zeros.
void append_frame(ChunkCipher& cipher, ByteSpan piece, size_t frame_size, bool last, Bytes& out) {
  cipher.append_chunk(frame_size, last, out, [&](MutableByteSpan frame) {
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
  append_frames(message, frames_for(message.size(), profile), last, profile, out);
}

void AnswerSealer::finish(ByteSpan message, Profile profile, Bytes& out) {
  const size_t needed = state_->frames_bytes + frames_for(message.size(), profile);
  const size_t bucket = round_up(padme_bytes(needed), frame_bytes(profile));
  append_frames(message, bucket - state_->frames_bytes, true, profile, out);
}

// append_frames fills `bytes` with frames, all but the last of them full; the message fits.
void AnswerSealer::append_frames(ByteSpan message, size_t bytes, bool last, Profile profile, Bytes& out) {
  OPENPCC_CHECK(!state_->finished);
  state_->finished = last;
  state_->frames_bytes += bytes;
  if (!std::exchange(state_->started, true)) {
    out.push_back(state_->index);
    out.insert(out.end(), state_->rnonce.begin(), state_->rnonce.end());
  }
  while (bytes > 0) {
    const size_t frame_size = std::min(bytes, frame_bytes_max(profile));
    const ByteSpan piece = message.first(std::min(message.size(), frame_size - kFrameLengthBytes));
    message = message.subspan(piece.size());
    bytes -= frame_size;
    append_frame(state_->cipher, piece, frame_size, last && bytes == 0, out);
  }
  OPENPCC_CHECK(message.empty());
}

}  // namespace openpcc::envelope
