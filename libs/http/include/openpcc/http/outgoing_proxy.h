// The HTTP proxy that an organisation puts between its machines and the world: what it is called, and which endpoints are reached through it.
// The rules are those of curl's environment variables. Everything here is pure; the Client makes the connections.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openpcc/core/secret.h"
#include "openpcc/http/endpoint.h"

namespace openpcc::http {

// OutgoingProxy is one such proxy. Its user name and password are secrets: no error, description or log holds them.
class OutgoingProxy {
 public:
  // parse reads "[http://|https://][user[:password]@]host[:port][/]"; user and password may be percent-encoded. Without a scheme it is
  // http; without a port 1080 (https: 443), as curl has it.
  //   http.proxy.url   anything else, socks among it; the detail never repeats the text
  static Result<OutgoingProxy> parse(std::string_view url);

  const Endpoint& endpoint() const { return endpoint_; }
  // authorization is the value of Proxy-Authorization (Basic, RFC 7617); empty where there is no user name.
  ByteSpan authorization() const { return authorization_.reveal(); }
  // set_credentials takes "user:password" as it stands, in place of those in the URL.
  void set_credentials(ByteSpan user_and_password);

 private:
  Endpoint endpoint_;
  SecretBytes authorization_;
};

// NoProxy lists what is reached directly. Its items are separated by commas or blanks:
//   example.org, .example.org, *.example.org   the name and all below it, in any case of letters
//   192.0.2.7, 2001:db8::7, [2001:db8::7]      an address, however it is spelled; it matches endpoints that name an address
//   192.0.2.0/24, 2001:db8::/32                a network
//   *                                          everything
// Names and addresses may end in ":port" (an IPv6 address in brackets), which then must be the endpoint's too.
class NoProxy {
 public:
  // parse refuses what could never match, so that a slip in a configuration is noticed.
  //   http.proxy.no_proxy   with the item in the detail
  static Result<NoProxy> parse(std::string_view text);
  // parse_known leaves such items out: a variable of the environment was written for many programs.
  static NoProxy parse_known(std::string_view text);

  bool covers(const Endpoint& endpoint) const;

 private:
  struct Address {
    std::array<uint8_t, 16> bytes{};
    size_t bits = 0;  // 32 or 128
  };
  struct Item {
    std::string name;  // lower case, no dot in front; empty where `address` counts
    std::optional<Address> address;
    size_t prefix_bits = 0;
    uint16_t port = 0;  // 0: any
    bool everything = false;
  };
  static std::optional<Address> read_address(std::string_view text);
  static std::optional<Item> read_item(std::string_view text);
  static bool matches(const Item& item, const Endpoint& endpoint);

  std::vector<Item> items_;
};

// ProxyRules says which connections go through which proxy; null: none.
struct ProxyRules {
  std::shared_ptr<const OutgoingProxy> for_http;
  std::shared_ptr<const OutgoingProxy> for_https;
  NoProxy direct;
};

// proxy_for returns the proxy on the way to `endpoint`; null where it is reached directly. UNIX sockets and loopback always are.
const OutgoingProxy* proxy_for(const ProxyRules& rules, const Endpoint& endpoint);

}  // namespace openpcc::http
