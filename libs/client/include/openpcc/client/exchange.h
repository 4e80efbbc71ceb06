// One request through the private path, without any I/O: an application's request becomes bytes for a relay, the relay's bytes become the
// application's answer. Everything that a language binding or another transport needs.
//
//   outer OHTTP [ outer Binary HTTP [ token | envelope [ inner Binary HTTP ] ] ]     and the same layers back
#pragma once

#include <memory>
#include <variant>

#include "openpcc/bhttp/bhttp.h"
#include "openpcc/envelope/envelope.h"
#include "openpcc/ohttp/ohttp.h"

namespace openpcc::client {

// GatewayTarget comes from the verified bundle.
struct GatewayTarget {
  std::string authority;
  ohttp::KeyConfig key;
  // An encapsulation to `key` that was made ahead and is used for nothing else; none: made when it is needed.
  std::optional<hpke::Encapsulation> encapsulation = std::nullopt;
};

struct SealOptions {
  envelope::Profile profile = envelope::Profile::balanced;
  UnixSeconds not_after;  // when a node must not begin any more; at most 10 min ahead
};

// SealedEnvelope is the inner layer alone: what `openpcc seal` writes for clients with an outer layer of their own.
struct SealedEnvelope {
  Bytes outer_body;  // authorisation and envelope: the body of POST /v1/envelope
  envelope::AnswerOpener answer;
};

// seal_envelope seals an application's request (method, path, fields of ours and content) to the recipients. Scheme and authority are set here.
// Errors: those of envelope::seal_request.
Result<SealedEnvelope> seal_envelope(bhttp::RequestHead head, ByteSpan content, std::vector<envelope::Recipient> recipients,
                                     const SealOptions& options, Random& random);

// Exchange is one attempt: used once, with recipients of its own.
class Exchange {
 public:
  // start seals everything. Errors: those of seal_envelope, and client.gateway_key when the configuration cannot be used.
  static Result<Exchange> start(GatewayTarget gateway, bhttp::RequestHead head, ByteSpan content,
                                std::vector<envelope::Recipient> recipients, const SealOptions& options, Random& random);
  Exchange(Exchange&&) noexcept;
  Exchange& operator=(Exchange&&) noexcept;
  ~Exchange();

  // request is the body to POST to a relay as message/ohttp-chunked-req.
  const Bytes& request() const;

  // Refused: the gateway answered with a status of its own; no node began an answer.
  struct Refused {
    uint16_t status;
  };
  using Event = std::variant<bhttp::NeedMore, Refused, bhttp::ResponseHead, bhttp::Content, bhttp::End>;

  // feed hands over bytes of the relay's answer; end() says that its body ended. Then take events until NeedMore. Content is valid until
  // the next call. Any error is terminal: the answer must not be shown as complete.
  //   ohttp.6.*, envelope.answer.*, bhttp.*   a layer was tampered with, or cut
  //   client.outer.head      the outer answer is not one that a gateway gives
  //   client.answer.head     the node's status or fields cannot be passed on
  //   client.answer.after_end   bytes after the end of the node's message
  //   client.answer.truncated   everything ended before the node's message did
  Result<> feed(ByteSpan bytes);
  Result<> end();
  Result<Event> next();

  // node is the one that answers; empty before its first byte.
  std::optional<envelope::NodeId> node() const;
  // frames is how many of the node's frames were opened so far: it is at work while they come, whether they hold anything or not.
  uint64_t frames() const;

 private:
  struct State;
  explicit Exchange(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// AnswerReader is the inner half of an answer: envelope frames in, the node's message out. Exchange uses it, and so does `openpcc open`.
class AnswerReader {
 public:
  explicit AnswerReader(envelope::AnswerOpener opener);
  AnswerReader(AnswerReader&&) noexcept;
  AnswerReader& operator=(AnswerReader&&) noexcept;
  ~AnswerReader();
  Result<> feed(ByteSpan bytes);
  Result<> end();
  Result<Exchange::Event> next();
  std::optional<envelope::NodeId> node() const;
  uint64_t frames() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::client
