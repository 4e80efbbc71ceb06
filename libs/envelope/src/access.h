// The states behind AnswerOpener and AnswerSealer, and the one door through which the request machines make them.
#pragma once

#include "keys.h"
#include "openpcc/ohttp/chunk.h"

namespace openpcc::envelope {

// The smallest frame size; every profile's frames are a multiple of it.
inline constexpr size_t kFrameUnit = frame_bytes(Profile::low_latency);
inline constexpr size_t kFrameLengthBytes = 2;

struct AnswerSealer::State {
  State(uint8_t index_, const AnswerNonce& rnonce_, const ChunkKey& key) : index(index_), rnonce(rnonce_), cipher(key) {}

  uint8_t index;
  AnswerNonce rnonce;
  ChunkCipher cipher;
  bool started = false;
  bool finished = false;
  size_t frames_bytes = 0;  // of all frames so far
};

// What the answer of one recipient would be opened with.
struct AnswerCandidate {
  NodeId node_id;
  Bytes enc;
  Secret<32> response_secret;
};

struct AnswerOpener::State {
  explicit State(std::vector<AnswerCandidate> candidates_) : candidates(std::move(candidates_)) {}

  Result<> open(ByteSpan bytes, Bytes& message);
  Result<> end(Bytes& message);
  // read_head takes index and nonce off the front of `bytes`.
  Result<> read_head(ByteSpan& bytes);
  Result<> open_chunks(Bytes& message);
  Result<> open_frame(const ohttp::ChunkReader::Chunk& chunk, Bytes& message);

  std::vector<AnswerCandidate> candidates;  // gone once one answers
  std::optional<NodeId> node;
  Bytes head;
  std::optional<ChunkCipher> cipher;
  ohttp::ChunkReader reader{kFramePlaintextMax + crypto::kAeadTagBytes, "envelope.answer.chunk", "envelope.answer.truncated"};
  SecretBytes frame{kFramePlaintextMax};
  uint64_t frames = 0;
  bool complete = false;  // the final frame was good
  bool ended = false;
  std::optional<Error> error;
};

struct Access {
  static AnswerSealer sealer(uint8_t index, const AnswerNonce& rnonce, const ChunkKey& key) {
    return AnswerSealer(std::make_unique<AnswerSealer::State>(index, rnonce, key));
  }
  static AnswerOpener opener(std::vector<AnswerCandidate> candidates) {
    return AnswerOpener(std::make_unique<AnswerOpener::State>(std::move(candidates)));
  }
};

}  // namespace openpcc::envelope
