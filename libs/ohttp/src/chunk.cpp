#include "openpcc/ohttp/chunk.h"

#include "openpcc/core/secret.h"

namespace openpcc::ohttp {

MutableByteSpan append_chunk(Bytes& out, size_t plaintext_bytes, bool last) {
  OPENPCC_CHECK(last || plaintext_bytes > 0);
  const size_t sealed_bytes = plaintext_bytes + kChunkTagBytes;
  std::array<uint8_t, 8> length{};
  const size_t length_bytes = put_varint(last ? 0 : sealed_bytes, length);
  out.insert(out.end(), length.begin(), length.begin() + static_cast<ptrdiff_t>(length_bytes));
  out.resize(out.size() + sealed_bytes);
  return MutableByteSpan(out).last(sealed_bytes);
}

ChunkReader::ChunkReader(size_t sealed_bytes_max, Rule bad_chunk, Rule truncated)
    : sealed_bytes_max_(sealed_bytes_max), bad_chunk_(bad_chunk), truncated_(truncated) {}

ChunkReader::~ChunkReader() { wipe(buffer_); }

void ChunkReader::feed(ByteSpan bytes) {
  OPENPCC_CHECK(!ended_);
  drop_spent();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void ChunkReader::end() { ended_ = true; }

Result<std::optional<ChunkReader::Chunk>> ChunkReader::next() {
  switch (state_) {
    case State::length: return read_length();
    case State::sealed: return rest().size() < sealed_bytes_ ? need_more() : take(sealed_bytes_, false);
    case State::final: return read_final();
    case State::done: return std::nullopt;
    case State::bad_chunk: return fail(Code::malformed, bad_chunk_);
    case State::truncated: break;
  }
  return fail(Code::closed, truncated_);
}

Result<std::optional<ChunkReader::Chunk>> ChunkReader::need_more() {
  if (ended_) return refuse(State::truncated);
  return std::nullopt;
}

Result<std::optional<ChunkReader::Chunk>> ChunkReader::read_length() {
  const auto length = peek_varint(rest());
  if (!length) return need_more();
  begin_ += length->bytes;
  if (length->value == 0) {
    state_ = State::final;
    return next();
  }
  // A chunk of nothing but a tag would let a sender make us work without moving forward.
  if (length->value <= kChunkTagBytes || length->value > sealed_bytes_max_) return refuse(State::bad_chunk);
  sealed_bytes_ = static_cast<size_t>(length->value);
  state_ = State::sealed;
  return next();
}

Result<std::optional<ChunkReader::Chunk>> ChunkReader::read_final() {
  if (rest().size() > sealed_bytes_max_) return refuse(State::bad_chunk);
  if (!ended_) return std::nullopt;
  if (rest().size() < kChunkTagBytes) return refuse(State::truncated);
  return take(rest().size(), true);
}

Result<std::optional<ChunkReader::Chunk>> ChunkReader::refuse(State why) {
  state_ = why;
  begin_ = buffer_.size();
  return next();
}

ChunkReader::Chunk ChunkReader::take(size_t n, bool last) {
  const MutableByteSpan sealed = MutableByteSpan(buffer_).subspan(begin_, n);
  begin_ += n;
  state_ = last ? State::done : State::length;
  return {sealed, last};
}

void ChunkReader::drop_spent() {
  wipe(MutableByteSpan(buffer_).first(begin_));
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(begin_));
  begin_ = 0;
}

}  // namespace openpcc::ohttp
