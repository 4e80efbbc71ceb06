#include <algorithm>

#include "access.h"

namespace openpcc::envelope {
namespace {

constexpr size_t kAnswerHeadBytes = 1 + kAnswerNonceBytes;

// The piece of the message inside a frame.
Result<ByteSpan> parse_frame(ByteSpan frame) {
  const auto n = static_cast<size_t>(frame[0] << 8 | frame[1]);
  const ByteSpan rest = frame.subspan(kFrameLengthBytes);
  if (n > rest.size()) return fail(Code::malformed, "envelope.answer.frame", "length");
  // Filler is no channel: what it holds is fixed.
  uint8_t filler = 0;
  for (const uint8_t byte : rest.subspan(n)) filler |= byte;
  if (filler != 0) return fail(Code::malformed, "envelope.answer.frame", "filler");
  return rest.first(n);
}

}  // namespace

AnswerOpener::AnswerOpener(std::unique_ptr<State> state) : state_(std::move(state)) {}
AnswerOpener::AnswerOpener(AnswerOpener&&) noexcept = default;
AnswerOpener& AnswerOpener::operator=(AnswerOpener&&) noexcept = default;
AnswerOpener::~AnswerOpener() = default;

std::optional<NodeId> AnswerOpener::node() const { return state_->node; }
uint64_t AnswerOpener::frames() const { return state_->frames; }

Result<> AnswerOpener::open(ByteSpan bytes, Bytes& message) {
  if (state_->error) return std::unexpected(*state_->error);
  OPENPCC_CHECK(!state_->ended);
  auto result = state_->open(bytes, message);
  if (!result) state_->error = result.error();
  return result;
}

Result<> AnswerOpener::end(Bytes& message) {
  if (state_->error) return std::unexpected(*state_->error);
  OPENPCC_CHECK(!std::exchange(state_->ended, true));
  auto result = state_->end(message);
  if (!result) state_->error = result.error();
  return result;
}

Result<> AnswerOpener::State::open(ByteSpan bytes, Bytes& message) {
  OPENPCC_TRY(read_head(bytes));
  reader.feed(bytes);
  return open_chunks(message);
}

Result<> AnswerOpener::State::end(Bytes& message) {
  reader.end();
  if (cipher) {
    OPENPCC_TRY(open_chunks(message));
  }
  if (!complete) return fail(Code::closed, "envelope.answer.truncated");
  return {};
}

Result<> AnswerOpener::State::read_head(ByteSpan& bytes) {
  if (cipher || bytes.empty()) return {};
  const size_t taken = std::min(kAnswerHeadBytes - head.size(), bytes.size());
  head.insert(head.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
  bytes = bytes.subspan(taken);
  const size_t index = head[0];
  if (index >= candidates.size()) return fail(Code::malformed, "envelope.answer.index");
  node = candidates[index].node_id;
  if (head.size() < kAnswerHeadBytes) return {};

  AnswerNonce rnonce;
  std::ranges::copy(ByteSpan(head).subspan(1), rnonce.begin());
  cipher.emplace(answer_key(candidates[index].response_secret, candidates[index].enc, rnonce));
  candidates.clear();
  return {};
}

Result<> AnswerOpener::State::open_chunks(Bytes& message) {
  for (;;) {
    OPENPCC_LET(const std::optional<ohttp::ChunkReader::Chunk> chunk, reader.next());
    if (!chunk) return {};
    OPENPCC_TRY(open_frame(*chunk, message));
  }
}

Result<> AnswerOpener::State::open_frame(const ohttp::ChunkReader::Chunk& chunk, Bytes& message) {
  const size_t size = chunk.sealed.size() - crypto::kAeadTagBytes;
  if (size == 0 || size % kFrameUnit != 0) return fail(Code::malformed, "envelope.answer.chunk", "size");
  const MutableByteSpan plaintext = frame.reveal_mutable().first(size);
  if (!cipher->open(chunk.sealed, chunk.last, plaintext)) return fail(Code::verification_failed, "envelope.answer.open");
  OPENPCC_LET(const ByteSpan piece, parse_frame(plaintext));
  message.insert(message.end(), piece.begin(), piece.end());
  ++frames;
  complete = chunk.last;
  return {};
}

}  // namespace openpcc::envelope
