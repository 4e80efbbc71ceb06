#include "openpcc/client/proxy.h"

#include <boost/json.hpp>

namespace openpcc::client {
namespace {

namespace json = boost::json;
using daemon::Counter;

// Answering is one attempt's answer on its way to the application.
class Answering {
 public:
  Answering(http::ClientExchange& relay, Exchange& exchange, http::ServerExchange& app, bool& begun)
      : relay_(relay), exchange_(exchange), app_(app), begun_(begun) {}

  http::Task<Result<>> run() {
    for (;;) {
      const auto piece = co_await relay_.read();
      if (!piece) co_return fail(Code::closed, "client.answer.truncated");
      OPENPCC_CO_TRY(piece->empty() ? exchange_.end() : exchange_.feed(*piece));
      const auto passed = co_await pass_on();
      OPENPCC_CO_TRY(passed);
      if (*passed) co_return Result<>{};
      if (piece->empty()) co_return fail(Code::closed, "client.answer.truncated");
    }
  }
  bool is_event_stream() const { return event_stream_; }

 private:
  // pass_on gives the application all that has become readable, in one write. True: the answer is complete.
  http::Task<Result<bool>> pass_on() {
    content_.clear();
    for (;;) {
      const auto next = exchange_.next();
      OPENPCC_CO_TRY(next);
      const Exchange::Event& event = *next;
      if (std::holds_alternative<bhttp::NeedMore>(event)) break;
      if (const auto* refused = std::get_if<Exchange::Refused>(&event)) co_return gateway_refusal(refused->status);
      if (const auto* content = std::get_if<bhttp::Content>(&event)) {
        content_.insert(content_.end(), content->bytes.begin(), content->bytes.end());
      } else if (const auto* head = std::get_if<bhttp::ResponseHead>(&event)) {
        const auto responded = co_await begin(*head);
        OPENPCC_CO_TRY(responded);
      } else if (std::holds_alternative<bhttp::End>(event)) {
        const auto flushed = co_await flush();
        OPENPCC_CO_TRY(flushed);
        const auto finished = co_await app_.finish();
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

  http::Task<Result<>> begin(const bhttp::ResponseHead& from) {
    begun_ = true;
    http::ResponseHead head;
    head.status = from.status;
    for (const bhttp::Field& field : from.fields) head.fields.add(field.name, field.value);
    const auto type = head.fields.find("content-type");
    event_stream_ = type && type->starts_with("text/event-stream");
    const auto responded = co_await app_.respond(std::move(head), std::nullopt);
    co_return responded;
  }

  http::Task<Result<>> flush() {
    if (content_.empty()) co_return Result<>{};
    const ByteSpan view = content_;
    const auto written = co_await app_.write(view);
    content_.clear();
    co_return written;
  }

  http::ClientExchange& relay_;
  Exchange& exchange_;
  http::ServerExchange& app_;
  bool& begun_;
  bool event_stream_ = false;
  Bytes content_;
};

// Whether another attempt with other nodes may help: nothing was answered, and nothing is wrong with the request itself.
bool worth_another(const Error& error) {
  return error.code == Code::unavailable || error.code == Code::closed || error.code == Code::verification_failed;
}

uint16_t status_for(const Error& error) {
  if (error.rule == Rule("client.proxy.key")) return 401;
  if (error.rule == Rule("client.proxy.host") || error.rule == Rule("client.proxy.origin")) return 403;
  if (error.rule == Rule("client.unknown_model")) return 404;
  if (error.rule == Rule("http.server.too_large") || error.rule == Rule("envelope.seal.too_large")) return 413;
  if (error.rule.id().starts_with("client.proxy.")) return 400;
  if (error.rule == Rule("client.no_bundle") || error.rule == Rule("directory.draw.too_few")) return 503;
  return 502;
}

}  // namespace

struct Proxy::Request {
  bhttp::RequestHead head;
  SecretBytes content;
  std::string model;
  envelope::Profile profile;
};

Proxy::Proxy(ProxyConfig config, size_t recipients, Session& session, http::Client& client, const Clock& clock, Random& random,
             daemon::Metrics& metrics)
    : config_(std::move(config)),
      attempts_max_(kNodesPerRequestMax / recipients),
      session_(session),
      client_(client),
      clock_(clock),
      random_(random),
      metrics_(metrics) {}

http::Task<> Proxy::handle(http::ServerExchange& exchange) {
  metrics_.add(Counter::requests);
  auto served = co_await serve(exchange);
  if (!served) co_await refuse(exchange, std::move(served.error()));
}

http::Task<Result<>> Proxy::serve(http::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  OPENPCC_CO_TRY(check_door(request, config_.door));
  if (request.target == "/v1/models" && request.method == "GET") {
    const auto served = co_await serve_models(exchange);
    co_return served;
  }
  if (request.target == "/openpcc/verdict" && request.method == "GET") {
    const auto served = co_await serve_verdict(exchange);
    co_return served;
  }
  if (request.method != "POST") co_return fail(Code::rejected, "client.proxy.method");
  const auto served = co_await serve_privately(exchange);
  co_return served;
}

http::Task<> Proxy::refuse(http::ServerExchange& exchange, Error error) {
  metrics_.refused(error);
  http::ResponseHead head;
  head.status = status_for(error);
  head.fields.add("content-type", "application/json");
  head.fields.add("x-should-retry", "false");  // OpenAI's SDKs obey it: the attempts were made here, within four nodes
  const std::string body = error_body(explain(error), error.rule.id());
  const ByteSpan view = as_bytes(body);
  const auto told = co_await exchange.respond_with(std::move(head), view);
  static_cast<void>(told);  // the application may be gone
}

http::Task<Result<>> Proxy::serve_models(http::ServerExchange& exchange) {
  json::array models;
  for (const std::string& name : session_.models()) {
    models.push_back({{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", "openpcc"}});
  }
  const std::string body = json::serialize(json::value{{"object", "list"}, {"data", std::move(models)}});
  http::ResponseHead head;
  head.fields.add("content-type", "application/json");
  const ByteSpan view = as_bytes(body);
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  co_return sent;
}

http::Task<Result<>> Proxy::serve_verdict(http::ServerExchange& exchange) {
  std::string body = "{\"nodes\":[";
  for (const directory::Entry& entry : session_.entries()) {
    if (body.back() != '[') body += ',';
    body += entry.verdict ? entry.verdict->json() : json::serialize(json::value{{"outcome", "reject"}, {"refusal", entry.refusal ? entry.refusal->rule.id() : ""}});
  }
  body += "]}";
  http::ResponseHead head;
  head.fields.add("content-type", "application/json");
  const ByteSpan view = as_bytes(body);
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  co_return sent;
}

http::Task<Result<>> Proxy::serve_privately(http::ServerExchange& exchange) {
  auto body = co_await exchange.read_all(config_.request_bytes_max);
  OPENPCC_CO_TRY(body);
  Request request{inner_request(exchange.request()), SecretBytes::adopt(std::move(*body)), {}, config_.profile};
  OPENPCC_CO_LET(request.model, model_of(request.content.reveal()));
  OPENPCC_CO_LET(request.profile, profile_of(exchange.request(), config_.profile));

  std::set<attest::NodeId> tried;
  std::optional<Error> last;
  for (size_t n = 0; n < attempts_max_; ++n) {
    auto route = session_.route(request.model, tried);
    if (!route) {
      // Too few nodes left for another attempt: the failure of the one before says more.
      co_return std::unexpected(last ? std::move(*last) : std::move(route).error());
    }
    for (const directory::NodePtr& node : route->nodes) tried.insert(node->node_id());
    if (n > 0) metrics_.add(Counter::retries);
    bool begun = false;
    auto answered = co_await attempt(request, std::move(*route), exchange, begun);
    if (answered) {
      metrics_.add(Counter::answers_complete);
      co_return Result<>{};
    }
    if (begun) co_return Result<>{};
    session_.wake();
    last = std::move(answered).error();
    if (!worth_another(*last)) break;
  }
  co_return std::unexpected(std::move(*last));
}

Result<Exchange> Proxy::seal(const Request& request, const Route& route) {
  std::vector<envelope::Recipient> recipients;
  for (const directory::NodePtr& node : route.nodes) {
    // A fresh salt for each request and node: no prefix is shared between requests, and the salt links nothing.
    envelope::Recipient recipient{node->node_id(), &node->key(), {}, std::nullopt};
    random_.fill(recipient.salt.reveal_mutable());
    recipients.push_back(std::move(recipient));
  }
  const SealOptions options{request.profile, clock_.now() + config_.begin_within_s};
  return Exchange::start(route.gateway, request.head, request.content.reveal(), std::move(recipients), options, random_);
}

// attempt sends the request once. `begun`: bytes of an answer reached the application, so this attempt's end is final, told to it here.
http::Task<Result<>> Proxy::attempt(const Request& request, Route route, http::ServerExchange& exchange, bool& begun) {
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

  Answering answering(*relay, sealed, exchange, begun);
  auto answered = co_await answering.run();
  if (answered) co_return Result<>{};
  relay->abort();
  if (!begun) co_return std::unexpected(std::move(answered).error());
  metrics_.refused(answered.error());
  metrics_.add(Counter::answers_aborted);
  if (answering.is_event_stream()) {
    const std::string event = error_event(explain(answered.error()), answered.error().rule.id());
    const ByteSpan view = as_bytes(event);
    const auto told = co_await exchange.write(view);
    static_cast<void>(told);
  }
  exchange.abort();
  co_return std::unexpected(std::move(answered).error());
}

}  // namespace openpcc::client
