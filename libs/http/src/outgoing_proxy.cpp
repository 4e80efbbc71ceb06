#include "openpcc/http/outgoing_proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace openpcc::http {
namespace {

constexpr uint16_t kDefaultPort = 1080;
constexpr size_t kCredentialBytesMax = 1024;
constexpr std::string_view kBasic = "Basic ";

std::unexpected<Error> bad_url(std::string detail) { return fail(Code::malformed, "http.proxy.url", std::move(detail)); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// decode_userinfo takes the percent-encoding away (RFC 3986 s2.1).
Result<SecretBytes> decode_userinfo(std::string_view text) {
  if (text.size() > kCredentialBytesMax) return bad_url("user name and password are too long");
  SecretBytes decoded(text.size());
  const MutableByteSpan out = decoded.reveal_mutable();
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    int octet = static_cast<uint8_t>(text[i]);
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
      if (low < 0) return bad_url("a % in user name or password that begins no octet; write %25");
      octet = high * 16 + low;
      i += 2;
    }
    if (octet < 0x20 || octet == 0x7f) return bad_url("a control character in user name or password");
    out[n++] = static_cast<uint8_t>(octet);
  }
  return SecretBytes::copy_of(decoded.reveal().first(n));
}

bool has_port(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  return colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
}

}  // namespace

Result<OutgoingProxy> OutgoingProxy::parse(std::string_view url) {
  std::string scheme = "http";
  if (const size_t end = url.find("://"); end != std::string_view::npos) {
    scheme = lower_case(url.substr(0, end));
    url.remove_prefix(end + 3);
  }
  if (scheme.starts_with("socks")) return bad_url("a SOCKS proxy; only http:// and https:// proxies are spoken to");
  if (scheme != "http" && scheme != "https") return bad_url("expected http://[user:password@]host:port");
  if (url.ends_with('/')) url.remove_suffix(1);

  OutgoingProxy out;
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
    OPENPCC_LET(const SecretBytes user, decode_userinfo(url.substr(0, at)));
    url.remove_prefix(at + 1);
    out.set_credentials(user.reveal());
  }
  const auto endpoint = Endpoint::parse(scheme + "://" + std::string(url));
  if (!endpoint || !endpoint->base_path.empty() || endpoint->port == 0) return bad_url("expected http://[user:password@]host:port");
  out.endpoint_ = *endpoint;
  if (!has_port(url) && out.endpoint_.kind == Endpoint::Kind::tcp) out.endpoint_.port = kDefaultPort;
  return out;
}

void OutgoingProxy::set_credentials(ByteSpan user_and_password) {
  // A user name alone has an empty password.
  const bool colon = std::ranges::find(user_and_password, uint8_t{':'}) != user_and_password.end();
  const SecretBytes plain = SecretBytes::adopt(concat({user_and_password, as_bytes(colon ? "" : ":")}));
  std::string encoded = to_base64(plain.reveal());
  authorization_ = SecretBytes::adopt(concat({as_bytes(kBasic), as_bytes(encoded)}));
  wipe({reinterpret_cast<uint8_t*>(encoded.data()), encoded.size()});
}

// ---- what is reached directly

std::optional<NoProxy::Address> NoProxy::read_address(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string host(text);
  Address out;
  if (inet_pton(AF_INET, host.c_str(), out.bytes.data()) == 1) {
    out.bits = 32;
    return out;
  }
  if (inet_pton(AF_INET6, host.c_str(), out.bytes.data()) != 1) return std::nullopt;
  out.bits = 128;
  return out;
}

namespace {

// read_number reads digits and nothing else, up to `max`.
std::optional<unsigned> read_number(std::string_view text, unsigned max) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || out > max) return std::nullopt;
  return out;
}

// take_port cuts ":port" off the end, where it is not part of an IPv6 address; nullopt: not a port.
std::optional<uint16_t> take_port(std::string_view& text) {
  const size_t colon = text.rfind(':');
  const bool one_colon = text.find(':') == colon;
  if (!has_port(text) || !(one_colon || text[colon - 1] == ']')) return uint16_t{0};
  const auto port = read_number(text.substr(colon + 1), 65535);
  if (!port || *port == 0) return std::nullopt;
  text = text.substr(0, colon);
  return static_cast<uint16_t>(*port);
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '-' || l == '.' || l == '_';
  });
}

bool same_bits(ByteSpan a, ByteSpan b, size_t bits) {
  const size_t whole = bits / 8;
  if (!equal(a.first(whole), b.first(whole))) return false;
  const size_t rest = bits % 8;
  return rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest));
}

template <class Use>
void for_each_item(std::string_view text, const Use& use) {
  constexpr std::string_view kSeparators = ", \t\n";
  for (;;) {
    const size_t begin = text.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) return;
    const size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    use(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

}  // namespace

std::optional<NoProxy::Item> NoProxy::read_item(std::string_view text) {
  Item out;
  if (text == "*") {
    out.everything = true;
    return out;
  }
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    out.address = read_address(text.substr(0, slash));
    const auto bits = out.address ? read_number(text.substr(slash + 1), static_cast<unsigned>(out.address->bits)) : std::nullopt;
    if (!bits) return std::nullopt;
    out.prefix_bits = *bits;
    return out;
  }
  const auto port = take_port(text);
  if (!port) return std::nullopt;
  out.port = *port;
  out.address = read_address(text);
  if (out.address) {
    out.prefix_bits = out.address->bits;
    return out;
  }
  if (text.starts_with("*.")) text.remove_prefix(1);
  if (text.starts_with('.')) text.remove_prefix(1);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (!is_name(text)) return std::nullopt;
  out.name = lower_case(text);
  return out;
}

bool NoProxy::matches(const Item& item, const Endpoint& endpoint) {
  if (item.everything) return true;
  if (item.port != 0 && item.port != endpoint.port) return false;
  const auto address = read_address(endpoint.host);
  if (item.address) {
    return address && address->bits == item.address->bits && same_bits(address->bytes, item.address->bytes, item.prefix_bits);
  }
  std::string host = lower_case(endpoint.host);
  if (host.ends_with('.')) host.pop_back();
  return !address && (host == item.name || host.ends_with("." + item.name));
}

Result<NoProxy> NoProxy::parse(std::string_view text) {
  NoProxy out;
  std::optional<Error> failure;
  for_each_item(text, [&](std::string_view word) {
    if (auto item = read_item(word)) {
      out.items_.push_back(std::move(*item));
    } else if (!failure) {
      failure = fail(Code::malformed, "http.proxy.no_proxy", "\"" + std::string(word) + "\" is no name, address or network").error();
    }
  });
  if (failure) return std::unexpected(std::move(*failure));
  return out;
}

NoProxy NoProxy::parse_known(std::string_view text) {
  NoProxy out;
  for_each_item(text, [&](std::string_view word) {
    if (auto item = read_item(word)) out.items_.push_back(std::move(*item));
  });
  return out;
}

bool NoProxy::covers(const Endpoint& endpoint) const {
  return std::ranges::any_of(items_, [&](const Item& item) { return matches(item, endpoint); });
}

const OutgoingProxy* proxy_for(const ProxyRules& rules, const Endpoint& endpoint) {
  if (endpoint.is_loopback() || rules.direct.covers(endpoint)) return nullptr;
  return endpoint.kind == Endpoint::Kind::tls ? rules.for_https.get() : rules.for_http.get();
}

}  // namespace openpcc::http
