#include "openpcc/http/endpoint.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "openpcc/core/bytes.h"

namespace openpcc::http {
namespace {

constexpr size_t kHostBytesMax = 253;
constexpr size_t kBasePathBytesMax = 1024;

bool is_ipv6(const std::string& host) {
  std::array<uint8_t, 16> address{};
  return inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_path(std::string_view path) {
  return path.size() <= kBasePathBytesMax && std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
}

uint16_t default_port(Endpoint::Kind kind) { return kind == Endpoint::Kind::tls ? 443 : 80; }

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::unexpected<Error> bad(std::string detail) { return fail(Code::malformed, "http.endpoint", std::move(detail)); }

Result<Endpoint> parse_unix(std::string_view path) {
  if (!path.starts_with('/') || path.size() >= sizeof(sockaddr_un::sun_path))
    return bad("a socket's path is absolute and at most 107 bytes");
  if (!std::ranges::all_of(path, [](char c) { return static_cast<uint8_t>(c) >= ' ' && c != 0x7f; })) return bad("control character");
  return Endpoint{Endpoint::Kind::unix_socket, std::string(path), 0, {}};
}

// split_host takes the host off the front of `authority`, which keeps "" or ":port".
Result<std::string> split_host(std::string_view& authority) {
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("unclosed bracket");
    std::string host(authority.substr(1, close - 1));
    authority.remove_prefix(close + 1);
    if (!is_ipv6(host)) return bad("not an IPv6 address");
    return host;
  }
  const size_t colon = std::min(authority.find(':'), authority.size());
  std::string host(authority.substr(0, colon));
  authority.remove_prefix(colon);
  if (!is_host_name(host)) return bad("not a host name or address");
  return host;
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  if (take_prefix(text, "unix:")) return parse_unix(text);
  Endpoint out;
  if (take_prefix(text, "https://")) {
    out.kind = Kind::tls;
  } else if (!take_prefix(text, "http://")) {
    return bad("expected http://, https:// or unix:");
  }
  const size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash);
  std::string_view path = text.substr(slash);
  OPENPCC_LET(out.host, split_host(authority));
  out.port = default_port(out.kind);
  if (!authority.empty()) {
    const std::string_view digits = authority.substr(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (authority.front() != ':' || digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
      return bad("not a port");
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!is_path(path)) return bad("not a path");
  out.base_path = path;
  return out;
}

std::string Endpoint::to_string() const {
  if (kind == Kind::unix_socket) return "unix:" + host;
  const std::string scheme = kind == Kind::tls ? "https://" : "http://";
  return scheme + bracketed(host) + ":" + std::to_string(port) + base_path;
}

std::string Endpoint::authority() const {
  if (kind == Kind::unix_socket) return "localhost";
  return port == default_port(kind) ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const {
  if (kind == Kind::unix_socket || host == "localhost" || host == "::1") return true;
  std::array<uint8_t, 4> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 && address[0] == 127;
}

}  // namespace openpcc::http
