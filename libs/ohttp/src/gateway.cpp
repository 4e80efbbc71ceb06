#include <algorithm>

#include "message.h"
#include "openpcc/crypto/hash.h"

namespace openpcc::ohttp {

struct GatewayExchange::State {
  State(std::span<const GatewayKey> keys_, Form form_, size_t request_bytes_max)
      : keys(keys_), form(form_), request_room(request_bytes_max), body(form_) {}

  Result<> receive(ByteSpan bytes, Bytes& plaintext);
  Result<> read_head(ByteSpan& bytes);
  Result<> choose_key();
  Result<> decapsulate();
  Result<> finish(Bytes& plaintext);
  Result<> keep(Result<> result);
  ByteSpan header() const { return ByteSpan(head).first(kHeaderBytes); }
  ByteSpan enc() const { return ByteSpan(head).subspan(kHeaderBytes); }

  std::span<const GatewayKey> keys;
  Form form;
  size_t request_room;
  Bytes head;                                     // header and encapsulated key, as far as they are here
  const GatewayKey* key = nullptr;                // once the header is here
  hpke::Suite suite{};                            // likewise
  std::optional<hpke::RecipientContext> context;  // once the encapsulated key is here
  BodyReader body;
  bool ended = false;
  std::optional<Error> error;

  std::optional<ResponseCipher> response;
  bool response_ended = false;
};

GatewayExchange::GatewayExchange(std::span<const GatewayKey> keys, Form form, size_t request_bytes_max)
    : state_(std::make_unique<State>(keys, form, request_bytes_max)) {}
GatewayExchange::GatewayExchange(GatewayExchange&&) noexcept = default;
GatewayExchange& GatewayExchange::operator=(GatewayExchange&&) noexcept = default;
GatewayExchange::~GatewayExchange() = default;

Result<> GatewayExchange::open(ByteSpan bytes, Bytes& plaintext) {
  OPENPCC_CHECK(!state_->ended);
  if (state_->error) return std::unexpected(*state_->error);
  return state_->keep(state_->receive(bytes, plaintext));
}

Result<> GatewayExchange::end(Bytes& plaintext) {
  OPENPCC_CHECK(!state_->ended);
  state_->ended = true;
  if (state_->error) return std::unexpected(*state_->error);
  return state_->keep(state_->finish(plaintext));
}

std::optional<std::array<uint8_t, 32>> GatewayExchange::enc_digest() const {
  if (!state_->context) return std::nullopt;
  return crypto::sha256(state_->enc());
}

void GatewayExchange::seal(ByteSpan plaintext, bool last, Random& random, Bytes& out) {
  State& s = *state_;
  OPENPCC_CHECK(s.ended && !s.error && !s.response_ended);
  if (!s.response) {
    Bytes response_nonce(response_nonce_bytes(s.suite.aead));
    random.fill(response_nonce);
    s.response.emplace(*s.context, s.form, s.suite.aead, s.enc(), response_nonce);
    out.insert(out.end(), response_nonce.begin(), response_nonce.end());
  }
  seal_body(*s.response, s.form, plaintext, last, out);
  s.response_ended = last;
}

Result<> GatewayExchange::State::receive(ByteSpan bytes, Bytes& plaintext) {
  if (bytes.size() > request_room) return fail(Code::limit, "ohttp.4.3.too_large");
  request_room -= bytes.size();
  if (!context) {
    OPENPCC_TRY(read_head(bytes));
    if (!context) return {};
  }
  body.feed(bytes);
  return open_body(body, *context, "ohttp.4.3.open", plaintext);
}

// read_head takes header and encapsulated key off the front of `bytes`; context is there when both are complete.
Result<> GatewayExchange::State::read_head(ByteSpan& bytes) {
  if (!take_into(head, kHeaderBytes, bytes)) return {};
  if (key == nullptr) {
    OPENPCC_TRY(choose_key());
  }
  if (!take_into(head, kHeaderBytes + hpke::enc_bytes(suite.kem), bytes)) return {};
  return decapsulate();
}

// Spec: RFC 9458 s4.3. What the header names must be what the key's configuration announces.
Result<> GatewayExchange::State::choose_key() {
  ByteReader reader(header(), "ohttp.6.truncated");
  OPENPCC_LET(const uint8_t key_id, reader.u8());
  OPENPCC_LET(const uint16_t kem, reader.u16());
  OPENPCC_LET(const uint16_t kdf, reader.u16());
  OPENPCC_LET(const uint16_t aead, reader.u16());
  const auto found = std::ranges::find(keys, key_id, &GatewayKey::key_id);
  if (found == keys.end()) return fail(Code::unsupported, "ohttp.4.3.key_id");
  const auto named = hpke::parse_suite(kem, kdf, aead);
  if (!named || named->kem != found->key.kem() ||
      std::ranges::find(found->algorithms, SymmetricAlgorithms{named->kdf, named->aead}) == found->algorithms.end()) {
    return fail(Code::unsupported, "ohttp.4.3.suite");
  }
  key = &*found;
  suite = *named;
  return {};
}

Result<> GatewayExchange::State::decapsulate() {
  auto opened = hpke::setup_recipient(suite, key->key, enc(), {as_bytes(request_label(form)), header()});
  if (!opened) return fail(Code::malformed, "ohttp.4.3.enc");
  context.emplace(std::move(*opened));
  return {};
}

Result<> GatewayExchange::State::finish(Bytes& plaintext) {
  if (!context) return fail(Code::closed, "ohttp.6.truncated");
  body.end();
  return open_body(body, *context, "ohttp.4.3.open", plaintext);
}

// keep remembers an error: it is terminal.
Result<> GatewayExchange::State::keep(Result<> result) {
  if (!result) error = result.error();
  return result;
}

}  // namespace openpcc::ohttp
