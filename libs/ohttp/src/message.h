// What both sides and both forms share: labels, the header, the response's keys, and how a body is sealed and opened.
#pragma once

#include <algorithm>

#include "openpcc/crypto/aead.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/ohttp/ohttp.h"

namespace openpcc::ohttp {

inline constexpr size_t kHeaderBytes = 7;

// encode_header is RFC 9458 s4.3's hdr: key id, KEM, KDF, AEAD.
std::array<uint8_t, kHeaderBytes> encode_header(uint8_t key_id, const hpke::Suite& suite);

// request_label is HPKE's info up to hdr, the zero byte included.
std::string_view request_label(Form form);

// response_nonce_bytes is max(Nn, Nk) of RFC 9458 s4.4.
constexpr size_t response_nonce_bytes(hpke::AeadId aead) { return std::max(crypto::kAeadNonceBytes, crypto::aead_key_bytes(aead)); }

// take_into moves bytes from the front of `rest` until `have` has `wanted`; false: there were too few.
bool take_into(Bytes& have, size_t wanted, ByteSpan& rest);

// ResponseCipher seals or opens one response's pieces in order (RFC 9458 s4.4, draft-ietf-ohai-chunked-ohttp-08 s6.2). Used one way only.
class ResponseCipher {
 public:
  ResponseCipher(const hpke::Context& context, Form form, hpke::AeadId aead, ByteSpan enc, ByteSpan response_nonce);
  void seal(ByteSpan aad, ByteSpan plaintext, MutableByteSpan out);
  Result<> open(ByteSpan aad, ByteSpan sealed, MutableByteSpan out);

 private:
  ResponseCipher(hpke::AeadId aead, const Secret<32>& prk);
  std::array<uint8_t, crypto::kAeadNonceBytes> next_nonce();

  crypto::Aead aead_;
  std::array<uint8_t, crypto::kAeadNonceBytes> nonce_;
  uint64_t sequence_ = 0;
};

// The final chunk's AAD; that of all other pieces is empty.
inline constexpr std::string_view kFinalAad = "final";

// seal_body appends a piece of a message, sealed and framed as its form wants it.
template <class Sealer>
void seal_body(Sealer& sealer, Form form, ByteSpan plaintext, bool last, Bytes& out) {
  if (form == Form::whole) {
    OPENPCC_CHECK(last);  // there is one piece
    const size_t sealed_bytes = plaintext.size() + crypto::kAeadTagBytes;
    out.resize(out.size() + sealed_bytes);
    sealer.seal({}, plaintext, MutableByteSpan(out).last(sealed_bytes));
    return;
  }
  const auto seal_chunk = [&](ByteSpan chunk) { sealer.seal({}, chunk, append_chunk(out, chunk.size(), false)); };
  while (plaintext.size() > kChunkPlaintextMax) {
    seal_chunk(plaintext.first(kChunkPlaintextMax));
    plaintext = plaintext.subspan(kChunkPlaintextMax);
  }
  if (last) {
    sealer.seal(as_bytes(kFinalAad), plaintext, append_chunk(out, plaintext.size(), true));
  } else if (!plaintext.empty()) {
    seal_chunk(plaintext);
  }
}

// BodyReader cuts what follows the head of a message into sealed pieces: chunks, or the one piece of the whole form.
class BodyReader {
 public:
  explicit BodyReader(Form form);
  void feed(ByteSpan bytes);
  void end();
  struct Piece {
    ByteSpan sealed;  // at least a tag; valid until the next call
    ByteSpan aad;
  };
  // next: nullopt when more bytes are needed; after end(), when the last piece was given.
  //   ohttp.6.chunk, ohttp.6.truncated
  Result<std::optional<Piece>> next();

 private:
  Result<std::optional<Piece>> next_chunk();

  Form form_;
  ChunkReader chunks_;
  Bytes whole_;
  bool ended_ = false;
  bool given_ = false;  // the one piece of the whole form
};

// open_body appends the plaintext of every piece that is complete. `refused` is the rule for one that does not open.
template <class Opener>
Result<> open_body(BodyReader& body, Opener& opener, Rule refused, Bytes& plaintext) {
  while (true) {
    OPENPCC_LET(const auto piece, body.next());
    if (!piece) return {};
    const size_t before = plaintext.size();
    plaintext.resize(before + piece->sealed.size() - crypto::kAeadTagBytes);
    if (!opener.open(piece->aad, piece->sealed, MutableByteSpan(plaintext).subspan(before))) {
      plaintext.resize(before);
      return fail(Code::verification_failed, refused);
    }
  }
}

}  // namespace openpcc::ohttp
