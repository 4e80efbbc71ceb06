#include "openpcc/daemon/tls.h"

#include <fstream>
#include <iterator>

namespace openpcc::daemon {
namespace {

// Where Debian's ca-certificates keeps the system's roots.
constexpr std::string_view kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr size_t kPemBytesMax = 4u << 20;

Result<std::string> read_pem(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty() || text.size() > kPemBytesMax) return fail(Code::internal, "daemon.tls.read", path.string());
  return text;
}

}  // namespace

void TlsSettings::declare(Options& options) {
  options.add("tls.chain_file", chain_file, "our certificate and its chain in PEM, for an https listener");
  options.add("tls.key_file", key_file, "its private key in PEM, readable by its owner only");
  options.add("tls.ca_file", ca_file, "trusted roots in PEM for https endpoints that we call; empty: the system's");
}

Result<std::shared_ptr<const crypto::TlsContext>> TlsSettings::client() const {
  crypto::TlsClientConfig config{.ca_pem = {}, .alpn = {"http/1.1"}};
  if (!ca_file.empty()) {
    OPENPCC_LET(config.ca_pem, read_pem(ca_file));
  } else if (auto system = read_pem(kSystemRoots)) {
    config.ca_pem = std::move(*system);
  } else {
    return nullptr;  // no roots at all: https endpoints cannot be called, and calling one says so
  }
  return crypto::TlsContext::client(config);
}

Result<std::shared_ptr<const crypto::TlsContext>> TlsSettings::server(const http::Endpoint& listen) const {
  if (listen.kind != http::Endpoint::Kind::tls) return nullptr;
  if (chain_file.empty() || key_file.empty()) {
    return fail(Code::malformed, "daemon.tls.missing", "an https listener needs tls.chain_file and tls.key_file");
  }
  OPENPCC_LET(std::string chain, read_pem(chain_file));
  OPENPCC_LET(SecretBytes key, read_secret(key_file));
  return crypto::TlsContext::server({.chain_pem = std::move(chain), .key_pem = std::move(key), .alpn = {"http/1.1"}});
}

}  // namespace openpcc::daemon
