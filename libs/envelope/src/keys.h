// Every derivation of the envelope, one function each.
//
//   random, P, salts, ids --> dek --> commit
//                              +---> (with th) request key, nonce
//   HPKE context --> (with rh) secret --> (with enc, rnonce) answer key, nonce
#pragma once

#include "chunks.h"
#include "openpcc/hpke/hpke.h"

namespace openpcc::envelope {

inline constexpr size_t kAnswerNonceBytes = 32;
using AnswerNonce = std::array<uint8_t, kAnswerNonceBytes>;

// derive_dek hedges the randomness with all that is sealed: a repeated random state with another text gives another key.
// `recipients` in the order of their node ids.
Secret<32> derive_dek(std::span<const uint8_t, 32> random, ByteSpan padded, std::span<const Recipient> recipients);
crypto::Sha256Digest commitment(const Secret<32>& dek);
crypto::Sha256Digest body_hash(ByteSpan padded);
// begin_body_hash is body_hash for a message that comes in pieces.
crypto::Sha256 begin_body_hash();
ChunkKey request_key(const Secret<32>& dek, const crypto::Sha256Digest& th);
Secret<32> response_secret(const hpke::Context& context, const crypto::Sha256Digest& rh);
ChunkKey answer_key(const Secret<32>& response_secret, ByteSpan enc, const AnswerNonce& rnonce);

}  // namespace openpcc::envelope
