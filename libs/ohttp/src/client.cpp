#include "message.h"

namespace openpcc::ohttp {

struct ClientRequest::State {
  State(std::array<uint8_t, kHeaderBytes> header_, hpke::AeadId aead_, Form form_, hpke::Sender sender, size_t response_bytes_max)
      : header(header_),
        aead(aead_),
        form(form_),
        enc(std::move(sender.enc)),
        context(std::move(sender.context)),
        response_room(response_bytes_max),
        body(form_) {}

  Result<> receive(ByteSpan bytes, Bytes& plaintext);
  Result<> finish(Bytes& plaintext);
  Result<> keep(Result<> result);

  std::array<uint8_t, kHeaderBytes> header;
  hpke::AeadId aead;
  Form form;
  Bytes enc;
  hpke::SenderContext context;
  bool header_sent = false;
  bool request_ended = false;

  size_t response_room;
  Bytes response_nonce;
  std::optional<ResponseCipher> response;  // once its nonce is here
  BodyReader body;
  bool response_ended = false;
  std::optional<Error> error;
};

ClientRequest::ClientRequest(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientRequest::ClientRequest(ClientRequest&&) noexcept = default;
ClientRequest& ClientRequest::operator=(ClientRequest&&) noexcept = default;
ClientRequest::~ClientRequest() = default;

Result<ClientRequest> ClientRequest::start(const KeyConfig& config, size_t algorithm, Form form, Random& random,
                                           size_t response_bytes_max) {
  OPENPCC_LET(const auto recipient, hpke::PublicKey::parse(config.kem, config.public_key));
  return start(config, algorithm, form, hpke::encapsulate(recipient, random), response_bytes_max);
}

// Spec: RFC 9458 s4.3
ClientRequest ClientRequest::start(const KeyConfig& config, size_t algorithm, Form form, hpke::Encapsulation encapsulation,
                                   size_t response_bytes_max) {
  OPENPCC_CHECK(algorithm < config.algorithms.size());
  const hpke::Suite suite{config.kem, config.algorithms[algorithm].kdf, config.algorithms[algorithm].aead};
  const auto header = encode_header(config.key_id, suite);
  hpke::Sender sender = hpke::setup_sender(suite, std::move(encapsulation), {as_bytes(request_label(form)), header});
  return ClientRequest(std::make_unique<State>(header, suite.aead, form, std::move(sender), response_bytes_max));
}

void ClientRequest::seal(ByteSpan plaintext, bool last, Bytes& out) {
  OPENPCC_CHECK(!state_->request_ended);
  if (!state_->header_sent) {
    out.insert(out.end(), state_->header.begin(), state_->header.end());
    out.insert(out.end(), state_->enc.begin(), state_->enc.end());
    state_->header_sent = true;
  }
  seal_body(state_->context, state_->form, plaintext, last, out);
  state_->request_ended = last;
}

Result<> ClientRequest::open(ByteSpan bytes, Bytes& plaintext) {
  OPENPCC_CHECK(!state_->response_ended);
  if (state_->error) return std::unexpected(*state_->error);
  return state_->keep(state_->receive(bytes, plaintext));
}

Result<> ClientRequest::end(Bytes& plaintext) {
  OPENPCC_CHECK(!state_->response_ended);
  state_->response_ended = true;
  if (state_->error) return std::unexpected(*state_->error);
  return state_->keep(state_->finish(plaintext));
}

Result<> ClientRequest::State::receive(ByteSpan bytes, Bytes& plaintext) {
  if (bytes.size() > response_room) return fail(Code::limit, "ohttp.4.4.too_large");
  response_room -= bytes.size();
  if (!response) {
    if (!take_into(response_nonce, response_nonce_bytes(aead), bytes)) return {};
    response.emplace(context, form, aead, enc, response_nonce);
  }
  body.feed(bytes);
  return open_body(body, *response, "ohttp.6.response", plaintext);
}

Result<> ClientRequest::State::finish(Bytes& plaintext) {
  if (!response) return fail(Code::closed, "ohttp.6.truncated");
  body.end();
  return open_body(body, *response, "ohttp.6.response", plaintext);
}

// keep remembers an error: it is terminal.
Result<> ClientRequest::State::keep(Result<> result) {
  if (!result) error = result.error();
  return result;
}

}  // namespace openpcc::ohttp
