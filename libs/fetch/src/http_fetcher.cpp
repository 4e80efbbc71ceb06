#include "openpcc/fetch/http_fetcher.h"

#include "openpcc/http/client.h"

namespace openpcc::fetch {
namespace {

using collateral::Answer;
using collateral::kAnswerBytesMax;
using collateral::Request;
using collateral::Service;

constexpr size_t kServices = 3;

Result<http::Endpoint> endpoint_of(std::string_view text) {
  auto endpoint = http::Endpoint::parse(text);
  const bool taken =
      endpoint && (endpoint->kind == http::Endpoint::Kind::tls || (endpoint->kind == http::Endpoint::Kind::tcp && endpoint->is_loopback()));
  if (taken) return endpoint;
  return fail(Code::malformed, "fetch.url", std::string(text) + ": name an https:// URL; http:// is taken on loopback alone");
}

http::ClientLimits limits_of(const HttpSettings& settings) {
  http::ClientLimits out;
  out.connect_timeout = settings.connect_timeout;
  // The alarm over the whole exchange rings before these.
  out.head_timeout = 2 * settings.timeout;
  out.idle_timeout = 2 * settings.timeout;
  return out;
}

std::unexpected<Error> too_large() {
  return fail(Code::limit, "collateral.answer.too_large", "more than " + std::to_string(kAnswerBytesMax) + " bytes");
}

}  // namespace

struct HttpFetcher::State {
  http::Endpoint endpoints[kServices];
  HttpSettings settings;
  http::Loop loop;
  std::unique_ptr<http::Client> client;

  const http::Endpoint& endpoint(const Request& request) const { return endpoints[static_cast<size_t>(request.service)]; }

  http::Task<Result<Answer>> read(http::ClientExchange& exchange) {
    const Result<> sent = co_await exchange.finish_request();
    OPENPCC_CO_TRY(sent);
    Result<http::ResponseHead> head = co_await exchange.read_head();
    OPENPCC_CO_TRY(head);
    Answer out;
    out.status = head->status;
    for (const http::Field& field : head->fields.lines()) out.fields.push_back({field.name, field.value});
    for (;;) {
      const Result<ByteSpan> piece = co_await exchange.read();
      OPENPCC_CO_TRY(piece);
      if (piece->empty()) co_return out;
      if (piece->size() > kAnswerBytesMax - out.body.size()) co_return too_large();
      out.body.insert(out.body.end(), piece->begin(), piece->end());
    }
  }

  http::Task<Result<Answer>> ask(const Request& request) {
    const http::Endpoint& to = endpoint(request);
    // No coding but identity: nothing is unpacked here.
    http::RequestHead head{"GET", request.target, "", {{"accept", "*/*"}, {"accept-encoding", "identity"}, {"user-agent", "openpcc"}}};
    const std::optional<uint64_t> no_body = 0;
    Result<std::unique_ptr<http::ClientExchange>> opened = co_await client->open(to, std::move(head), no_body);
    OPENPCC_CO_TRY(opened);
    http::ClientExchange& exchange = **opened;
    http::Alarm alarm(loop.executor(), settings.timeout, [&exchange] { exchange.abort(); });
    Result<Answer> out = co_await read(exchange);
    if (!out && alarm.rang()) co_return fail(Code::unavailable, "fetch.timeout", "the answer did not come to its end in time");
    co_return out;
  }

  http::Task<> run(const Request& request, std::optional<Result<Answer>>& out) {
    Result<Answer> answer = co_await ask(request);
    out.emplace(std::move(answer));
    loop.stop();
  }
};

HttpFetcher::HttpFetcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpFetcher::~HttpFetcher() = default;

Result<std::unique_ptr<HttpFetcher>> HttpFetcher::create(HttpSettings settings) {
  auto state = std::make_unique<State>();
  const auto url_of = [&](Service service) -> std::string_view {
    const std::string& own = service == Service::amd_kds ? settings.amd_url : settings.intel_url;
    return own.empty() ? collateral::default_url(service) : own;
  };
  for (const Service service : {Service::amd_kds, Service::intel_pcs, Service::intel_certificates}) {
    OPENPCC_LET(state->endpoints[static_cast<size_t>(service)], endpoint_of(url_of(service)));
  }
  state->client = http::Client::create(state->loop, settings.tls, limits_of(settings), settings.proxies);
  state->settings = std::move(settings);
  return std::unique_ptr<HttpFetcher>(new HttpFetcher(std::move(state)));
}

Result<Answer> HttpFetcher::fetch(const Request& request) {
  std::optional<Result<Answer>> out;
  state_->loop.spawn(state_->run(request, out));
  state_->loop.run();
  OPENPCC_CHECK(out.has_value());
  if (*out) return std::move(*out);
  Error error = std::move(out->error());
  error.detail = url(request) + (error.detail.empty() ? "" : ": " + error.detail);
  return std::unexpected(std::move(error));
}

std::string HttpFetcher::url(const Request& request) const { return state_->endpoint(request).to_string() + request.target; }

}  // namespace openpcc::fetch
