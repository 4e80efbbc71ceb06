// Chunk framing, of chunked OHTTP (draft-ietf-ohai-chunked-ohttp-08 s3) and of the envelope alike:
//
//   chunk = varint n (17..max) | n sealed bytes          final chunk = varint 0 | sealed bytes to the end of the transport
//
// Lengths are sent in the shortest form; any form is read, for nothing authenticates them.
#pragma once

#include <optional>

#include "openpcc/core/bytes.h"

namespace openpcc::ohttp {

// kChunkTagBytes is what sealing adds to a chunk's plaintext, with every AEAD that we speak.
inline constexpr size_t kChunkTagBytes = 16;

// append_chunk appends a chunk's length (0 for the last) and room for its sealed bytes, plaintext_bytes + 16, and returns that room; it is
// valid until `out` changes. `plaintext_bytes` is 0 only for the last chunk.
MutableByteSpan append_chunk(Bytes& out, size_t plaintext_bytes, bool last);

// ChunkReader cuts a stream into sealed chunks. It holds what was fed and not yet handed out: drain it with next() after each feed(). What
// was handed out, and may have been opened in place, is wiped. No allocation per chunk once the buffer has the size of what is fed at once.
class ChunkReader {
 public:
  // Sealed chunks are 17..sealed_bytes_max bytes, the final one 16..sealed_bytes_max. Errors of next(), both terminal:
  //   bad_chunk   (malformed)   a length outside that range
  //   truncated   (closed)      the transport ended before a final chunk of at least 16 bytes
  ChunkReader(size_t sealed_bytes_max, Rule bad_chunk, Rule truncated);
  ChunkReader(ChunkReader&&) noexcept = default;
  ChunkReader& operator=(ChunkReader&&) = delete;
  ~ChunkReader();

  struct Chunk {
    MutableByteSpan sealed;  // valid until the next call; may be opened in place
    bool last;
  };
  // feed takes a copy of the next bytes; not after end().
  void feed(ByteSpan bytes);
  // end says that the transport ended; the final chunk becomes available only then.
  void end();
  // next returns a chunk, or nullopt: feed more bytes, or the last chunk was handed out.
  Result<std::optional<Chunk>> next();

 private:
  enum class State : uint8_t { length, sealed, final, done, bad_chunk, truncated };

  Result<std::optional<Chunk>> need_more();
  Result<std::optional<Chunk>> read_length();
  Result<std::optional<Chunk>> read_final();
  Result<std::optional<Chunk>> refuse(State why);
  Chunk take(size_t n, bool last);
  ByteSpan rest() const { return ByteSpan(buffer_).subspan(begin_); }
  void drop_spent();

  Bytes buffer_;
  size_t begin_ = 0;         // bytes before it were handed out
  size_t sealed_bytes_ = 0;  // of the chunk that is awaited
  size_t sealed_bytes_max_;
  Rule bad_chunk_;
  Rule truncated_;
  State state_ = State::length;
  bool ended_ = false;
};

}  // namespace openpcc::ohttp
