#include "forge.h"

#include <algorithm>

#include "openpcc/crypto/aead.h"

namespace openpcc::envelope::forge {
namespace {

Bytes L(std::string_view x) { return ByteWriter().text("openpcc envelope v1 ").text(x).u8(0).take(); }

template <size_t N>
std::array<uint8_t, N> expand(ByteSpan prk, ByteSpan info) {
  std::array<uint8_t, N> out;
  crypto::hkdf_expand(prk, {info}, out);
  return out;
}

hpke::RecipientContext context_of(const Node& node, const Request& request, size_t i) {
  auto context = hpke::setup_recipient(kHpkeSuite, node.key, request.enc(i), {L("wrap"), request.hh(), node.id});
  OPENPCC_CHECK(context.has_value());
  return std::move(*context);
}

}  // namespace

Node make_node(uint8_t n) {
  const Bytes32 seed = crypto::sha256({as_bytes("seed"), ByteSpan(&n, 1)});
  hpke::PrivateKey key = hpke::PrivateKey::from_bytes(hpke::KemId::x_wing, seed);
  auto public_key = hpke::PublicKey::parse(hpke::KemId::x_wing, key.public_key());
  OPENPCC_CHECK(public_key.has_value());
  return {seed, crypto::sha256({as_bytes("id"), ByteSpan(&n, 1)}), crypto::sha256({as_bytes("salt"), ByteSpan(&n, 1)}), std::move(key),
          std::move(*public_key)};
}

Bytes frame_chunks(const std::vector<Chunk>& chunks) {
  ByteWriter out;
  for (const Chunk& chunk : chunks) out.varint(chunk.last ? 0 : chunk.sealed.size()).bytes(chunk.sealed);
  return out.take();
}

std::vector<Chunk> seal_chunks(const Key& key, const std::vector<Bytes>& plaintexts) {
  crypto::Aead aead(crypto::AeadId::aes_256_gcm, key.key);
  std::vector<Chunk> out;
  for (const Bytes& plaintext : plaintexts) {
    auto nonce = key.nonce;
    nonce[10] = static_cast<uint8_t>(nonce[10] ^ out.size() >> 8);
    nonce[11] = static_cast<uint8_t>(nonce[11] ^ out.size());
    const bool last = out.size() + 1 == plaintexts.size();
    Bytes sealed(plaintext.size() + 16);
    aead.seal(nonce, as_bytes(last ? "final" : ""), plaintext, sealed);
    out.push_back({std::move(sealed), last});
  }
  return out;
}

std::vector<Bytes> cut(ByteSpan padded, size_t chunk_bytes) {
  std::vector<Bytes> out;
  for (; !padded.empty(); padded = padded.subspan(out.back().size())) {
    const ByteSpan piece = padded.first(std::min(chunk_bytes, padded.size()));
    out.emplace_back(piece.begin(), piece.end());
  }
  return out;
}

Bytes Request::bytes() const {
  ByteWriter out;
  out.bytes(header);
  for (const Bytes& wrap : wraps) out.bytes(wrap);
  return out.bytes(frame_chunks(body)).take();
}

Bytes32 Request::hh() const { return crypto::sha256({L("header"), header}); }

Bytes32 Request::th() const {
  ByteWriter in;
  in.bytes(L("wraps")).bytes(hh());
  for (const Bytes& wrap : wraps) in.bytes(wrap);
  return crypto::sha256(in.view());
}

Bytes32 Request::rh() const {
  ByteWriter in;
  in.bytes(L("request")).bytes(th());
  for (const Chunk& chunk : body) in.lp(chunk.sealed);
  return crypto::sha256(in.view());
}

Request take_apart(ByteSpan envelope) {
  Request out;
  const auto take = [&](size_t n) {
    OPENPCC_CHECK(n <= envelope.size());
    const ByteSpan piece = envelope.first(n);
    envelope = envelope.subspan(n);
    return Bytes(piece.begin(), piece.end());
  };
  const size_t k = envelope[3];
  out.header = take(36 + 32 * k);
  for (size_t i = 0; i < k; ++i) out.wraps.push_back(take(1232));
  for (;;) {
    const auto length = peek_varint(envelope);
    OPENPCC_CHECK(length.has_value());
    take(length->bytes);
    const bool last = length->value == 0;
    out.body.push_back({take(last ? envelope.size() : length->value), last});
    if (last) return out;
  }
}

Bytes make_wrap(const Node& node, const Bytes32& hh, const Bytes32& dek, const Bytes32& body_hash, Random& random) {
  hpke::Sender sender = hpke::setup_sender(kHpkeSuite, node.public_key, {L("wrap"), hh, node.id}, random);
  Bytes sealed(112);
  sender.context.seal({}, concat({dek, body_hash, node.salt}), sealed);
  return concat({sender.enc, sealed});
}

Request make_request(const Plan& plan, Random& random) {
  Request out;
  ByteWriter header;
  header.u8(plan.version).u16(plan.suite).u8(plan.k.value_or(static_cast<uint8_t>(plan.nodes.size())));
  header.bytes(plan.commit.value_or(expand<32>(plan.dek, L("commit"))));
  for (const Node* node : plan.nodes) header.bytes(node->id);
  out.header = header.take();
  const Bytes32 hh = out.hh();
  const Bytes32 body_hash = plan.body_hash.value_or(hash_body(plan.padded));
  for (const Node* node : plan.nodes) out.wraps.push_back(make_wrap(*node, hh, plan.dek, body_hash, random));
  out.body = seal_chunks(request_key(plan.dek, out.th()), plan.pieces.empty() ? cut(plan.padded) : plan.pieces);
  return out;
}

Bytes32 hash_body(ByteSpan padded) { return crypto::sha256({L("body"), padded}); }

Key request_key(const Bytes32& dek, const Bytes32& th) {
  return {expand<32>(dek, concat({L("request key"), th})), expand<12>(dek, concat({L("request nonce"), th}))};
}

Bytes open_wrap(const Node& node, const Request& request, size_t i) {
  auto context = context_of(node, request, i);
  Bytes out(96);
  OPENPCC_CHECK(context.open({}, ByteSpan(request.wraps[i]).subspan(1120), out).has_value());
  return out;
}

Bytes32 answer_secret(const Node& node, const Request& request, size_t i, const Bytes32& rh) {
  Bytes32 out;
  context_of(node, request, i).export_secret({L("response"), rh}, out);
  return out;
}

Key answer_key(const Bytes32& secret, ByteSpan enc, const Bytes32& rnonce) {
  const Secret<32> prk = crypto::hkdf_extract(concat({enc, rnonce}), {secret});
  return {expand<32>(prk.reveal(), as_bytes("key")), expand<12>(prk.reveal(), as_bytes("nonce"))};
}

Bytes frame(ByteSpan piece, size_t size) {
  OPENPCC_CHECK(piece.size() + 2 <= size);
  return ByteWriter().u16(static_cast<uint16_t>(piece.size())).bytes(piece).zeros(size - 2 - piece.size()).take();
}

Bytes make_answer(const Node& node, const Request& request, size_t i, const Bytes32& rnonce, const std::vector<Bytes>& frames) {
  const Bytes32 secret = answer_secret(node, request, i, request.rh());
  return join_answer(static_cast<uint8_t>(i), rnonce, seal_chunks(answer_key(secret, request.enc(i), rnonce), frames));
}

Bytes join_answer(uint8_t index, const Bytes32& rnonce, const std::vector<Chunk>& chunks) {
  return ByteWriter().u8(index).bytes(rnonce).bytes(frame_chunks(chunks)).take();
}

}  // namespace openpcc::envelope::forge
