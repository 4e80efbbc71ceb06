#include "admin.h"

namespace openpcc::daemon {
namespace {

http::Task<> answer(http::ServerExchange& exchange, uint16_t status, std::string body) {
  http::ResponseHead head{.status = status,
                          .fields = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}, {"cache-control", "no-store"}}};
  const ByteSpan bytes = as_bytes(body);
  http::Task<Result<>> responding = exchange.respond_with(std::move(head), bytes);
  const Result<> sent = co_await std::move(responding);
  if (!sent) exchange.abort();  // whoever asked has left
}

http::Task<> answer_ready(http::ServerExchange& exchange, bool ready) {
  return answer(exchange, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
}

}  // namespace

Admin::Admin(std::function<bool()> ready, std::function<std::string()> metrics) {
  add("GET", "/livez", [](http::ServerExchange& exchange) { return answer(exchange, 200, "alive\n"); });
  add("GET", "/readyz", [ready](http::ServerExchange& exchange) { return answer_ready(exchange, ready()); });
  add("GET", "/metrics", [metrics](http::ServerExchange& exchange) { return answer(exchange, 200, metrics()); });
}

void Admin::add(std::string_view method, std::string_view path, http::Handler handler) {
  OPENPCC_CHECK(routes_[std::string(path)].emplace(method, std::move(handler)).second);
}

http::Task<> Admin::handle(http::ServerExchange& exchange) const {
  const http::RequestHead& request = exchange.request();
  const auto path = routes_.find(request.target.substr(0, request.target.find('?')));
  if (path == routes_.end()) return answer(exchange, 404, "no such path\n");
  const auto handler = path->second.find(request.method);
  if (handler == path->second.end()) return answer(exchange, 405, "another method, please\n");
  return handler->second(exchange);
}

}  // namespace openpcc::daemon
