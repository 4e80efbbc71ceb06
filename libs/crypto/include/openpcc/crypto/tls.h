// TLS 1.3 as a machine over memory: ciphertext in, plaintext out, and the reverse. No sockets, no files, no clock of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "openpcc/core/bytes.h"
#include "openpcc/core/secret.h"

namespace openpcc::crypto {

// TlsClientConfig: `ca_pem` holds the trusted roots in PEM; `alpn` the protocols offered, in order of preference.
struct TlsClientConfig {
  std::string ca_pem;
  std::vector<std::string> alpn;
};

// TlsServerConfig: certificate chain (leaf first) and private key, both PEM.
struct TlsServerConfig {
  std::string chain_pem;
  SecretBytes key_pem;
  std::vector<std::string> alpn;
};

// TlsContext is made once per configuration and shared by its sessions. TLS 1.3 only; groups X25519MLKEM768, then X25519; no resumption.
// Errors: crypto.tls.certificate (unreadable chain, key or roots).
class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> client(const TlsClientConfig& config);
  static Result<std::shared_ptr<const TlsContext>> server(TlsServerConfig config);
  ~TlsContext();

 private:
  friend class TlsSession;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// TlsSession is one connection's machine. Any error is terminal; every later call returns it again. Not thread-safe.
//   crypto.tls.handshake   the peer's certificate, name or messages were refused; the detail says why, and who issued the certificate
//   crypto.tls.record      a record after the handshake was bad
//   crypto.tls.truncated   the transport ended without close_notify
class TlsSession {
 public:
  // `server_name`: what the peer's certificate must be valid for (DNS name or IP address); clients only.
  static TlsSession client(std::shared_ptr<const TlsContext> context, const std::string& server_name);
  static TlsSession server(std::shared_ptr<const TlsContext> context);
  TlsSession(TlsSession&&) noexcept;
  TlsSession& operator=(TlsSession&&) noexcept;
  ~TlsSession();

  // feed hands over bytes from the transport (an empty span: the transport ended) and advances the handshake. After an error there may still
  // be an alert to send.
  Result<> feed(ByteSpan ciphertext);
  // pull moves up to out.size() bytes that must be sent into `out` and returns how many; 0: nothing to send.
  size_t pull(MutableByteSpan out);
  bool wants_to_send() const;

  bool established() const;
  // read takes decrypted bytes; 0 bytes: feed more, or the peer closed cleanly (closed_by_peer()).
  Result<size_t> read(MutableByteSpan out);
  // write encrypts all of `plaintext`; the records wait in pull().
  Result<> write(ByteSpan plaintext);
  // close queues close_notify.
  void close();
  bool closed_by_peer() const;
  // group is the negotiated key agreement's name, e.g. "X25519MLKEM768"; empty before the handshake ends.
  std::string group() const;
  // alpn is the negotiated protocol; empty where there is none.
  std::string alpn() const;

 private:
  struct State;
  explicit TlsSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::crypto
