// The TLS settings that every program with sockets has.
#pragma once

#include <filesystem>
#include <memory>

#include "openpcc/crypto/tls.h"
#include "openpcc/daemon/options.h"

namespace openpcc::daemon {

struct TlsSettings {
  std::filesystem::path chain_file;
  std::filesystem::path key_file;
  std::filesystem::path ca_file;

  // declare adds tls.chain_file, tls.key_file and tls.ca_file.
  void declare(Options& options);
  // client makes the context for https endpoints that we call: trusted roots from ca_file, else the system's.
  Result<std::shared_ptr<const crypto::TlsContext>> client() const;
  // server makes the context for `listen`; null where it is not https. Errors: daemon.tls.missing (https without chain and key files).
  Result<std::shared_ptr<const crypto::TlsContext>> server(const http::Endpoint& listen) const;
};

}  // namespace openpcc::daemon
