#include "openpcc/crypto/tls.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>

#include "openssl_handles.h"

namespace openpcc::crypto {
namespace {

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Freed<SSL_free>>;

constexpr const char* kGroups = "X25519MLKEM768:X25519";
constexpr const char* kCipherSuites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr size_t kPemBytesMax = 4 * 1024 * 1024;
constexpr size_t kIssuerBytesMax = 200;

std::unexpected<Error> bad_certificate(std::string detail) {
  ERR_clear_error();
  return fail(Code::malformed, "crypto.tls.certificate", std::move(detail));
}

Bio view_of(ByteSpan bytes) {
  Bio bio(BIO_new_mem_buf(bytes.empty() ? "" : static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size())));
  OPENPCC_CHECK(bio != nullptr);
  return bio;
}

// An encrypted key is refused; without this OpenSSL would ask for its password on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// next_certificate returns null after the last one.
Result<Certificate> next_certificate(BIO* pem) {
  if (BIO_pending(pem) == 0) return Certificate{};
  X509* made = X509_new_ex(library(), nullptr);
  OPENPCC_CHECK(made != nullptr);
  if (PEM_read_bio_X509(pem, &made, no_password, nullptr) != nullptr) return Certificate(made);
  X509_free(made);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return bad_certificate("unreadable PEM");
  ERR_clear_error();
  return Certificate{};
}

Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return bad_certificate("too large");
  const Bio bio = view_of(as_bytes(pem));
  std::vector<Certificate> out;
  for (;;) {
    OPENPCC_LET(Certificate next, next_certificate(bio.get()));
    if (next == nullptr) break;
    out.push_back(std::move(next));
  }
  if (out.empty()) return bad_certificate("no certificate in the PEM text");
  return out;
}

Result<Key> read_key(const SecretBytes& pem) {
  if (pem.size() > kPemBytesMax) return bad_certificate("too large");
  const Bio bio = view_of(pem.reveal());
  Key key(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, no_password, nullptr, library(), nullptr));
  if (key == nullptr) return bad_certificate("unreadable private key");
  return key;
}

// protocol_list is the wire form of ALPN names (RFC 7301 s3.1).
Bytes protocol_list(const std::vector<std::string>& names) {
  ByteWriter out;
  for (const std::string& name : names) {
    OPENPCC_CHECK(!name.empty() && name.size() <= 255);
    out.u8(static_cast<uint8_t>(name.size())).text(name);
  }
  return out.take();
}

bool is_address(const std::string& name) {
  std::array<uint8_t, 16> ignored{};
  return inet_pton(AF_INET, name.c_str(), ignored.data()) == 1 || inet_pton(AF_INET6, name.c_str(), ignored.data()) == 1;
}

// issuer_of writes the issuer's name in printable ASCII, escaped (RFC 4514), at most kIssuerBytesMax of it: the peer chose it.
std::string issuer_of(X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  OPENPCC_CHECK(out != nullptr);
  X509_NAME_print_ex(out.get(), X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long n = BIO_get_mem_data(out.get(), &text);
  return n <= 0 ? std::string() : std::string(text, std::min(static_cast<size_t>(n), kIssuerBytesMax));
}

// Every choice is made here, so that no configuration of the system's can change it.
SslContext new_context(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new_ex(library(), nullptr, method));
  OPENPCC_CHECK(context != nullptr);
  SSL_CTX* c = context.get();
  OPENPCC_CHECK(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1);
  OPENPCC_CHECK(SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1);
  std::string groups(kGroups);  // OpenSSL's macro casts const away
  OPENPCC_CHECK(SSL_CTX_set1_groups_list(c, groups.data()) == 1);
  OPENPCC_CHECK(SSL_CTX_set_ciphersuites(c, kCipherSuites) == 1);
  SSL_CTX_set_security_level(c, 2);
  // No resumption: a ticket would link connections of one client, and its key would undo forward secrecy.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  OPENPCC_CHECK(SSL_CTX_set_num_tickets(c, 0) == 1);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<> use_chain(SSL_CTX* context, std::vector<Certificate> chain, Key key) {
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return bad_certificate("the leaf certificate is not fit for TLS");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return bad_certificate("the key does not belong to the leaf certificate");
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return bad_certificate("a certificate of the chain is not fit for TLS");
  }
  return {};
}

}  // namespace

struct TlsContext::State {
  SslContext context;
  Bytes protocols;

  // select_protocol takes the first of our protocols that the client offers (RFC 7301 s3.2).
  static int select_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes, const unsigned char* offered,
                             unsigned int offered_bytes, void* state) {
    const Bytes& ours = static_cast<const State*>(state)->protocols;
    unsigned char* chosen = nullptr;
    const int outcome = SSL_select_next_proto(&chosen, out_bytes, ours.data(), static_cast<unsigned>(ours.size()), offered, offered_bytes);
    *out = chosen;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsClientConfig& config) {
  OPENPCC_LET(const std::vector<Certificate> roots, read_certificates(config.ca_pem));
  auto state = std::make_unique<State>();
  state->context = new_context(TLS_client_method());
  SSL_CTX* context = state->context.get();
  for (const Certificate& root : roots) OPENPCC_CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) == 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  state->protocols = protocol_list(config.alpn);
  if (!state->protocols.empty()) {
    // This call, alone in OpenSSL, returns 0 for success.
    OPENPCC_CHECK(SSL_CTX_set_alpn_protos(context, state->protocols.data(), static_cast<unsigned>(state->protocols.size())) == 0);
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(TlsServerConfig config) {
  OPENPCC_LET(std::vector<Certificate> chain, read_certificates(config.chain_pem));
  OPENPCC_LET(Key key, read_key(config.key_pem));
  auto state = std::make_unique<State>();
  state->context = new_context(TLS_server_method());
  OPENPCC_TRY(use_chain(state->context.get(), std::move(chain), std::move(key)));
  state->protocols = protocol_list(config.alpn);
  if (!state->protocols.empty()) SSL_CTX_set_alpn_select_cb(state->context.get(), State::select_protocol, state.get());
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

struct TlsSession::State {
  explicit State(std::shared_ptr<const TlsContext> c) : context(std::move(c)), ssl(SSL_new(context->state_->context.get())) {
    OPENPCC_CHECK(ssl != nullptr);
    from_peer = BIO_new(BIO_s_mem());
    to_peer = BIO_new(BIO_s_mem());
    OPENPCC_CHECK(from_peer != nullptr && to_peer != nullptr);
    // An empty buffer means "later", not "ended", until feed() says that the transport did.
    BIO_set_mem_eof_return(from_peer, -1);
    SSL_set_bio(ssl.get(), from_peer, to_peer);  // takes both over
  }

  Result<> handshake();
  std::unexpected<Error> failed(std::unexpected<Error> error);
  std::string reason() const;

  // note_refusal is OpenSSL's hook into each step of the verification; it changes nothing of its outcome.
  static int note_refusal(int accepted, X509_STORE_CTX* step);

  std::shared_ptr<const TlsContext> context;
  Ssl ssl;
  std::string refused_issuer;  // of the certificate that was refused
  BIO* from_peer;
  BIO* to_peer;
  std::optional<Error> failure;
  bool established = false;
  bool transport_ended = false;
  bool closed_by_peer = false;
};

std::unexpected<Error> TlsSession::State::failed(std::unexpected<Error> error) {
  ERR_clear_error();
  failure = error.error();
  return error;
}

int TlsSession::State::note_refusal(int accepted, X509_STORE_CTX* step) {
  X509* const certificate = X509_STORE_CTX_get_current_cert(step);
  if (accepted == 1 || certificate == nullptr) return accepted;
  auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(step, SSL_get_ex_data_X509_STORE_CTX_idx()));
  static_cast<State*>(SSL_get_app_data(ssl))->refused_issuer = issuer_of(certificate);
  return accepted;
}

// reason names what was refused: our judgement of the certificate where there is one, else OpenSSL's word for the failure.
std::string TlsSession::State::reason() const {
  const long verdict = SSL_get_verify_result(ssl.get());
  if (verdict != X509_V_OK) {
    const std::string issuer = refused_issuer.empty() ? "" : " (a certificate issued by " + refused_issuer + ")";
    return X509_verify_cert_error_string(verdict) + issuer;
  }
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  return text != nullptr ? text : "unknown";
}

Result<> TlsSession::State::handshake() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl.get());
  if (outcome == 1) {
    established = true;
    return {};
  }
  if (SSL_get_error(ssl.get(), outcome) != SSL_ERROR_WANT_READ)
    return failed(fail(Code::verification_failed, "crypto.tls.handshake", reason()));
  if (transport_ended) return failed(fail(Code::closed, "crypto.tls.truncated", "inside the handshake"));
  return {};
}

TlsSession::TlsSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

TlsSession TlsSession::client(std::shared_ptr<const TlsContext> context, const std::string& server_name) {
  OPENPCC_CHECK(!server_name.empty());
  auto state = std::make_unique<State>(std::move(context));
  SSL* ssl = state->ssl.get();
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, state.get());
  SSL_set_verify(ssl, SSL_VERIFY_PEER, State::note_refusal);
  if (is_address(server_name)) {
    OPENPCC_CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name.c_str()) == 1);
  } else {
    // Names stand in subjectAltName alone (RFC 9525 s6.3), and a wildcard covers a whole label.
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    OPENPCC_CHECK(SSL_set1_host(ssl, server_name.c_str()) == 1);
    OPENPCC_CHECK(SSL_set_tlsext_host_name(ssl, server_name.c_str()) == 1);
  }
  const Result<> begun = state->handshake();
  OPENPCC_CHECK(begun.has_value());  // nothing came from the peer yet
  return TlsSession(std::move(state));
}

TlsSession TlsSession::server(std::shared_ptr<const TlsContext> context) {
  auto state = std::make_unique<State>(std::move(context));
  SSL_set_accept_state(state->ssl.get());
  return TlsSession(std::move(state));
}

Result<> TlsSession::feed(ByteSpan ciphertext) {
  if (state_->failure) return std::unexpected(*state_->failure);
  if (ciphertext.empty()) {
    state_->transport_ended = true;
  } else {
    size_t written = 0;
    OPENPCC_CHECK(BIO_write_ex(state_->from_peer, ciphertext.data(), ciphertext.size(), &written) == 1 && written == ciphertext.size());
  }
  if (state_->established) return {};
  return state_->handshake();
}

size_t TlsSession::pull(MutableByteSpan out) {
  size_t n = 0;
  if (BIO_read_ex(state_->to_peer, out.data(), out.size(), &n) != 1) return 0;
  return n;
}

bool TlsSession::wants_to_send() const { return BIO_ctrl_pending(state_->to_peer) != 0; }
bool TlsSession::established() const { return state_->established; }
bool TlsSession::closed_by_peer() const { return state_->closed_by_peer; }

Result<size_t> TlsSession::read(MutableByteSpan out) {
  if (state_->failure) return std::unexpected(*state_->failure);
  if (!state_->established || state_->closed_by_peer || out.empty()) return size_t{0};
  ERR_clear_error();
  size_t n = 0;
  if (SSL_read_ex(state_->ssl.get(), out.data(), out.size(), &n) == 1) return n;
  switch (SSL_get_error(state_->ssl.get(), 0)) {
    case SSL_ERROR_ZERO_RETURN: state_->closed_by_peer = true; return size_t{0};
    case SSL_ERROR_WANT_READ:
      if (!state_->transport_ended) return size_t{0};
      return state_->failed(fail(Code::closed, "crypto.tls.truncated"));
    default: return state_->failed(fail(Code::verification_failed, "crypto.tls.record", state_->reason()));
  }
}

Result<> TlsSession::write(ByteSpan plaintext) {
  if (state_->failure) return std::unexpected(*state_->failure);
  OPENPCC_CHECK(state_->established);
  if (plaintext.empty()) return {};
  ERR_clear_error();
  size_t written = 0;
  // A memory buffer takes everything: only a session that is already broken can refuse.
  const bool sent = SSL_write_ex(state_->ssl.get(), plaintext.data(), plaintext.size(), &written) == 1 && written == plaintext.size();
  if (!sent) return state_->failed(fail(Code::closed, "crypto.tls.record", state_->reason()));
  return {};
}

void TlsSession::close() {
  if (state_->failure || !state_->established) return;
  ERR_clear_error();
  SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

std::string TlsSession::group() const {
  if (!state_->established) return {};
  const char* name = SSL_get0_group_name(state_->ssl.get());
  return name != nullptr ? name : "";
}

std::string TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int bytes = 0;
  SSL_get0_alpn_selected(state_->ssl.get(), &name, &bytes);
  return std::string(as_text({name, bytes}));
}

}  // namespace openpcc::crypto
