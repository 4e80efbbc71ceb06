#include "message.h"

#include <algorithm>

#include "openpcc/crypto/hash.h"

namespace openpcc::ohttp {
namespace {

using namespace std::string_view_literals;

// Spec: RFC 9458 s4.4, draft-ietf-ohai-chunked-ohttp-08 s6.2
std::string_view response_label(Form form) { return form == Form::whole ? "message/bhttp response" : "message/bhttp chunked response"; }

// Spec: RFC 9458 s4.4. prk = Extract(enc || response_nonce, Export(label, max(Nn, Nk)))
Secret<32> response_prk(const hpke::Context& context, Form form, hpke::AeadId aead, ByteSpan enc, ByteSpan response_nonce) {
  OPENPCC_CHECK(response_nonce.size() == response_nonce_bytes(aead));
  Secret<32> secret;
  const MutableByteSpan exported = secret.reveal_mutable().first(response_nonce_bytes(aead));
  context.export_secret({as_bytes(response_label(form))}, exported);
  return crypto::hkdf_extract(concat({enc, response_nonce}), {exported});
}

crypto::Aead response_aead(hpke::AeadId aead, const Secret<32>& prk) {
  Secret<32> key;
  const MutableByteSpan used = key.reveal_mutable().first(crypto::aead_key_bytes(aead));
  crypto::hkdf_expand(prk.reveal(), {as_bytes("key")}, used);
  return {aead, used};
}

std::array<uint8_t, crypto::kAeadNonceBytes> response_base_nonce(const Secret<32>& prk) {
  std::array<uint8_t, crypto::kAeadNonceBytes> nonce{};
  crypto::hkdf_expand(prk.reveal(), {as_bytes("nonce")}, nonce);
  return nonce;
}

}  // namespace

std::array<uint8_t, kHeaderBytes> encode_header(uint8_t key_id, const hpke::Suite& suite) {
  const auto high = [](auto id) { return static_cast<uint8_t>(static_cast<uint16_t>(id) >> 8); };
  const auto low = [](auto id) { return static_cast<uint8_t>(id); };
  return {key_id, high(suite.kem), low(suite.kem), high(suite.kdf), low(suite.kdf), high(suite.aead), low(suite.aead)};
}

// Spec: RFC 9458 s4.3, draft-ietf-ohai-chunked-ohttp-08 s6.1
std::string_view request_label(Form form) {
  return form == Form::whole ? "message/bhttp request\0"sv : "message/bhttp chunked request\0"sv;
}

bool take_into(Bytes& have, size_t wanted, ByteSpan& rest) {
  if (have.size() < wanted) {
    const ByteSpan piece = rest.first(std::min(wanted - have.size(), rest.size()));
    have.insert(have.end(), piece.begin(), piece.end());
    rest = rest.subspan(piece.size());
  }
  return have.size() >= wanted;
}

ResponseCipher::ResponseCipher(const hpke::Context& context, Form form, hpke::AeadId aead, ByteSpan enc, ByteSpan response_nonce)
    : ResponseCipher(aead, response_prk(context, form, aead, enc, response_nonce)) {}

ResponseCipher::ResponseCipher(hpke::AeadId aead, const Secret<32>& prk)
    : aead_(response_aead(aead, prk)), nonce_(response_base_nonce(prk)) {}

void ResponseCipher::seal(ByteSpan aad, ByteSpan plaintext, MutableByteSpan out) { aead_.seal(next_nonce(), aad, plaintext, out); }

Result<> ResponseCipher::open(ByteSpan aad, ByteSpan sealed, MutableByteSpan out) { return aead_.open(next_nonce(), aad, sealed, out); }

// The counter of chunks is as wide as the nonce; of its upper bits we would need the first after 2^64 chunks.
std::array<uint8_t, crypto::kAeadNonceBytes> ResponseCipher::next_nonce() {
  auto nonce = nonce_;
  for (size_t i = 0; i < sizeof(sequence_); ++i) {
    uint8_t& byte = nonce[nonce.size() - 1 - i];
    byte = static_cast<uint8_t>(byte ^ (sequence_ >> (8 * i)));
  }
  sequence_ += 1;
  return nonce;
}

BodyReader::BodyReader(Form form)
    : form_(form), chunks_(kChunkPlaintextMax + crypto::kAeadTagBytes, "ohttp.6.chunk", "ohttp.6.truncated") {}

void BodyReader::feed(ByteSpan bytes) {
  if (form_ == Form::chunked) return chunks_.feed(bytes);
  whole_.insert(whole_.end(), bytes.begin(), bytes.end());
}

void BodyReader::end() {
  chunks_.end();
  ended_ = true;
}

Result<std::optional<BodyReader::Piece>> BodyReader::next() {
  if (form_ == Form::chunked) return next_chunk();
  if (given_) whole_ = {};
  if (!ended_ || given_) return std::nullopt;
  if (whole_.size() < crypto::kAeadTagBytes) return fail(Code::closed, "ohttp.6.truncated");
  given_ = true;
  return Piece{whole_, {}};
}

Result<std::optional<BodyReader::Piece>> BodyReader::next_chunk() {
  OPENPCC_LET(const auto chunk, chunks_.next());
  if (!chunk) return std::nullopt;
  return Piece{chunk->sealed, as_bytes(chunk->last ? kFinalAad : "")};
}

}  // namespace openpcc::ohttp
