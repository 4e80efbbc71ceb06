#include "openpcc/gateway/gateway.h"

#include "answer.h"
#include "openpcc/envelope/envelope.h"

namespace openpcc::gateway {
namespace {

using daemon::Counter;

constexpr std::string_view kGatewayTarget = "/.well-known/ohttp-gateway";  // RFC 9540 s4

std::optional<ohttp::Form> form_of(const http::RequestHead& head) {
  const auto type = head.fields.find("content-type");
  if (type == ohttp::kChunkedRequestType) return ohttp::Form::chunked;
  if (type == ohttp::kRequestType) return ohttp::Form::whole;
  return std::nullopt;
}

// The problem type of RFC 9458 s5.2 tells a client to fetch the key configuration again.
constexpr std::string_view kKeyProblem =
    R"({"type":"https://iana.org/assignments/http-problem-types#ohttp-key","title":"key identifier unknown"})";

// Forward is the request to a node that may have to be called off.
class Forward {
 public:
  class Scope {
   public:
    Scope(Forward& forward, http::ClientExchange& node) : forward_(forward) {
      forward_.node_ = &node;
      if (forward_.abandoned_) node.abort();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { forward_.node_ = nullptr; }

   private:
    Forward& forward_;
  };
  void abandon() {
    abandoned_ = true;
    if (node_ != nullptr) node_->abort();
  }
  bool abandoned() const { return abandoned_; }

 private:
  http::ClientExchange* node_ = nullptr;
  bool abandoned_ = false;
};

bool is_key_problem(const Error& error) { return error.rule == Rule("ohttp.4.3.key_id") || error.rule == Rule("ohttp.4.3.suite"); }

}  // namespace

Gateway::Gateway(Config config, std::vector<ohttp::GatewayKey> keys, http::Client& client, Random& random, daemon::Metrics& metrics)
    : config_(std::move(config)),
      keys_(std::move(keys)),
      client_(client),
      random_(random),
      nodes_(config_.nodes.size()),
      metrics_(metrics) {
  std::vector<ohttp::KeyConfig> configs;
  for (const ohttp::GatewayKey& key : keys_) configs.push_back(key.config());
  key_configs_ = ohttp::encode_key_configs(configs);
}

void Gateway::publish(Bytes bundle, Bytes signature) {
  bundle_ = std::move(bundle);
  bundle_signature_ = std::move(signature);
}

http::Task<> Gateway::handle(http::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const bool get = request.method == "GET";
  if (request.target == kGatewayTarget && request.method == "POST") {
    co_await serve(exchange);
  } else if (get && request.target == "/ohttp-keys") {
    co_await serve_file(exchange, ohttp::kKeysType, key_configs_);
  } else if (get && request.target == "/bundle") {
    co_await serve_file(exchange, "application/json", bundle_);
  } else if (get && request.target == "/bundle.sig") {
    co_await serve_file(exchange, "text/plain; charset=utf-8", bundle_signature_);
  } else if (request.target == kGatewayTarget) {
    co_await refuse_plainly(exchange, 405, fail(Code::rejected, "gateway.method").error());
  } else {
    co_await refuse_plainly(exchange, 404, fail(Code::rejected, "gateway.path").error());
  }
}

http::Task<> Gateway::serve_file(http::ServerExchange& exchange, std::string_view media_type, const Bytes& content) {
  http::ResponseHead head;
  head.status = content.empty() ? 404 : 200;
  if (!content.empty()) head.fields.add("content-type", media_type);
  const Bytes copy = content;  // a newer bundle may be published while this one is being sent
  const ByteSpan view = copy;
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  static_cast<void>(sent);
}

http::Task<> Gateway::refuse_plainly(http::ServerExchange& exchange, uint16_t status, Error error) {
  metrics_.refused(error);
  metrics_.answered(status);
  http::ResponseHead head;
  head.status = status;
  ByteSpan body;
  if (is_key_problem(error)) {
    head.fields.add("content-type", "application/problem+json");
    body = as_bytes(kKeyProblem);
  }
  const auto sent = co_await exchange.respond_with(std::move(head), body);
  static_cast<void>(sent);  // the peer may be gone; there is nobody else to tell
}

http::Task<> Gateway::serve(http::ServerExchange& exchange) {
  metrics_.add(Counter::requests);
  const auto form = form_of(exchange.request());
  if (!form) {
    co_await refuse_plainly(exchange, 415, fail(Code::rejected, "gateway.media_type").error());
    co_return;
  }
  ohttp::GatewayExchange outer(keys_, *form, config_.request_bytes_max);
  auto message = co_await read_outer(exchange, outer);
  if (!message) {
    co_await refuse_plainly(exchange, 400, message.error());
    co_return;
  }
  Answer answer(exchange, outer, *form, random_, config_.whole_answer_bytes_max);
  const auto done = co_await answer_request(std::move(*message), *outer.enc_digest(), answer, exchange);
  if (done) {
    metrics_.add(Counter::answers_complete);
    co_return;
  }
  metrics_.refused(done.error());
  if (answer.begun()) {
    metrics_.add(Counter::answers_aborted);
    exchange.abort();
    co_return;
  }
  const uint16_t status = status_of(done.error());
  const auto told = co_await answer.send_error(status);
  static_cast<void>(told);
}

http::Task<Result<Bytes>> Gateway::read_outer(http::ServerExchange& exchange, ohttp::GatewayExchange& outer) {
  Bytes plaintext;
  for (;;) {
    const auto piece = co_await exchange.read();
    OPENPCC_CO_TRY(piece);
    if (piece->empty()) break;
    OPENPCC_CO_TRY(outer.open(*piece, plaintext));
  }
  OPENPCC_CO_TRY(outer.end(plaintext));
  co_return plaintext;
}

http::Task<Result<>> Gateway::answer_request(Bytes message, crypto::Sha256Digest enc_digest, Answer& answer,
                                             http::ServerExchange& exchange) {
  OPENPCC_CO_TRY(replay_.admit(enc_digest));
  OPENPCC_CO_LET(OuterRequest request, parse_outer_request(message, config_.authority));
  message = Bytes();
  if (const auto* bundle = std::get_if<BundleRequest>(&request)) {
    const Bytes content = bundle->signature ? bundle_signature_ : bundle_;
    const auto sent = co_await answer.send_whole(200, content);
    co_return sent;
  }
  Bytes envelope = std::move(std::get<EnvelopeRequest>(request).envelope);
  const auto answered = co_await answer_envelope(std::move(envelope), answer, exchange);
  co_return answered;
}

http::Task<Result<>> Gateway::answer_envelope(Bytes envelope, Answer& answer, http::ServerExchange& exchange) {
  OPENPCC_CO_LET(const std::optional<envelope::Peek> peek, envelope::peek(envelope));
  if (!peek) co_return fail(Code::malformed, "gateway.outer.malformed", "envelope cut");
  const std::vector<NodeTable::Route> routes = nodes_.candidates(peek->node_ids, random_);

  // Whoever waits for the answer may leave at any time: the forward in flight, if there is one, ends with it.
  const auto forward = std::make_shared<Forward>();
  exchange.when_abandoned([forward] { forward->abandon(); });

  Error last = fail(Code::unavailable, "gateway.node.unknown").error();
  for (const NodeTable::Route& route : routes) {
    if (forward->abandoned()) break;
    if (&route != &routes.front()) metrics_.add(Counter::retries);
    const NodeTable::Lease lease(nodes_, route.node);
    auto node = co_await open_node(route.node, envelope.size());
    if (!node) {
      last = std::move(node).error();
      continue;
    }
    const Forward::Scope scope(*forward, **node);
    auto first = co_await ask_node(**node, envelope);
    if (first) {
      envelope = Bytes();  // from here on no other recipient may be asked
      const auto passed = co_await pass_on(**node, *first, answer);
      co_return passed;
    }
    last = std::move(first).error();
    if (last.rule == Rule("gateway.node.refused")) break;  // every recipient would find the same fault
  }
  co_return std::unexpected(std::move(last));
}

http::Task<Result<std::unique_ptr<http::ClientExchange>>> Gateway::open_node(NodeTable::NodeIndex node, size_t envelope_bytes) {
  http::RequestHead head;
  head.method = "POST";
  head.target = "/v1/envelope";
  head.fields.add("content-type", envelope::kRequestType);
  auto opened = co_await client_.open(config_.nodes[node], std::move(head), envelope_bytes);
  if (!opened) co_return fail(Code::unavailable, "gateway.node.failed");
  co_return std::move(*opened);
}

// ask_node sends the envelope and returns the first bytes of the answer; until then another recipient may still be asked.
http::Task<Result<Bytes>> Gateway::ask_node(http::ClientExchange& node, const Bytes& envelope) {
  const ByteSpan view = envelope;
  const auto written = co_await node.write(view);
  const auto finished = co_await node.finish_request();
  const auto head = co_await node.read_head();
  if (!head) co_return fail(Code::unavailable, "gateway.node.failed");
  if (head->status == 503) co_return fail(Code::unavailable, "gateway.node.busy");
  if (head->status != 200 || head->fields.find("content-type") != envelope::kAnswerType)
    co_return fail(Code::rejected, "gateway.node.refused");
  if (!written || !finished) co_return fail(Code::unavailable, "gateway.node.failed");
  const auto first = co_await node.read();
  if (!first || first->empty()) co_return fail(Code::unavailable, "gateway.node.failed");
  co_return Bytes(first->begin(), first->end());
}

http::Task<Result<>> Gateway::pass_on(http::ClientExchange& node, const Bytes& first, Answer& answer) {
  const auto begun = co_await answer.begin(first);
  OPENPCC_CO_TRY(begun);
  for (;;) {
    const auto piece = co_await node.read();
    if (!piece) co_return fail(Code::closed, "gateway.node.cut");
    if (piece->empty()) break;
    const ByteSpan view = *piece;
    const auto sent = co_await answer.send(view);
    OPENPCC_CO_TRY(sent);
  }
  const auto finished = co_await answer.finish();
  co_return finished;
}

}  // namespace openpcc::gateway
