#include "tunnel.h"

#include <boost/asio/this_coro.hpp>

#include "http1.h"

namespace openpcc::http {
namespace {

constexpr int kInterimAnswersMax = 4;

std::unexpected<Error> bad_answer(std::string detail) {
  return fail(Code::unavailable, "http.client.proxy_answer", "the outgoing proxy's answer: " + std::move(detail));
}

// target_of is the authority form of a request target, which always has the port.
std::string target_of(const Endpoint& endpoint) {
  const std::string host = endpoint.host.find(':') == std::string::npos ? endpoint.host : "[" + endpoint.host + "]";
  return host + ":" + std::to_string(endpoint.port);
}

std::string_view meaning(uint16_t status) {
  switch (status) {
    case 407: return ": it wants another user name and password";
    case 403: return ": it does not allow this destination";
    case 502:
    case 503:
    case 504: return ": it could not reach the destination";
    default: return "";
  }
}

Result<> judge(const http1::ResponseStart& answer, size_t bytes_left_over) {
  const uint16_t status = answer.head.status;
  if (status < 200 || status > 299) {
    return fail(Code::rejected, "http.client.proxy",
                "the outgoing proxy answered " + std::to_string(status) + std::string(meaning(status)));
  }
  // RFC 9110 s9.3.6: lengths in a good answer mean nothing; the tunnel begins after the head, and we are the one who speaks first in it.
  if (bytes_left_over != 0) return bad_answer("more than an answer");
  return {};
}

Task<Result<>> send_connect(Stream& stream, const OutgoingProxy& proxy, std::string target, Milliseconds timeout) {
  const std::string head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  const ByteSpan credentials = proxy.authorization();
  const std::array<ByteSpan, 5> pieces{as_bytes(head), as_bytes(credentials.empty() ? "" : "Proxy-Authorization: "), credentials,
                                       as_bytes(credentials.empty() ? "" : "\r\n"), as_bytes("\r\n")};
  const std::span<const ByteSpan> all(pieces);
  const Result<> sent = co_await stream.write(all, timeout);
  if (!sent) co_return bad_answer(describe(sent.error()));
  co_return Result<>{};
}

// read_answer reads to the end of the final head.
Task<Result<>> read_answer(Stream& stream, TunnelLimits limits) {
  Bytes buffer(limits.head_bytes_max);
  size_t held = 0;
  http1::HeadScanner scanner(limits.head_bytes_max);
  for (int interim = 0; interim <= kInterimAnswersMax;) {
    const Result<size_t> head_bytes = scanner.scan(ByteSpan(buffer).first(held));
    if (!head_bytes) co_return bad_answer(describe(head_bytes.error()));
    if (*head_bytes != 0) {
      const Result<http1::ResponseStart> answer = http1::parse_response(ByteSpan(buffer).first(*head_bytes), false);
      if (!answer) co_return bad_answer(describe(answer.error()));
      if (answer->head.status >= 200) co_return judge(*answer, held - *head_bytes);
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*head_bytes));
      buffer.resize(limits.head_bytes_max);
      held -= *head_bytes;
      scanner = http1::HeadScanner(limits.head_bytes_max);
      ++interim;
      continue;
    }
    const MutableByteSpan into = MutableByteSpan(buffer).subspan(held);
    const Result<size_t> n = co_await stream.read_some(into, limits.timeout);
    if (!n) co_return bad_answer(describe(n.error()));
    if (*n == 0) co_return bad_answer("none; it closed the connection");
    held += *n;
  }
  co_return bad_answer("too many interim ones");
}

Task<Result<>> ask(Stream& stream, const OutgoingProxy& proxy, std::string target, TunnelLimits limits) {
  const Result<> sent = co_await send_connect(stream, proxy, std::move(target), limits.timeout);
  if (!sent) co_return sent;
  const Result<> answered = co_await read_answer(stream, limits);
  co_return answered;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> open_tunnel(std::shared_ptr<const OutgoingProxy> proxy, Endpoint target,
                                                  std::shared_ptr<const crypto::TlsContext> tls, TunnelLimits limits) {
  const std::string name = proxy->endpoint().to_string();
  Result<std::unique_ptr<Stream>> stream = co_await connect(proxy->endpoint(), limits.timeout);
  if (!stream) co_return fail(Code::unavailable, "http.client.connect", "the outgoing proxy: " + stream.error().detail);
  if (proxy->endpoint().kind == Endpoint::Kind::tls) {
    std::string host = proxy->endpoint().host;
    stream = co_await tls_client(std::move(*stream), std::move(tls), std::move(host), limits.timeout);
    if (!stream) co_return fail(stream.error().code, "http.client.tls", "the outgoing proxy " + name + ": " + describe(stream.error()));
  }
  // One limit for the whole answer: it could come byte by byte.
  bool late = false;
  Stream* const raw = stream->get();
  const Executor executor = co_await boost::asio::this_coro::executor;
  const Alarm alarm(executor, limits.timeout, [&late, raw] {
    late = true;
    raw->abort();
  });
  std::string destination = target_of(target);
  const Result<> asked = co_await ask(*raw, *proxy, std::move(destination), limits);
  if (late) co_return bad_answer("none in time, from " + name);
  if (!asked) co_return fail(asked.error().code, asked.error().rule, asked.error().detail + ", from " + name);
  co_return std::move(*stream);
}

}  // namespace openpcc::http
