// Sealed chunks, the same way in both directions: varint length (0 = final), then ciphertext and tag.
// Chunk i is sealed under nonce XOR i with AAD "" or "final", so none can be dropped, moved or made the last one.
#pragma once

#include <optional>

#include "openpcc/core/secret.h"
#include "openpcc/crypto/aead.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/envelope/envelope.h"
#include "openpcc/ohttp/chunk.h"

namespace openpcc::envelope {

using ChunkNonce = std::array<uint8_t, crypto::kAeadNonceBytes>;

inline constexpr uint64_t kChunksMax = 1ull << 32;

// chunk_nonce is `base` XOR i, i big-endian at its end; nullopt from the 2^32th chunk on.
std::optional<ChunkNonce> chunk_nonce(const ChunkNonce& base, uint64_t i);

// ChunkKey is what one direction's chunks are sealed under.
struct ChunkKey {
  Secret<32> key;
  ChunkNonce nonce{};
};

// ChunkCipher seals or opens the chunks of one message, in their order.
class ChunkCipher {
 public:
  explicit ChunkCipher(const ChunkKey& key);

  // append_chunk appends a framed chunk whose plaintext `write` puts in place, so that no copy of it stays behind. It returns the sealed
  // bytes, valid until `out` changes.
  template <class Write>
  ByteSpan append_chunk(size_t plaintext_bytes, bool last, Bytes& out, Write write) {
    const MutableByteSpan chunk = ohttp::append_chunk(out, plaintext_bytes, last);
    write(chunk.first(plaintext_bytes));
    seal(last, chunk);
    return chunk;
  }

  // open decrypts the next chunk into sealed.size() - 16 bytes; false: wrong key, order, end mark or bytes.
  [[nodiscard]] bool open(ByteSpan sealed, bool last, MutableByteSpan plaintext);

 private:
  void seal(bool last, MutableByteSpan chunk);

  crypto::Aead aead_;
  ChunkNonce nonce_;
  uint64_t next_ = 0;
};

// RequestHash is rh: th and every sealed chunk of the body.
class RequestHash {
 public:
  explicit RequestHash(const crypto::Sha256Digest& th);
  void add(ByteSpan sealed) { hash_.lp(sealed); }
  crypto::Sha256Digest finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

}  // namespace openpcc::envelope
