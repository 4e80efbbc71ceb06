#include "openpcc/client/exchange.h"

namespace openpcc::client {
namespace {

constexpr std::string_view kInnerAuthority = "node.invalid";  // RFC 2606: no name that could be resolved travels inside

bhttp::RequestHead inner_head(bhttp::RequestHead head, const SealOptions& options) {
  head.scheme = "https";
  head.authority = kInnerAuthority;
  head.fields.push_back({std::string(envelope::kProfileField), std::string(envelope::to_string(options.profile))});
  head.fields.push_back({std::string(envelope::kNotAfterField), std::to_string(options.not_after)});
  return head;
}

Bytes outer_message(const GatewayTarget& gateway, ByteSpan outer_body) {
  bhttp::RequestHead head{"POST", "https", gateway.authority, "/v1/envelope", {{"content-type", std::string(envelope::kRequestType)}}};
  Bytes message;
  message.reserve(outer_body.size() + 256);
  bhttp::append_request_head(message, head);
  bhttp::append_content(message, outer_body);
  bhttp::append_end(message);
  return message;
}

Result<ohttp::ClientRequest> start_outer(GatewayTarget& gateway, Random& random) {
  if (!gateway.encapsulation) return ohttp::ClientRequest::start(gateway.key, 0, ohttp::Form::chunked, random);
  return ohttp::ClientRequest::start(gateway.key, 0, ohttp::Form::chunked, std::move(*gateway.encapsulation));
}

// Feed holds the bytes that a decoder reads from, and gathers those that come meanwhile.
class Feed {
 public:
  Bytes& pending() { return pending_; }
  // hand_over gives the decoder what has gathered, once it has used all that it was given before. False: nothing has gathered.
  template <class Decoder>
  bool hand_over(Decoder& decoder) {
    if (pending_.empty()) return false;
    std::swap(current_, pending_);
    pending_.clear();
    decoder.feed(current_);
    return true;
  }

 private:
  Bytes pending_;
  Bytes current_;
};

}  // namespace

Result<SealedEnvelope> seal_envelope(bhttp::RequestHead head, ByteSpan content, std::vector<envelope::Recipient> recipients,
                                     const SealOptions& options, Random& random) {
  SecretBytes message = SecretBytes::adopt(bhttp::encode_request(inner_head(std::move(head), options), content));
  OPENPCC_LET(envelope::SealedRequest sealed, envelope::seal_request(std::move(recipients), message.reveal(), random));
  Bytes body;
  body.reserve(envelope::kAuthorisationBytes + sealed.envelope.size());
  envelope::append_no_authorisation(body);
  body.insert(body.end(), sealed.envelope.begin(), sealed.envelope.end());
  return SealedEnvelope{std::move(body), std::move(sealed.answer)};
}

struct AnswerReader::State {
  envelope::AnswerOpener opener;
  bhttp::Decoder<bhttp::ResponseHead> decoder{};
  Feed feed{};
  bool ended = false;
  bool complete = false;
};

AnswerReader::AnswerReader(envelope::AnswerOpener opener) : state_(std::make_unique<State>(State{.opener = std::move(opener)})) {}
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;
AnswerReader::~AnswerReader() = default;

std::optional<envelope::NodeId> AnswerReader::node() const { return state_->opener.node(); }
uint64_t AnswerReader::frames() const { return state_->opener.frames(); }

Result<> AnswerReader::feed(ByteSpan bytes) { return state_->opener.open(bytes, state_->feed.pending()); }

Result<> AnswerReader::end() {
  OPENPCC_TRY(state_->opener.end(state_->feed.pending()));
  state_->ended = true;
  return {};
}

// The end of the node's message is passed on only when the sealed final frame was good as well: until then it waits in `complete`.
Result<Exchange::Event> AnswerReader::next() {
  State& s = *state_;
  for (;;) {
    if (s.complete) {
      if (s.decoder.unread() > 0 || !s.feed.pending().empty()) return fail(Code::malformed, "client.answer.after_end");
      if (!s.ended) return bhttp::NeedMore{};
      return bhttp::End{};
    }
    OPENPCC_LET(auto event, s.decoder.next());
    if (auto* head = std::get_if<bhttp::ResponseHead>(&event)) return std::move(*head);
    if (auto* content = std::get_if<bhttp::Content>(&event)) return *content;
    if (std::holds_alternative<bhttp::End>(event)) {
      s.complete = true;
    } else if (std::holds_alternative<bhttp::NeedMore>(event) && !s.feed.hand_over(s.decoder)) {
      if (s.ended) return fail(Code::closed, "client.answer.truncated");
      return bhttp::NeedMore{};
    }
  }
}

struct Exchange::State {
  ohttp::ClientRequest outer;
  AnswerReader answer;
  Bytes request;
  bhttp::Decoder<bhttp::ResponseHead> decoder{};
  Feed feed{};
  bool head_seen = false;
  bool refused = false;
  bool outer_complete = false;
  bool ended = false;
};

Exchange::Exchange(std::unique_ptr<State> state) : state_(std::move(state)) {}
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;
Exchange::~Exchange() = default;

Result<Exchange> Exchange::start(GatewayTarget gateway, bhttp::RequestHead head, ByteSpan content,
                                 std::vector<envelope::Recipient> recipients, const SealOptions& options, Random& random) {
  OPENPCC_LET(SealedEnvelope sealed, seal_envelope(std::move(head), content, std::move(recipients), options, random));
  auto outer = start_outer(gateway, random);
  if (!outer) return fail(Code::unsupported, "client.gateway_key", describe(outer.error()));
  Bytes request;
  outer->seal(outer_message(gateway, sealed.outer_body), true, request);
  return Exchange(std::make_unique<State>(
      State{.outer = std::move(*outer), .answer = AnswerReader(std::move(sealed.answer)), .request = std::move(request)}));
}

const Bytes& Exchange::request() const { return state_->request; }
std::optional<envelope::NodeId> Exchange::node() const { return state_->answer.node(); }
uint64_t Exchange::frames() const { return state_->answer.frames(); }

Result<> Exchange::feed(ByteSpan bytes) { return state_->outer.open(bytes, state_->feed.pending()); }

Result<> Exchange::end() {
  OPENPCC_TRY(state_->outer.end(state_->feed.pending()));
  state_->ended = true;
  return {};
}

Result<Exchange::Event> Exchange::next() {
  State& s = *state_;
  for (;;) {
    if (s.head_seen && !s.refused) {
      auto event = s.answer.next();
      if (!event || !std::holds_alternative<bhttp::NeedMore>(*event)) return event;
    }
    if (s.outer_complete) {
      // The outer layer's own final chunk has to be good before anything counts as an end.
      if (!s.ended) return bhttp::NeedMore{};
      if (s.refused) return bhttp::End{};
      OPENPCC_TRY(s.answer.end());
      continue;
    }
    OPENPCC_LET(auto event, s.decoder.next());
    if (auto* head = std::get_if<bhttp::ResponseHead>(&event)) {
      s.head_seen = true;
      s.refused = head->status != 200;
      if (s.refused) return Refused{head->status};
      if (bhttp::find(head->fields, "content-type") != envelope::kAnswerType) return fail(Code::malformed, "client.outer.head");
    } else if (auto* content = std::get_if<bhttp::Content>(&event)) {
      if (s.refused) continue;
      OPENPCC_TRY(s.answer.feed(content->bytes));
    } else if (std::holds_alternative<bhttp::End>(event)) {
      s.outer_complete = true;
    } else if (std::holds_alternative<bhttp::NeedMore>(event) && !s.feed.hand_over(s.decoder)) {
      if (s.ended) return fail(Code::closed, "client.answer.truncated");
      return bhttp::NeedMore{};
    }
  }
}

}  // namespace openpcc::client
