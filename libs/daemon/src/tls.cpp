#include "openpcc/daemon/tls.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

namespace openpcc::daemon {
namespace {

namespace fs = std::filesystem;

// Where Debian's, Fedora's, openSUSE's and Alpine's packages keep the system's roots.
constexpr std::string_view kSystemRoots[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                             "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
constexpr size_t kPemBytesMax = 4u << 20;

std::unexpected<Error> unreadable(std::string_view source, const fs::path& path, const std::string& why) {
  return fail(Code::internal, "daemon.tls.read", std::string(source) + " " + path.string() + ": " + why);
}

// read_pem reads a file that `source` (a setting or a variable) names.
Result<std::string> read_pem(std::string_view source, const fs::path& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (failed) return unreadable(source, path, failed.message());
  if (fs::is_directory(status)) return unreadable(source, path, "a folder, where a file is expected");
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in) return unreadable(source, path, "not readable by this user");
  if (text.empty()) return unreadable(source, path, "empty");
  if (text.size() > kPemBytesMax) return unreadable(source, path, "over 4 MiB");
  return text;
}

// read_folder joins the certificates of a folder. Files without any, and those that others may read but we may not, are left out; the names
// that OpenSSL's rehash makes are links to files beside them and count once.
Result<std::string> read_folder(std::string_view source, const fs::path& folder) {
  std::error_code failed;
  std::vector<fs::path> files;
  fs::directory_iterator entries(folder, failed);
  if (failed) return unreadable(source, folder, failed.message());
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_regular_file(failed)) files.push_back(fs::weakly_canonical(entry.path(), failed));
  }
  std::ranges::sort(files);
  const auto repeated = std::ranges::unique(files);
  files.erase(repeated.begin(), repeated.end());
  std::string out;
  for (const fs::path& file : files) {
    const auto text = read_pem(source, file);
    if (text && text->find("CERTIFICATE-----") != std::string::npos) out += *text + "\n";
  }
  if (out.empty()) return unreadable(source, folder, "no certificate in it");
  return out;
}

std::string variable(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

Result<Roots> roots_of_environment(const std::string& file, const std::string& folders) {
  Roots out;
  if (!file.empty()) {
    OPENPCC_LET(out.pem, read_pem("SSL_CERT_FILE", file));
    out.pem += "\n";
    out.source = "SSL_CERT_FILE " + file;
  }
  for (size_t at = 0; at < folders.size();) {
    const size_t colon = std::min(folders.find(':', at), folders.size());
    const std::string folder = folders.substr(at, colon - at);
    at = colon + 1;
    if (folder.empty()) continue;
    OPENPCC_LET(const std::string pem, read_folder("SSL_CERT_DIR", folder));
    out.pem += pem;
    out.source += (out.source.empty() ? "" : ", ") + ("SSL_CERT_DIR " + folder);
  }
  return out;
}

Roots roots_of_system() {
  for (const std::string_view path : kSystemRoots) {
    if (auto pem = read_pem("", path)) return {std::move(*pem), "the system's store " + std::string(path)};
  }
  return {"", "nowhere: this machine has no store of roots (install ca-certificates, or name a file in tls.ca_file)"};
}

}  // namespace

void TlsSettings::declare(Options& options) {
  options.add("tls.chain_file", chain_file, "our certificate and its chain in PEM, for an https listener");
  options.add("tls.key_file", key_file, "its private key in PEM, readable by its owner only");
  options.add("tls.ca_file", ca_file,
              "trusted roots in PEM for https endpoints that we call; empty: SSL_CERT_FILE and SSL_CERT_DIR, else the system's");
}

Result<Roots> TlsSettings::roots(const Environment& environment) const {
  if (!ca_file.empty()) {
    OPENPCC_LET(std::string pem, read_pem("tls.ca_file", ca_file));
    return Roots{std::move(pem), "tls.ca_file " + ca_file.string()};
  }
  const std::string file = variable(environment, "SSL_CERT_FILE");
  const std::string folders = variable(environment, "SSL_CERT_DIR");
  if (!file.empty() || !folders.empty()) return roots_of_environment(file, folders);
  return roots_of_system();
}

Result<std::shared_ptr<const crypto::TlsContext>> TlsSettings::client(const Environment& environment) const {
  OPENPCC_LET(const Roots trusted, roots(environment));
  if (trusted.pem.empty()) return nullptr;
  auto context = crypto::TlsContext::client({.ca_pem = trusted.pem, .alpn = {"http/1.1"}});
  if (!context) return fail(context.error().code, context.error().rule, trusted.source + ": " + context.error().detail);
  return context;
}

Result<std::shared_ptr<const crypto::TlsContext>> TlsSettings::server(const http::Endpoint& listen) const {
  if (listen.kind != http::Endpoint::Kind::tls) return nullptr;
  if (chain_file.empty() || key_file.empty()) {
    return fail(Code::malformed, "daemon.tls.missing", "an https listener needs tls.chain_file and tls.key_file");
  }
  OPENPCC_LET(std::string chain, read_pem("tls.chain_file", chain_file));
  OPENPCC_LET(SecretBytes key, read_secret(key_file));
  return crypto::TlsContext::server({.chain_pem = std::move(chain), .key_pem = std::move(key), .alpn = {"http/1.1"}});
}

}  // namespace openpcc::daemon
