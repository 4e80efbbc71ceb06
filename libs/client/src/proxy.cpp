#include "openpcc/client/proxy.h"

#include <algorithm>
#include <boost/json.hpp>

#include "event_ends.h"

namespace openpcc::client {
namespace {

namespace json = boost::json;
using daemon::Counter;

constexpr std::string_view kShouldRetry = "x-should-retry";  // OpenAI's and Anthropic's SDKs obey it
constexpr std::string_view kOneModel = "/v1/models/";

// An answer that is no stream is passed on once it is whole: cut after its head, it would look to an SDK like a broken connection, which SDKs
// repeat on their own. Of a stream of events an event is passed on once it is whole: nobody can use a part of one, and an error or a comment
// must not end up inside. What is larger than this begins to flow nevertheless.
constexpr size_t kHoldBytesMax = 8u << 20;

constexpr std::string_view kComment = ": keep-alive\n\n";  // clients of event streams ignore it (WHATWG HTML s9.2.6)
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Answering is one attempt's answer on its way to the application.
class Answering {
 public:
  Answering(http::ClientExchange& relay, Exchange& exchange, http::ServerExchange& app, http::Milliseconds keep_alive)
      : relay_(relay), exchange_(exchange), app_(app), keep_alive_(keep_alive) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() { wipe(content_); }

  http::Task<Result<>> run() {
    for (;;) {
      const auto piece = co_await relay_.read();
      if (!piece) co_return fail(Code::closed, "client.answer.truncated");
      OPENPCC_CO_TRY(piece->empty() ? exchange_.end() : exchange_.feed(*piece));
      const auto passed = co_await pass_on();
      OPENPCC_CO_TRY(passed);
      if (*passed) co_return Result<>{};
      const auto kept_alive = co_await break_silence();
      OPENPCC_CO_TRY(kept_alive);
      if (piece->empty()) co_return fail(Code::closed, "client.answer.truncated");
    }
  }
  // begun: the application has seen some of the answer. answered: a node has begun one, so the request was executed.
  bool begun() const { return begun_; }
  bool answered() const { return answered_; }
  // takes_events: what is written now is an event of its own.
  bool takes_events() const { return event_stream_ && between_; }

 private:
  // pass_on gives the application all that has become readable, in one write. True: the answer is complete.
  http::Task<Result<bool>> pass_on() {
    for (;;) {
      auto next = exchange_.next();
      OPENPCC_CO_TRY(next);
      Exchange::Event& event = *next;
      if (std::holds_alternative<bhttp::NeedMore>(event)) break;
      if (const auto* refused = std::get_if<Exchange::Refused>(&event)) co_return gateway_refusal(refused->status);
      if (auto* head = std::get_if<bhttp::ResponseHead>(&event)) take_head(*head);
      if (const auto* content = std::get_if<bhttp::Content>(&event)) {
        take_content(content->bytes);
      } else if (std::holds_alternative<bhttp::End>(event)) {
        const auto finished = co_await finish();
        OPENPCC_CO_TRY(finished);
        co_return true;
      }
    }
    const auto flushed = co_await flush();
    OPENPCC_CO_TRY(flushed);
    co_return false;
  }

  static std::unexpected<Error> gateway_refusal(uint16_t status) {
    const std::string seen = "the gateway answered " + std::to_string(status);
    if (status == 502 || status == 503 || status == 429) return fail(Code::unavailable, "client.gateway.busy", seen);
    return fail(Code::rejected, "client.gateway.refused", seen);
  }

  void take_head(bhttp::ResponseHead& from) {
    answered_ = true;
    head_.status = from.status;
    for (const bhttp::Field& field : from.fields) head_.fields.add(field.name, field.value);
    // What SDKs would repeat on their own would go to further nodes, and be executed again.
    const bool repeated = from.status == 408 || from.status == 409 || from.status == 429 || from.status >= 500;
    if (repeated) head_.fields.add(kShouldRetry, "false");
    const auto type = head_.fields.find("content-type");
    event_stream_ = type && type->starts_with("text/event-stream");
    hold_ = type && type->starts_with("application/json");
  }

  void take_content(ByteSpan bytes) {
    if (event_stream_) {
      const size_t ended = ends_.pass(bytes);
      if (ended != 0) whole_ = content_.size() + ended;
    }
    content_.insert(content_.end(), bytes.begin(), bytes.end());
  }

  // flush passes on what may be passed on by now.
  http::Task<Result<>> flush() {
    if (!answered_ || (hold_ && content_.size() <= kHoldBytesMax)) co_return Result<>{};
    const bool wait = event_stream_ && between_ && content_.size() <= kHoldBytesMax;
    const size_t ready = wait || whole_ != 0 ? whole_ : content_.size();
    const auto written = co_await write(ready);
    co_return written;
  }

  // write passes on the first `n` bytes of the content, and before them the head.
  http::Task<Result<>> write(size_t n) {
    if (!begun_) {
      begun_ = true;
      hold_ = false;
      written_at_ = http::monotonic_now();
      const std::optional<uint64_t> unknown;
      const auto responded = co_await app_.respond(std::move(head_), unknown);
      OPENPCC_CO_TRY(responded);
    }
    if (n == 0) co_return Result<>{};
    between_ = whole_ == n;
    whole_ = 0;
    ByteSpan view = ByteSpan(content_).first(n);
    // A mark at the stream's beginning is none after a comment, and would spoil the event behind it.
    if (std::exchange(commented_first_, false) && as_text(view).starts_with(kByteOrderMark)) view = view.subspan(kByteOrderMark.size());
    written_at_ = http::monotonic_now();
    const auto written = co_await app_.write(view);
    std::ranges::copy(ByteSpan(content_).subspan(n), content_.begin());
    wipe(MutableByteSpan(content_).last(n));
    content_.resize(content_.size() - n);
    content_begun_ = true;
    co_return written;
  }

  // break_silence writes a comment when the node's frames come but have held nothing for a while. A dead path stays silent.
  http::Task<Result<>> break_silence() {
    const bool alive = exchange_.frames() != std::exchange(frames_, exchange_.frames());
    const auto now = http::monotonic_now();
    if (!alive || !begun_ || !takes_events() || now - written_at_ < keep_alive_) co_return Result<>{};
    written_at_ = now;
    commented_first_ = !content_begun_;
    const ByteSpan comment = as_bytes(kComment);
    const auto written = co_await app_.write(comment);
    co_return written;
  }

  http::Task<Result<>> finish() {
    if (hold_) {
      begun_ = true;
      const ByteSpan view = content_;
      const auto sent = co_await app_.respond_with(std::move(head_), view);
      co_return sent;
    }
    const auto flushed = co_await write(content_.size());
    OPENPCC_CO_TRY(flushed);
    const auto finished = co_await app_.finish();
    co_return finished;
  }

  http::ClientExchange& relay_;
  Exchange& exchange_;
  http::ServerExchange& app_;
  http::Milliseconds keep_alive_;
  http::ResponseHead head_;
  Bytes content_;     // not passed on yet
  EventEnds ends_;    // of all content of an event stream
  size_t whole_ = 0;  // how much of content_ is whole events
  uint64_t frames_ = 0;
  std::chrono::steady_clock::time_point written_at_ = http::monotonic_now();
  bool between_ = true;  // what was passed on ends with an event
  bool content_begun_ = false;
  bool commented_first_ = false;
  bool answered_ = false;
  bool begun_ = false;
  bool hold_ = false;
  bool event_stream_ = false;
};

// Whether another attempt with other nodes may help: nothing was answered, and nothing is wrong with the request itself.
bool worth_another(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::closed || error.code == Code::verification_failed;
}

json::object model_entry(const std::string& name) {
  // What OpenAI's and Anthropic's clients read of a model, side by side.
  return {{"id", name},
          {"object", "model"},
          {"created", 0},
          {"owned_by", "openpcc"},
          {"type", "model"},
          {"display_name", name},
          {"created_at", "1970-01-01T00:00:00Z"}};
}

http::Task<Result<>> respond_json(http::ServerExchange& exchange, std::string body) {
  http::ResponseHead head;
  head.fields.add("content-type", "application/json");
  const ByteSpan view = as_bytes(body);
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  co_return sent;
}

}  // namespace

// Progress is how far an attempt came that failed.
struct Proxy::Progress {
  bool begun = false;     // the application saw some of the answer: it was told of the failure, too
  bool answered = false;  // a node executed the request: another attempt would have it executed again
};

struct Proxy::Request {
  bhttp::RequestHead head;
  SecretBytes content;
  std::string model;
  envelope::Profile profile;
  std::optional<CacheScope> scope;
};

Proxy::Proxy(ProxyConfig config, size_t recipients, Session& session, http::Client& client, const Clock& clock, Random& random,
             daemon::Metrics& metrics)
    : config_(std::move(config)),
      recipients_(recipients),
      session_(session),
      client_(client),
      clock_(clock),
      random_(random),
      metrics_(metrics) {
  random_.fill(cache_secret_.reveal_mutable());
}

http::Task<> Proxy::handle(http::ServerExchange& exchange) {
  metrics_.add(Counter::requests);
  auto served = co_await serve(exchange);
  if (!served) co_await refuse(exchange, std::move(served.error()));
}

http::Task<Result<>> Proxy::serve(http::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  OPENPCC_CO_TRY(check_door(request, config_.door));
  const std::string_view path = api::path_of(request.target);
  if (request.method == "GET" && path == "/v1/models") {
    const auto served = co_await serve_models(exchange);
    co_return served;
  }
  if (request.method == "GET" && path.starts_with(kOneModel)) {
    std::string name(path.substr(kOneModel.size()));
    const auto served = co_await serve_model(exchange, std::move(name));
    co_return served;
  }
  if (request.method == "GET" && path == "/openpcc/verdict") {
    const auto served = co_await serve_verdict(exchange);
    co_return served;
  }
  if (request.method != "POST") co_return fail(Code::rejected, "client.proxy.method");
  const auto served = co_await serve_privately(exchange);
  co_return served;
}

http::Task<> Proxy::refuse(http::ServerExchange& exchange, Error error) {
  metrics_.refused(error);
  const Refusal refusal = refusal_of(error);
  http::ResponseHead head;
  head.status = refusal.status;
  head.fields.add("content-type", "application/json");
  head.fields.add(kShouldRetry, "false");  // the attempts were made here, within four nodes
  const std::string body = api::error_body(api::dialect_of(api::path_of(exchange.request().target)), refusal.failure());
  const ByteSpan view = as_bytes(body);
  const auto told = co_await exchange.respond_with(std::move(head), view);
  static_cast<void>(told);  // the application may be gone
}

http::Task<Result<>> Proxy::serve_models(http::ServerExchange& exchange) {
  const std::set<std::string> names = session_.models();
  json::object list{{"object", "list"}, {"data", json::array()}, {"has_more", false}};
  for (const std::string& name : names) list["data"].as_array().push_back(model_entry(name));
  list["first_id"] = names.empty() ? json::value(nullptr) : json::value(*names.begin());
  list["last_id"] = names.empty() ? json::value(nullptr) : json::value(*names.rbegin());
  const auto sent = co_await respond_json(exchange, json::serialize(list));
  co_return sent;
}

http::Task<Result<>> Proxy::serve_model(http::ServerExchange& exchange, std::string name) {
  if (!session_.models().contains(name)) co_return fail(Code::rejected, "client.unknown_model");
  const auto sent = co_await respond_json(exchange, json::serialize(model_entry(name)));
  co_return sent;
}

http::Task<Result<>> Proxy::serve_verdict(http::ServerExchange& exchange) {
  std::string body = "{\"nodes\":[";
  for (const directory::Entry& entry : session_.entries()) {
    if (body.back() != '[') body += ',';
    body += entry.verdict ? entry.verdict->json()
                          : json::serialize(json::value{{"outcome", "reject"}, {"refusal", entry.refusal ? entry.refusal->rule.id() : ""}});
  }
  body += "]}";
  const auto sent = co_await respond_json(exchange, std::move(body));
  co_return sent;
}

http::Task<Result<>> Proxy::serve_privately(http::ServerExchange& exchange) {
  auto body = co_await exchange.read_all(config_.request_bytes_max);
  OPENPCC_CO_TRY(body);
  Request request{inner_request(exchange.request()), SecretBytes::adopt(std::move(*body)), {}, config_.profile, {}};
  const std::string type(exchange.request().fields.find("content-type").value_or(""));
  auto model = model_of(type, request.content.reveal());
  if (!model) co_return std::unexpected(without_model(request.head.path, std::move(model).error()));
  request.model = std::move(*model);
  OPENPCC_CO_LET(request.profile, profile_of(exchange.request(), config_.profile));

  OPENPCC_CO_LET(const Cache cache, cache_of(exchange.request(), config_.cache));
  request.scope = CacheScope::of(cache, cache_secret_, request.model, request.content.reveal(), clock_.now());

  const size_t attempts_max = kNodesPerRequestMax / (request.scope ? 1 : recipients_);
  std::set<attest::NodeId> tried;
  std::optional<Error> last;
  for (size_t n = 0; n < attempts_max; ++n) {
    auto route = session_.route(request.model, tried, request.scope);
    if (!route) {
      // Too few nodes left for another attempt: the failure of the one before says more.
      co_return std::unexpected(last ? std::move(*last) : std::move(route).error());
    }
    for (const directory::NodePtr& node : route->nodes) tried.insert(node->node_id());
    if (n > 0) metrics_.add(Counter::retries);
    Progress progress;
    auto answered = co_await attempt(request, std::move(*route), exchange, progress);
    if (answered) {
      metrics_.add(Counter::answers_complete);
      co_return Result<>{};
    }
    if (progress.begun) co_return Result<>{};
    session_.wake();
    last = std::move(answered).error();
    if (progress.answered || !worth_another(*last)) break;
  }
  co_return std::unexpected(std::move(*last));
}

Result<Exchange> Proxy::seal(const Request& request, Route& route) {
  std::vector<envelope::Recipient> recipients;
  for (const directory::NodePtr& node : route.nodes) {
    envelope::Recipient recipient{node->node_id(), &node->key(), {}, session_.take_encapsulation(node->key())};
    if (request.scope) {
      recipient.salt = request.scope->salt(node->chip_id());
    } else {
      // A fresh salt for each request and node: no prefix is shared between requests, and the salt links nothing.
      random_.fill(recipient.salt.reveal_mutable());
    }
    recipients.push_back(std::move(recipient));
  }
  const SealOptions options{request.profile, clock_.now() + config_.begin_within_s};
  return Exchange::start(std::move(route.gateway), request.head, request.content.reveal(), std::move(recipients), options, random_);
}

// attempt sends the request once. Once bytes of an answer reached the application this attempt's end is final, told to it here.
http::Task<Result<>> Proxy::attempt(const Request& request, Route route, http::ServerExchange& exchange, Progress& progress) {
  OPENPCC_CO_LET(Exchange sealed, seal(request, route));
  http::RequestHead head;
  head.method = "POST";
  head.target = "/ohttp";
  head.fields.add("content-type", ohttp::kChunkedRequestType);
  head.fields.add("incremental", "?1");
  auto opened = co_await client_.open(route.relay, std::move(head), std::nullopt);
  if (!opened) co_return fail(Code::unavailable, "client.relay.connect", describe(opened.error()));
  const std::shared_ptr<http::ClientExchange> relay = std::move(*opened);
  exchange.when_abandoned([this, weak = std::weak_ptr(relay)] {
    metrics_.add(Counter::cancelled);
    if (const auto alive = weak.lock()) alive->abort();
  });

  const ByteSpan sealed_bytes = sealed.request();
  const auto written = co_await relay->write(sealed_bytes);
  const auto finished = co_await relay->finish_request();
  const auto answer = co_await relay->read_head();
  if (!answer || !written || !finished) co_return fail(Code::unavailable, "client.relay.connect", "the relay closed the connection");
  if (answer->status != 200) {
    co_return fail(Code::unavailable, "client.relay.status", "the relay answered " + std::to_string(answer->status));
  }
  if (answer->fields.find("content-type") != ohttp::kChunkedResponseType) co_return fail(Code::rejected, "client.relay.media_type");

  Answering answering(*relay, sealed, exchange, config_.keep_alive);
  auto answered = co_await answering.run();
  if (answered) co_return Result<>{};
  relay->abort();
  progress = {answering.begun(), answering.answered()};
  if (!progress.begun) co_return std::unexpected(std::move(answered).error());
  metrics_.refused(answered.error());
  metrics_.add(Counter::answers_aborted);
  if (answering.takes_events()) {
    const Refusal refusal = refusal_of(answered.error());
    const std::string event = api::error_event(api::dialect_of(request.head.path), refusal.failure());
    const ByteSpan view = as_bytes(event);
    const auto told = co_await exchange.write(view);
    static_cast<void>(told);
  }
  exchange.abort();
  co_return std::unexpected(std::move(answered).error());
}

}  // namespace openpcc::client
