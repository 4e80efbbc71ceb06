#include "openpcc/relay/relay.h"

#include "openpcc/ohttp/media_types.h"

namespace openpcc::relay {
namespace {

using daemon::Counter;

constexpr std::string_view kGatewayTarget = "/.well-known/ohttp-gateway";  // RFC 9540 s4

// Forwarding says how a request of this media type travels on.
struct Forwarding {
  std::string_view media_type;
  bool chunked;
};

std::optional<Forwarding> forwarding_of(const http::RequestHead& head) {
  const auto type = head.fields.find("content-type");
  if (!type || head.fields.count("content-type") != 1) return std::nullopt;
  if (*type == ohttp::kChunkedRequestType) return Forwarding{ohttp::kChunkedRequestType, true};
  if (*type == ohttp::kRequestType) return Forwarding{ohttp::kRequestType, false};
  return std::nullopt;
}

// gateway_request is all that the gateway ever sees of a request's head (RFC 9458 s6.2: nothing that identifies the client).
http::RequestHead gateway_request(const Forwarding& forwarding) {
  http::RequestHead head;
  head.method = "POST";
  head.target = kGatewayTarget;
  head.fields.add("content-type", forwarding.media_type);
  if (forwarding.chunked) head.fields.add("incremental", "?1");
  return head;
}

// client_answer keeps of the gateway's answer its status and media type.
http::ResponseHead client_answer(const http::ResponseHead& from) {
  http::ResponseHead head;
  head.status = from.status;
  const auto type = from.fields.find("content-type");
  if (type) head.fields.add("content-type", *type);
  if (type == ohttp::kChunkedResponseType) {
    head.fields.add("incremental", "?1");
    head.fields.add("x-accel-buffering", "no");  // a proxy in front of us must not gather tokens
  }
  head.fields.add("cache-control", "no-store");
  return head;
}

bool is_copy(std::string_view path) { return path == "/ohttp-keys" || path == "/bundle" || path == "/bundle.sig"; }

}  // namespace

Relay::Relay(Config config, http::Client& client, daemon::Metrics& metrics)
    : config_(std::move(config)), client_(client), metrics_(metrics) {}

http::Task<> Relay::handle(http::ServerExchange& exchange) {
  const http::RequestHead& request = exchange.request();
  std::optional<Error> refusal;
  uint16_t status = 0;
  if (request.target == "/ohttp") {
    if (request.method == "POST") {
      co_await forward(exchange);
      co_return;
    }
    status = 405;
    refusal = fail(Code::rejected, "relay.method").error();
  } else if (is_copy(request.target)) {
    if (request.method == "GET") {
      std::string path = request.target;
      co_await serve_copy(exchange, std::move(path));
      co_return;
    }
    status = 405;
    refusal = fail(Code::rejected, "relay.method").error();
  } else {
    status = 404;
    refusal = fail(Code::rejected, "relay.path").error();
  }
  co_await refuse(exchange, status, std::move(*refusal));
}

http::Task<> Relay::refuse(http::ServerExchange& exchange, uint16_t status, Error error) {
  metrics_.refused(error);
  metrics_.answered(status);
  http::ResponseHead head;
  head.status = status;
  const auto sent = co_await exchange.respond_with(std::move(head), ByteSpan{});
  static_cast<void>(sent);  // the peer may be gone; there is nobody else to tell
}

http::Task<> Relay::forward(http::ServerExchange& exchange) {
  const auto forwarding = forwarding_of(exchange.request());
  if (!forwarding) {
    co_await refuse(exchange, 415, fail(Code::rejected, "relay.media_type").error());
    co_return;
  }
  const auto declared = exchange.declared_body_bytes();
  if (declared && *declared > config_.request_bytes_max) {
    co_await refuse(exchange, 413, fail(Code::limit, "relay.too_large").error());
    co_return;
  }
  http::RequestHead head = gateway_request(*forwarding);
  const std::optional<uint64_t> length = forwarding->chunked ? std::nullopt : declared;
  auto opened = co_await client_.open(config_.gateway, std::move(head), length);
  if (!opened) {
    co_await refuse(exchange, 502, fail(Code::unavailable, "relay.gateway").error());
    co_return;
  }
  http::ClientExchange& gateway = **opened;
  metrics_.add(Counter::requests);
  const auto sent = co_await forward_request(exchange, gateway);
  if (!sent) {
    gateway.abort();
    const bool ours = sent.error().rule == Rule("relay.too_large");
    co_await refuse(exchange, ours ? 413 : 502, sent.error());
    co_return;
  }
  // A client that leaves must not keep a node generating.
  exchange.when_abandoned([this, &gateway] {
    metrics_.add(Counter::cancelled);
    gateway.abort();
  });
  const auto answered = co_await forward_answer(gateway, exchange);
  if (answered) co_return;
  metrics_.add(Counter::answers_aborted);
  gateway.abort();
  exchange.abort();
}

http::Task<Result<>> Relay::forward_request(http::ServerExchange& from, http::ClientExchange& to) {
  uint64_t bytes = 0;
  for (;;) {
    const auto piece = co_await from.read();
    OPENPCC_CO_TRY(piece);
    if (piece->empty()) break;
    bytes += piece->size();
    if (bytes > config_.request_bytes_max) co_return fail(Code::limit, "relay.too_large");
    const ByteSpan view = *piece;
    const auto written = co_await to.write(view);
    if (!written) co_return fail(Code::unavailable, "relay.gateway");
  }
  const auto finished = co_await to.finish_request();
  if (!finished) co_return fail(Code::unavailable, "relay.gateway");
  co_return Result<>{};
}

http::Task<Result<>> Relay::forward_answer(http::ClientExchange& from, http::ServerExchange& to) {
  auto head = co_await from.read_head();
  if (!head) {
    co_await refuse(to, 502, fail(Code::unavailable, "relay.gateway").error());
    co_return Result<>{};
  }
  http::ResponseHead answer = client_answer(*head);
  const auto responded = co_await to.respond(std::move(answer), std::nullopt);
  OPENPCC_CO_TRY(responded);
  for (;;) {
    const auto piece = co_await from.read();
    OPENPCC_CO_TRY(piece);
    if (piece->empty()) break;
    const ByteSpan view = *piece;
    const auto written = co_await to.write(view);
    OPENPCC_CO_TRY(written);
  }
  const auto finished = co_await to.finish();
  OPENPCC_CO_TRY(finished);
  metrics_.add(Counter::answers_complete);
  co_return Result<>{};
}

http::Task<Result<const Relay::Copy*>> Relay::fetch_copy(std::string path) {
  const auto now = http::monotonic_now();
  const auto known = copies_.find(path);
  if (known != copies_.end() && now - known->second.fetched < config_.copy_age_max) co_return &known->second;
  http::RequestHead head;
  head.method = "GET";
  head.target = path;
  auto answer = co_await client_.fetch(config_.gateway, std::move(head), Bytes{}, config_.copy_bytes_max);
  if (!answer || answer->head.status != 200) {
    const auto stale = copies_.find(path);
    if (stale != copies_.end()) co_return &stale->second;
    co_return fail(Code::unavailable, "relay.gateway");
  }
  Copy copy;
  copy.head.status = 200;
  if (const auto type = answer->head.fields.find("content-type")) copy.head.fields.add("content-type", *type);
  copy.body = std::move(answer->body);
  copy.fetched = now;
  co_return &(copies_[path] = std::move(copy));
}

http::Task<> Relay::serve_copy(http::ServerExchange& exchange, std::string path) {
  const auto copy = co_await fetch_copy(std::move(path));
  if (!copy) {
    co_await refuse(exchange, 502, copy.error());
    co_return;
  }
  // Copied: another exchange may replace the cached copy while this one is being sent.
  http::ResponseHead head = (*copy)->head;
  const Bytes body = (*copy)->body;
  const ByteSpan view = body;
  const auto sent = co_await exchange.respond_with(std::move(head), view);
  static_cast<void>(sent);
}

}  // namespace openpcc::relay
