// What the fuzz targets share: the keys of the specifications' examples, so that their messages are seeds that get past HPKE.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "openpcc/ohttp/ohttp.h"

namespace fuzz {

using namespace openpcc;

// FixedRandom gives out `first` and then a counter: a run depends on its input alone.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(Bytes first = {}) : first_(std::move(first)) {}
  void fill(MutableByteSpan out) override {
    for (uint8_t& b : out) b = used_ < first_.size() ? first_[used_++] : counter_++;
  }

 private:
  Bytes first_;
  size_t used_ = 0;
  uint8_t counter_ = 0;
};

// Example is a gateway's key and a client's ephemeral key: RFC 9458 appendix A, and the chunked draft's appendix.
struct Example {
  ohttp::Form form;
  std::vector<ohttp::GatewayKey> keys;
  Bytes client_sk;

  // start is always the same request.
  ohttp::ClientRequest start() const {
    FixedRandom random(client_sk);
    auto client = ohttp::ClientRequest::start(keys.front().config(), 0, form, random);
    OPENPCC_CHECK(client.has_value());
    return std::move(*client);
  }
};

inline Example make_example(ohttp::Form form, std::string_view gateway_sk, std::string_view client_sk) {
  const Bytes sk = *from_hex(gateway_sk);
  Example out{form, {}, *from_hex(client_sk)};
  out.keys.push_back(
      {1,
       hpke::PrivateKey::from_bytes(hpke::KemId::dhkem_x25519_hkdf_sha256, std::span(sk).first<32>()),
       {{hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_128_gcm}, {hpke::KdfId::hkdf_sha256, hpke::AeadId::chacha20_poly1305}}});
  return out;
}

inline const Example& example(ohttp::Form form) {
  static const Example whole = make_example(ohttp::Form::whole, "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a",
                                            "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73");
  static const Example chunked = make_example(ohttp::Form::chunked, "1c190d72acdbe4dbc69e680503bb781a932c70a12c8f3754434c67d8640d8698",
                                              "b26d565f3f875ed480d1abced3d665159650c99174fd0b124ac4bda0c64ae324");
  return form == ohttp::Form::whole ? whole : chunked;
}

struct Outcome {
  Bytes plaintext;
  std::string rule;  // empty: complete
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// receive feeds a message to either side in pieces.
template <class Side>
Outcome receive(Side side, ByteSpan message, size_t piece_bytes) {
  Outcome out;
  Result<> result;
  while (result && !message.empty()) {
    const size_t n = std::min(piece_bytes, message.size());
    result = side.open(message.first(n), out.plaintext);
    message = message.subspan(n);
  }
  if (result) result = side.end(out.plaintext);
  if (!result) out.rule = result.error().rule.id();
  return out;
}

// check_raw: a message of the peer's making gives the same plaintext and verdict however it is cut.
template <class MakeSide>
void check_raw(ByteSpan message, MakeSide&& make_side) {
  const Outcome whole = receive(make_side(), message, message.size() + 1);
  OPENPCC_CHECK(whole == receive(make_side(), message, 1));
  OPENPCC_CHECK(whole == receive(make_side(), message, message.empty() ? 1 : 1 + message.back() % 32u));
}

// check_sealed: `script` says how plaintext is cut before sealing and which byte of the sealed message is changed afterwards. The unchanged
// message must arrive, the changed one must not. seal(plaintext, last, out) seals for the side that make_side() gives.
template <class Seal, class MakeSide>
void check_sealed(ohttp::Form form, ByteSpan script, Seal&& seal, MakeSide&& make_side) {
  if (script.size() < 4) return;
  const size_t piece_bytes = 1 + script[0];
  const size_t changed_at = static_cast<size_t>(script[1]) << 8 | script[2];
  const uint8_t change = script[3] == 0 ? 1 : script[3];
  const ByteSpan plaintext = script.subspan(4);
  Bytes sealed;
  if (form == ohttp::Form::chunked) {
    for (ByteSpan rest = plaintext; !rest.empty(); rest = rest.subspan(std::min(piece_bytes, rest.size()))) {
      seal(rest.first(std::min(piece_bytes, rest.size())), false, sealed);
    }
  }
  seal(form == ohttp::Form::whole ? plaintext : ByteSpan(), true, sealed);
  const Outcome arrived = receive(make_side(), sealed, piece_bytes);
  OPENPCC_CHECK(arrived.rule.empty() && equal(arrived.plaintext, plaintext));

  uint8_t& byte = sealed[changed_at % sealed.size()];
  byte = static_cast<uint8_t>(byte ^ change);
  check_raw(sealed, make_side);
  const Outcome refused = receive(make_side(), sealed, piece_bytes);
  OPENPCC_CHECK(!refused.rule.empty());
  // What was handed out before the refusal is genuine.
  OPENPCC_CHECK(refused.plaintext.size() <= plaintext.size());
  OPENPCC_CHECK(equal(refused.plaintext, plaintext.first(refused.plaintext.size())));
}

}  // namespace fuzz
