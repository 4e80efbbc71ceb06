#include "openpcc/fetch/local_service.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "openpcc/http/client.h"

namespace openpcc::fetch {
namespace {

// of_link: an address in digits, so that no name decides.
bool of_link(std::string_view host) {
  in_addr address{};
  return host.starts_with("169.254.") && inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
}

Result<http::Endpoint> endpoint_of(std::string_view url) {
  auto endpoint = http::Endpoint::parse(url);
  const bool taken = endpoint && endpoint->kind == http::Endpoint::Kind::tcp && !endpoint->base_path.empty() &&
                     (endpoint->is_loopback() || of_link(endpoint->host));
  if (taken) return endpoint;
  return fail(Code::malformed, "fetch.url", std::string(url) + ": name an http:// URL with a path, on loopback or in 169.254.0.0/16");
}

http::ClientLimits limits_of(const LocalTimes& times) {
  http::ClientLimits out;
  out.connect_timeout = times.connect;
  // The alarm over the whole exchange rings before these.
  out.head_timeout = 2 * times.answer;
  out.idle_timeout = 2 * times.answer;
  return out;
}

}  // namespace

struct LocalService::State {
  http::Endpoint endpoint;
  LocalTimes times;
  http::Loop loop;
  std::unique_ptr<http::Client> client;

  http::Task<Result<Bytes>> exchange_body(http::ClientExchange& exchange, ByteSpan json, size_t answer_bytes_max) {
    const Result<> written = co_await exchange.write(json);
    OPENPCC_CO_TRY(written);
    const Result<> sent = co_await exchange.finish_request();
    OPENPCC_CO_TRY(sent);
    const Result<http::ResponseHead> head = co_await exchange.read_head();
    OPENPCC_CO_TRY(head);
    if (head->status != 200) co_return fail(Code::unavailable, "fetch.answer.status", "status " + std::to_string(head->status));
    Bytes out;
    for (;;) {
      const Result<ByteSpan> piece = co_await exchange.read();
      OPENPCC_CO_TRY(piece);
      if (piece->empty()) co_return out;
      if (piece->size() > answer_bytes_max - out.size()) {
        co_return fail(Code::limit, "fetch.answer.too_large", "more than " + std::to_string(answer_bytes_max) + " bytes");
      }
      out.insert(out.end(), piece->begin(), piece->end());
    }
  }

  http::Task<Result<Bytes>> ask(ByteSpan json, size_t answer_bytes_max) {
    http::RequestHead head{
        "POST", "", "", {{"content-type", "application/json"}, {"accept", "application/json"}, {"user-agent", "openpcc"}}};
    const std::optional<uint64_t> body_bytes = json.size();
    Result<std::unique_ptr<http::ClientExchange>> opened = co_await client->open(endpoint, std::move(head), body_bytes);
    OPENPCC_CO_TRY(opened);
    http::ClientExchange& exchange = **opened;
    http::Alarm alarm(loop.executor(), times.answer, [&exchange] { exchange.abort(); });
    Result<Bytes> out = co_await exchange_body(exchange, json, answer_bytes_max);
    if (!out && alarm.rang()) co_return fail(Code::unavailable, "fetch.timeout", "the answer did not come to its end in time");
    co_return out;
  }

  http::Task<> run(ByteSpan json, size_t answer_bytes_max, std::optional<Result<Bytes>>& out) {
    Result<Bytes> answer = co_await ask(json, answer_bytes_max);
    out.emplace(std::move(answer));
    loop.stop();
  }
};

LocalService::LocalService(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalService::~LocalService() = default;

Result<std::unique_ptr<LocalService>> LocalService::create(std::string_view url, LocalTimes times) {
  auto state = std::make_unique<State>();
  OPENPCC_LET(state->endpoint, endpoint_of(url));
  state->times = times;
  state->client = http::Client::create(state->loop, nullptr, limits_of(times));
  return std::unique_ptr<LocalService>(new LocalService(std::move(state)));
}

Result<Bytes> LocalService::post(ByteSpan json, size_t answer_bytes_max) {
  std::optional<Result<Bytes>> out;
  state_->loop.spawn(state_->run(json, answer_bytes_max, out));
  state_->loop.run();
  OPENPCC_CHECK(out.has_value());
  if (*out) return std::move(*out);
  Error error = std::move(out->error());
  error.detail = state_->endpoint.to_string() + (error.detail.empty() ? "" : ": " + error.detail);
  return std::unexpected(std::move(error));
}

}  // namespace openpcc::fetch
