// Certificates made on the spot, so that tests neither expire nor hold keys. Also used by the tests of libraries above.
#pragma once

#include <string>
#include <vector>

#include "openpcc/crypto/tls.h"

namespace openpcc::crypto::test {

// Authority is a root of its own with a fresh P-256 key.
class Authority {
 public:
  explicit Authority(const std::string& name = "test root");
  ~Authority();
  Authority(Authority&&) noexcept;

  struct Issued {
    std::string chain_pem;
    std::string key_pem;
    TlsServerConfig config(std::vector<std::string> alpn = {}) const;
  };
  // issue certifies `names` ("DNS:localhost,IP:127.0.0.1"), valid from a day ago until `days` from now.
  Issued issue(const std::string& names, int days = 7) const;
  std::string pem() const;
  TlsClientConfig trusted(std::vector<std::string> alpn = {}) const { return {pem(), std::move(alpn)}; }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::crypto::test
