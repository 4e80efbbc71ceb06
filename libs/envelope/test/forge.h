// Envelopes and answers put together from the formulas of spec/envelope.md, on crypto and hpke alone: a second writing of the format, which
// can also be wrong at any one place. Nothing here comes from src/.
#pragma once

#include "openpcc/envelope/envelope.h"

namespace openpcc::envelope::forge {

using Bytes32 = std::array<uint8_t, 32>;

// Node is one recipient with its private key.
struct Node {
  Bytes32 seed;
  NodeId id;
  Bytes32 salt;
  hpke::PrivateKey key;
  hpke::PublicKey public_key;

  NodeKey node_key() const { return {id, &key}; }
  Recipient recipient() const { return {id, &public_key, Secret<32>::copy_of(salt), std::nullopt}; }
};
// make_node is the same node for the same n; node ids do not ascend with n.
Node make_node(uint8_t n);

struct Chunk {
  Bytes sealed;
  bool last;
};
Bytes frame_chunks(const std::vector<Chunk>& chunks);

struct Key {
  Bytes32 key;
  std::array<uint8_t, 12> nonce;
};
// seal_chunks seals one chunk per plaintext; the last one is final.
std::vector<Chunk> seal_chunks(const Key& key, const std::vector<Bytes>& plaintexts);
// cut splits P into chunks of `chunk_bytes`.
std::vector<Bytes> cut(ByteSpan padded, size_t chunk_bytes = kChunkPlaintextBytes);

// Parts of an envelope that tests move around.
struct Request {
  Bytes header;
  std::vector<Bytes> wraps;
  std::vector<Chunk> body;

  Bytes bytes() const;
  Bytes32 hh() const;
  Bytes32 th() const;
  Bytes32 rh() const;
  ByteSpan enc(size_t i) const { return ByteSpan(wraps[i]).first(1120); }
};
// take_apart reads a good envelope.
Request take_apart(ByteSpan envelope);

// What goes into an envelope; everything that is empty is made as the specification says.
struct Plan {
  std::vector<const Node*> nodes;  // written in this order
  Bytes padded;                    // P, written as it is
  Bytes32 dek{};
  std::optional<Bytes32> commit;
  std::optional<Bytes32> body_hash;
  uint8_t version = 1;
  uint16_t suite = 1;
  std::optional<uint8_t> k;
  std::vector<Bytes> pieces;  // plaintexts of the chunks, in place of P cut every 16,320 bytes
};
Request make_request(const Plan& plan, Random& random);
// make_wrap seals dek, body hash and salt to a node under the header whose hash is hh.
Bytes make_wrap(const Node& node, const Bytes32& hh, const Bytes32& dek, const Bytes32& body_hash, Random& random);

Bytes32 hash_body(ByteSpan padded);
Key request_key(const Bytes32& dek, const Bytes32& th);
// open_wrap gives dek | body hash | salt to the node that the i-th wrap is for.
Bytes open_wrap(const Node& node, const Request& request, size_t i);

// answer_secret is what the i-th recipient exports for the request hash rh.
Bytes32 answer_secret(const Node& node, const Request& request, size_t i, const Bytes32& rh);
Key answer_key(const Bytes32& secret, ByteSpan enc, const Bytes32& rnonce);
// frame is n u16 | piece | zeros, `size` bytes together.
Bytes frame(ByteSpan piece, size_t size);
// make_answer is the i-th recipient's answer with these frames.
Bytes make_answer(const Node& node, const Request& request, size_t i, const Bytes32& rnonce, const std::vector<Bytes>& frames);
Bytes join_answer(uint8_t index, const Bytes32& rnonce, const std::vector<Chunk>& chunks);

}  // namespace openpcc::envelope::forge
