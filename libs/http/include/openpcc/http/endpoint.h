// Where a server listens or a client connects.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "openpcc/core/result.h"

namespace openpcc::http {

// Endpoint: "http://host:port", "https://host[:port]", or "unix:/path" (HTTP over a UNIX socket). IPv6 hosts in brackets.
// A path after the authority is kept as `base_path` (without a trailing slash; empty otherwise) and put before every target.
struct Endpoint {
  enum class Kind : uint8_t { tcp, tls, unix_socket };
  Kind kind = Kind::tcp;
  std::string host;   // or the socket's path
  uint16_t port = 0;  // 0 when listening: the system chooses
  std::string base_path;

  // parse: http.endpoint for anything else than the forms above.
  static Result<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  // authority is what stands in Host: "host:port", the default port left out; "localhost" for a UNIX socket.
  std::string authority() const;
  bool is_loopback() const;
};

}  // namespace openpcc::http
