#include "keys.h"

#include "labels.h"

namespace openpcc::envelope {

Secret<32> derive_dek(std::span<const uint8_t, 32> random, ByteSpan padded, std::span<const Recipient> recipients) {
  crypto::Sha256 hedge;
  hedge.update(kLabelHedge).update(padded);
  for (const Recipient& recipient : recipients) hedge.update(recipient.salt.reveal());
  for (const Recipient& recipient : recipients) hedge.update(recipient.node_id);
  crypto::Sha256Digest digest = hedge.finish();
  const Secret<32> prk = crypto::hkdf_extract(random, {digest});
  wipe(digest);
  Secret<32> dek;
  crypto::hkdf_expand(prk.reveal(), {kLabelDek}, dek.reveal_mutable());
  return dek;
}

crypto::Sha256Digest commitment(const Secret<32>& dek) {
  crypto::Sha256Digest out;
  crypto::hkdf_expand(dek.reveal(), {kLabelCommit}, out);
  return out;
}

crypto::Sha256 begin_body_hash() {
  crypto::Sha256 hash;
  hash.update(kLabelBody);
  return hash;
}

crypto::Sha256Digest body_hash(ByteSpan padded) { return begin_body_hash().update(padded).finish(); }

ChunkKey request_key(const Secret<32>& dek, const crypto::Sha256Digest& th) {
  ChunkKey out;
  crypto::hkdf_expand(dek.reveal(), {kLabelRequestKey, th}, out.key.reveal_mutable());
  crypto::hkdf_expand(dek.reveal(), {kLabelRequestNonce, th}, out.nonce);
  return out;
}

Secret<32> response_secret(const hpke::Context& context, const crypto::Sha256Digest& rh) {
  Secret<32> out;
  context.export_secret({kLabelResponse, rh}, out.reveal_mutable());
  return out;
}

ChunkKey answer_key(const Secret<32>& response_secret, ByteSpan enc, const AnswerNonce& rnonce) {
  const Secret<32> prk = crypto::hkdf_extract(concat({enc, rnonce}), {response_secret.reveal()});
  ChunkKey out;
  crypto::hkdf_expand(prk.reveal(), {as_bytes("key")}, out.key.reveal_mutable());
  crypto::hkdf_expand(prk.reveal(), {as_bytes("nonce")}, out.nonce);
  return out;
}

}  // namespace openpcc::envelope
