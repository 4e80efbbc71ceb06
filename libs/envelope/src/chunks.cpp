#include "chunks.h"

#include "labels.h"

namespace openpcc::envelope {
namespace {

ByteSpan aad(bool last) { return last ? as_bytes("final") : ByteSpan(); }

}  // namespace

std::optional<ChunkNonce> chunk_nonce(const ChunkNonce& base, uint64_t i) {
  if (i >= kChunksMax) return std::nullopt;
  ChunkNonce out = base;
  for (size_t byte = 0; byte < 4; ++byte) out[out.size() - 1 - byte] ^= static_cast<uint8_t>(i >> (8 * byte));
  return out;
}

ChunkCipher::ChunkCipher(const ChunkKey& key) : aead_(kHpkeSuite.aead, key.key.reveal()), nonce_(key.nonce) {}

void ChunkCipher::seal(bool last, MutableByteSpan chunk) {
  const auto nonce = chunk_nonce(nonce_, next_++);
  OPENPCC_CHECK(nonce.has_value());
  aead_.seal(*nonce, aad(last), chunk.first(chunk.size() - crypto::kAeadTagBytes), chunk);
}

bool ChunkCipher::open(ByteSpan sealed, bool last, MutableByteSpan plaintext) {
  const auto nonce = chunk_nonce(nonce_, next_++);
  return nonce && aead_.open(*nonce, aad(last), sealed, plaintext).has_value();
}

RequestHash::RequestHash(const crypto::Sha256Digest& th) { hash_.update(kLabelRequest).update(th); }

}  // namespace openpcc::envelope
