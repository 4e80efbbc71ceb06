#include "openpcc/node/node.h"

#include <algorithm>

#include "answer_stream.h"
#include "engine_call.h"

namespace openpcc::node {
namespace {

using daemon::Counter;
using daemon::Event;
using daemon::Gauge;
using daemon::Histogram;

constexpr http::Milliseconds kTendInterval{5'000};
constexpr http::Milliseconds kPendingInterval{100};

// What an answer may gather until its next frames are due; an engine that is faster is held back.
constexpr size_t kHeldBytesMax = 1 << 20;

// Share is a part of something bounded, held for as long as it lives.
class Share {
 public:
  Share(uint64_t& total, uint64_t part) : total_(total), part_(part) { total_ += part_; }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { total_ -= part_; }

 private:
  uint64_t& total_;
  uint64_t part_;
};

// inner_head keeps of the engine's answer what an application needs; all else would tell engines, versions and hosts apart.
Result<bhttp::ResponseHead> inner_head(const http::ResponseHead& engine) {
  const bool final_status = engine.status >= 200 && engine.status <= 599;
  const bool redirect = engine.status >= 300 && engine.status <= 399;  // there is nowhere else to go
  // Of two types of content, two readers may believe different ones.
  if (!final_status || redirect || engine.fields.count("content-type") > 1) return fail(Code::unavailable, "node.engine.failed");
  const std::optional<std::string_view> coding = engine.fields.find("content-encoding");
  if (coding && coding != "identity") return fail(Code::unavailable, "node.engine.encoded");
  bhttp::ResponseHead head;
  head.status = engine.status;
  for (const std::string_view name : {"content-type", "cache-control", "retry-after"}) {
    if (const auto value = engine.fields.find(name)) head.fields.push_back({std::string(name), std::string(*value)});
  }
  return head;
}

uint16_t status_of(const Error& error) { return error.code == Code::unavailable ? 503 : 400; }

}  // namespace

// Accepted is a request that may be acted on, once.
struct Node::Accepted {
  bhttp::RequestHead head;
  SecretBytes content;
  Secret<32> salt;
  envelope::AnswerSealer sealer;
};

Node::Node(NodeConfig config, Keyring& keyring, const EngineWatch& engine, Surroundings around)
    : config_(std::move(config)), keyring_(keyring), engine_(engine), around_(std::move(around)), tend_soon_(around_.loop.executor()) {}

Now Node::now() const { return {around_.clock.now(), around_.monotonic()}; }

bool Node::ready() const { return engine_.ready() && keyring_.published(now()); }

http::Task<> Node::handle(http::ServerExchange& exchange) {
  const std::string& target = exchange.request().target;
  const std::string& method = exchange.request().method;
  const bool known = target == "/v1/envelope" || target == "/v1/evidence" || target == "/v1/beacon";
  if (target == "/v1/envelope" && method == "POST") {
    co_await count_envelope(exchange);
  } else if (target == "/v1/evidence" && method == "GET") {
    co_await serve_evidence(exchange);
  } else if (target == "/v1/beacon" && method == "PUT") {
    co_await serve_beacon(exchange);
  } else if (known) {
    const Error error = fail(Code::rejected, "node.method").error();
    co_await refuse(exchange, 405, error);
  } else {
    const Error error = fail(Code::rejected, "node.path").error();
    co_await refuse(exchange, 404, error);
  }
}

http::Task<> Node::refuse(http::ServerExchange& exchange, uint16_t status, const Error& error) {
  around_.metrics.refused(error);
  around_.metrics.answered(status);
  around_.log.write(Event::exchange_refused, {daemon::Field::rule(error), daemon::Field::status(status)});
  http::ResponseHead head;
  head.status = status;
  const ByteSpan nothing;
  const auto sent = co_await exchange.respond_with(std::move(head), nothing);
  static_cast<void>(sent);  // the peer may be gone; there is nobody else to tell
}

http::Task<> Node::serve_evidence(http::ServerExchange& exchange) {
  const Bytes document = keyring_.key_list(now());
  http::ResponseHead head;
  head.fields.add("content-type", "application/json");
  const ByteSpan body = document;
  const auto sent = co_await exchange.respond_with(std::move(head), body);
  static_cast<void>(sent);
}

http::Task<> Node::serve_beacon(http::ServerExchange& exchange) {
  const auto note = co_await exchange.read_all(note::kNoteBytesMax);
  Result<> taken = fail(Code::malformed, "node.beacon.body");
  if (note) taken = keyring_.take_beacon(*note, now());
  if (!taken) {
    co_await refuse(exchange, 400, taken.error());
    co_return;
  }
  tend();
  http::ResponseHead head;
  head.status = 204;
  const ByteSpan nothing;
  const auto sent = co_await exchange.respond_with(std::move(head), nothing);
  static_cast<void>(sent);
}

http::Task<> Node::count_envelope(http::ServerExchange& exchange) {
  const Share running(running_, 1);
  around_.metrics.add(Counter::requests);
  around_.metrics.change(Gauge::requests_running, 1);
  co_await serve_envelope(exchange);
  around_.metrics.change(Gauge::requests_running, -1);
}

http::Task<> Node::serve_envelope(http::ServerExchange& exchange) {
  auto accepted = co_await receive(exchange);
  if (!accepted) {
    const uint16_t status = status_of(accepted.error());
    co_await refuse(exchange, status, accepted.error());
    co_return;
  }
  const auto answered = co_await answer(exchange, *accepted);
  if (answered) {
    around_.metrics.add(Counter::answers_complete);
    co_return;
  }
  exchange.abort();
  around_.metrics.add(Counter::answers_aborted);
  around_.metrics.refused(answered.error());
  around_.log.write(Event::exchange_aborted, {daemon::Field::rule(answered.error())});
}

// admit judges what is known before the body comes and returns its size.
Result<uint64_t> Node::admit(const http::ServerExchange& exchange) const {
  const http::RequestHead& head = exchange.request();
  if (head.fields.count("content-type") != 1 || head.fields.find("content-type") != envelope::kRequestType) {
    return fail(Code::rejected, "node.envelope.media_type");
  }
  const std::optional<uint64_t> bytes = exchange.declared_body_bytes();
  if (!bytes) return fail(Code::rejected, "node.envelope.length");
  if (*bytes > config_.envelope_bytes_max) return fail(Code::limit, "node.envelope.too_large");
  const bool full = running_ > config_.requests_max || receiving_bytes_ + *bytes > config_.envelopes_bytes_max;
  if (full) return fail(Code::unavailable, "node.busy");
  OPENPCC_TRY(engine_there());
  return *bytes;
}

// engine_there: an engine that was not looked at yet is asked nothing.
Result<> Node::engine_there() const {
  if (!engine_.ready()) return fail(Code::unavailable, "node.engine.away");
  return {};
}

http::Task<Result<Node::Accepted>> Node::receive(http::ServerExchange& exchange) {
  OPENPCC_CO_LET(const uint64_t bytes, admit(exchange));
  const Share receiving(receiving_bytes_, bytes);
  const http::Alarm alarm(around_.loop.executor(), config_.envelope_time_max, [&exchange] { exchange.abort(); });
  const auto envelope = co_await exchange.read_all(bytes);
  if (!envelope) co_return fail(Code::closed, "node.envelope.body");
  around_.metrics.add(Counter::request_bytes, envelope->size());
  const TimePoint start = around_.monotonic();
  auto accepted = accept(*envelope);
  if (accepted) {
    around_.metrics.add(Counter::envelopes_opened);
    around_.metrics.observe(Histogram::open, around_.monotonic() - start);
  }
  co_return accepted;
}

// accept opens an envelope in one step, without suspending: no key is wiped, and no second copy admitted, in between.
Result<Node::Accepted> Node::accept(ByteSpan envelope) {
  OPENPCC_TRY(engine_there());  // again: the envelope took its time to come
  LiveKey* const key = recipient(envelope);
  std::vector<envelope::NodeKey> keys;  // none: the opener says by which rule the envelope is refused
  if (key != nullptr) keys.push_back({key->node_id, &key->key});
  envelope::RequestOpener opener(keys, around_.random);
  OPENPCC_TRY(opener.feed(envelope));
  OPENPCC_LET(envelope::OpenedRequest opened, opener.finish());

  const auto framing = peek_varint(opened.message.reveal());
  if (!framing || framing->value != static_cast<uint64_t>(bhttp::Framing::known_length))
    return fail(Code::malformed, "node.envelope.framing");
  bhttp::Limits limits;
  limits.content_bytes_max = envelope::kRequestBytesMax;
  OPENPCC_LET(bhttp::Request request, bhttp::decode_request(opened.message.reveal(), limits));
  SecretBytes content = SecretBytes::adopt(std::move(request.content));
  OPENPCC_TRY(check_not_after(request.head.fields, around_.clock.now()));
  OPENPCC_TRY(admit_once(*key, opened.hh));
  return Accepted{std::move(request.head), std::move(content), std::move(opened.salt), std::move(opened.answer)};
}

// recipient is the first of our live keys that the envelope names, which is the one that the opener uses.
LiveKey* Node::recipient(ByteSpan envelope) {
  const auto peek = envelope::peek(envelope);
  if (!peek || !*peek) return nullptr;
  for (const envelope::NodeId& id : (*peek)->node_ids) {
    if (LiveKey* const key = keyring_.find(id, now())) return key;
  }
  return nullptr;
}

Result<> Node::admit_once(LiveKey& key, const crypto::Sha256Digest& hh) {
  OPENPCC_TRY(key.replay.admit(hh));
  if (!key.replay.full()) return {};
  keyring_.request_successor();
  around_.log.write(Event::replay_set_full, {daemon::Field::node(key.node_id), daemon::Field::count(key.replay.entries())});
  return {};
}

Result<Filtered> Node::filter(const Accepted& accepted) const {
  OPENPCC_LET(Filtered filtered, filter_request(accepted.head, accepted.content.reveal(), accepted.salt, config_.models));
  const auto* request = std::get_if<EngineRequest>(&filtered);
  if (request != nullptr && !engine_.kept_apart(request->path)) return fail(Code::unsupported, "node.filter.shared_cache");
  return filtered;
}

http::Task<Result<>> Node::answer(http::ServerExchange& exchange, Accepted& accepted) {
  const TimePoint start = around_.monotonic();
  const auto profile = profile_of(accepted.head.fields);
  AnswerFramer framer(std::move(accepted.sealer), profile.value_or(envelope::Profile::balanced), start, config_.keep_alive);
  AnswerStream stream(exchange, std::move(framer), around_.metrics, around_.monotonic);
  Result<Filtered> filtered = profile ? filter(accepted) : Result<Filtered>(std::unexpected(profile.error()));
  accepted.content = SecretBytes();
  if (filtered && std::holds_alternative<EngineRequest>(*filtered)) {
    EngineRequest& request = std::get<EngineRequest>(*filtered);
    const auto done = co_await answer_from_engine(exchange, stream, request);
    co_return done;
  }
  if (!filtered) around_.metrics.refused(filtered.error());
  const InnerAnswer own = filtered ? models_answer(config_.models) : error_answer(filtered.error(), api::dialect_of(accepted.head.path));
  const auto sent = co_await stream.send_whole(own);
  co_return sent;
}

http::Task<Result<>> Node::answer_from_engine(http::ServerExchange& exchange, AnswerStream& stream, EngineRequest& request) {
  const api::Dialect dialect = api::dialect_of(request.path);
  const auto call = EngineCall::start(around_.loop, around_.client, config_.engine, std::move(request));
  exchange.when_abandoned([call] { call->cancel(); });
  auto done = co_await pump(stream, *call);
  // Where much is under way, a failed write tells of it first.
  const bool left = call->cancelled() || (!done && done.error().rule == Rule("http.server.closed"));
  call->cancel();
  while (!call->stopped()) {
    const http::Milliseconds moment(1'000);
    co_await call->wait(moment);
  }
  if (!done && left) {
    around_.metrics.add(Counter::cancelled);
    around_.log.write(Event::exchange_cancelled);
    co_return fail(Code::closed, "node.answer.abandoned");
  }
  if (!done && call->cause()) around_.metrics.refused(*call->cause());
  if (done || stream.framer().begun()) co_return done;
  around_.metrics.refused(done.error());
  around_.metrics.add(Counter::upstream_failures);
  const InnerAnswer own = error_answer(done.error(), dialect);
  const auto sent = co_await stream.send_whole(own);
  co_return sent;
}

// pump moves the engine's answer into frames until the final one. What had arrived before the engine failed still leaves, unfinished.
http::Task<Result<>> Node::pump(AnswerStream& stream, EngineCall& call) {
  const TimePoint end = stream.start() + config_.answer_time_max;
  for (;;) {
    OPENPCC_CO_TRY(absorb(stream, call));
    const auto sent = co_await stream.send_due();
    OPENPCC_CO_TRY(sent);
    if (stream.framer().finished()) co_return Result<>();
    const bool all_left = stream.framer().pending() == Pending::nothing && !call.has_content();
    if (call.failure() != nullptr && all_left) co_return std::unexpected(*call.failure());
    const TimePoint moment = around_.monotonic();
    if (moment >= end) co_return fail(Code::limit, "node.answer.too_long");
    const http::Milliseconds left = std::min(stream.time_left(moment), std::chrono::ceil<http::Milliseconds>(end - moment));
    // What was held back goes on as soon as there is room: the engine waits, and will not wake us.
    if (call.has_content() && stream.framer().held() < kHeldBytesMax) continue;
    co_await call.wait(left);
  }
}

// absorb takes over what the engine has said since.
Result<> Node::absorb(AnswerStream& stream, EngineCall& call) {
  AnswerFramer& framer = stream.framer();
  if (const auto head = call.take_head()) {
    OPENPCC_LET(const bhttp::ResponseHead inner, inner_head(*head));
    framer.head(inner);
    around_.metrics.observe(Histogram::engine_first_byte, around_.monotonic() - stream.start());
  }
  if (!framer.streaming() || framer.held() >= kHeldBytesMax) return {};
  Bytes content = call.take_content();
  const auto added = stream.add(content, config_.answer_bytes_max);
  wipe(content);
  OPENPCC_TRY(added);
  if (call.complete()) framer.end();
  return {};
}

void Node::tend() {
  const Keyring::Changes changes = keyring_.tend(now());
  for (const Keyring::Changes::Wiped& wiped : changes.wiped) {
    around_.log.write(Event::key_wiped, {daemon::Field::node(wiped.node_id), daemon::Field::count(wiped.envelopes)});
  }
  if (changes.made) {
    const LiveKey& newest = keyring_.keys().back();
    around_.log.write(Event::key_created, {daemon::Field::node(newest.node_id), daemon::Field::until(newest.not_after)});
    around_.metrics.add(Counter::evidence_refreshes);
    around_.metrics.set(Gauge::key_expiry_seconds, newest.not_after);
  }
  const std::string_view failure = changes.failed ? changes.failed->rule.id() : std::string_view();
  if (changes.failed && failure != last_key_failure_) around_.log.write(Event::evidence_failed, {daemon::Field::rule(*changes.failed)});
  if (!changes.pending) last_key_failure_ = failure;
  if (changes.pending) tend_soon_.set();
  uint64_t entries = 0;
  for (const LiveKey& key : keyring_.keys()) entries += key.replay.entries();
  around_.metrics.set(Gauge::replay_entries, static_cast<int64_t>(entries));
}

http::Task<> Node::tend_keys() {
  for (;;) {
    tend();
    const bool soon = co_await tend_soon_.wait(kTendInterval);
    if (soon) co_await http::sleep_for(kPendingInterval);
  }
}

}  // namespace openpcc::node
