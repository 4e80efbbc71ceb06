// The TLS settings that every program with sockets has.
#pragma once

#include <filesystem>
#include <memory>

#include "openpcc/crypto/tls.h"
#include "openpcc/daemon/options.h"

namespace openpcc::daemon {

// Roots are the authorities that https endpoints are judged by; `source` says where they came from, for people. `pem` is empty where the
// machine has none.
struct Roots {
  std::string pem;
  std::string source;
};

struct TlsSettings {
  std::filesystem::path chain_file;
  std::filesystem::path key_file;
  std::filesystem::path ca_file;

  // declare adds tls.chain_file, tls.key_file and tls.ca_file.
  void declare(Options& options);
  // roots reads them: from ca_file; else from SSL_CERT_FILE and SSL_CERT_DIR (folders, separated by ':'), where one is set; else from the
  // system's store. The first that is named counts alone.
  //   daemon.tls.read   a file or folder cannot be read; the detail names the setting or variable
  Result<Roots> roots(const Environment& environment) const;
  // client makes the context for https endpoints that we call, with those roots; null where there are none: calling one then fails.
  //   crypto.tls.certificate   no certificate, or a broken one; the detail names the source
  Result<std::shared_ptr<const crypto::TlsContext>> client(const Environment& environment = current_environment()) const;
  // server makes the context for `listen`; null where it is not https. Errors: daemon.tls.missing (https without chain and key files).
  Result<std::shared_ptr<const crypto::TlsContext>> server(const http::Endpoint& listen) const;
};

}  // namespace openpcc::daemon
