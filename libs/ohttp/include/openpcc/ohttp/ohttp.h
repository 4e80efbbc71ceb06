// Oblivious HTTP (RFC 9458) and its chunked form (draft-ietf-ohai-chunked-ohttp-08) as machines over bytes.
//
//   client:  Client::start(config) --> request_header(), seal_request()...   ---->   Gateway::feed() ... plaintext
//            feed_response() ... plaintext          <----                            response_header(), seal_response()...
//
// What is carried (Binary HTTP) is of no concern here. Peers get one opaque error; the rule id stays inside.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/ohttp/chunk.h"
#include "openpcc/ohttp/media_types.h"

namespace openpcc::ohttp {

// Receivers take chunks of this much plaintext; we never send more.
inline constexpr size_t kChunkPlaintextMax = 16384;

struct SymmetricAlgorithms {
  hpke::KdfId kdf;
  hpke::AeadId aead;
  friend bool operator==(const SymmetricAlgorithms&, const SymmetricAlgorithms&) = default;
};

// KeyConfig is RFC 9458 s3.1.
struct KeyConfig {
  uint8_t key_id;
  hpke::KemId kem;
  Bytes public_key;
  std::vector<SymmetricAlgorithms> algorithms;  // at least one, in the server's order

  Bytes encode() const;
  // parse reads exactly one configuration. Pairs of algorithms that we do not speak are left out.
  //   ohttp.3.1.key_config   truncated, trailing bytes, no algorithm that we speak, bad public key
  //   ohttp.3.1.kem          a KEM that we do not speak (unsupported)
  static Result<KeyConfig> parse(ByteSpan bytes);
};

// The list of `application/ohttp-keys`; configurations with an unknown KEM are skipped. At most 64 KiB.
Bytes encode_key_configs(const std::vector<KeyConfig>& configs);
Result<std::vector<KeyConfig>> parse_key_configs(ByteSpan bytes);

enum class Form : uint8_t { whole, chunked };

// ClientRequest is one request's client side. For Form::whole call seal exactly once, with last = true.
class ClientRequest {
 public:
  // start encapsulates to the configuration's key with its algorithms[algorithm].
  static Result<ClientRequest> start(const KeyConfig& config, size_t algorithm, Form form, Random& random);
  ClientRequest(ClientRequest&&) noexcept;
  ClientRequest& operator=(ClientRequest&&) noexcept;
  ~ClientRequest();

  // seal appends the next sealed piece to `out`; the first one is preceded by header and encapsulated key. Plaintext of any size is cut
  // into chunks of at most kChunkPlaintextMax; `last` ends the request.
  void seal(ByteSpan plaintext, bool last, Bytes& out);

  // open feeds bytes of the response and appends the plaintext that they complete to `plaintext`. Any error is terminal.
  //   ohttp.6.response       wrong key, tag or order; ohttp.6.chunk: an empty or oversized chunk
  Result<> open(ByteSpan bytes, Bytes& plaintext);
  // end says that the transport ended: ohttp.6.truncated unless the final chunk was good.
  Result<> end(Bytes& plaintext);

 private:
  struct State;
  explicit ClientRequest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// GatewayKey is a private key under the configuration that announces it.
struct GatewayKey {
  uint8_t key_id;
  hpke::PrivateKey key;
  std::vector<SymmetricAlgorithms> algorithms;
  KeyConfig config() const;
};

// GatewayExchange is one request's gateway side.
class GatewayExchange {
 public:
  // `keys` outlives the exchange.
  GatewayExchange(std::span<const GatewayKey> keys, Form form, size_t request_bytes_max);
  GatewayExchange(GatewayExchange&&) noexcept;
  GatewayExchange& operator=(GatewayExchange&&) noexcept;
  ~GatewayExchange();

  // open feeds bytes of the request and appends the plaintext that they complete to `plaintext`. Any error is terminal.
  //   ohttp.4.3.key_id       no such key            ohttp.4.3.suite   not what the key's configuration announces
  //   ohttp.4.3.enc          bad encapsulated key   ohttp.4.3.open    wrong key, tag or order
  //   ohttp.6.chunk          an empty or oversized chunk    ohttp.4.3.too_large
  Result<> open(ByteSpan bytes, Bytes& plaintext);
  // end: the transport ended; ohttp.6.truncated unless the request is complete.
  Result<> end(Bytes& plaintext);
  // enc_digest identifies the encapsulation for replay protection (SHA-256 of enc); empty before the header was read.
  std::optional<std::array<uint8_t, 32>> enc_digest() const;

  // seal appends the next sealed piece of the response, preceded by the response nonce the first time. Only after end() succeeded.
  void seal(ByteSpan plaintext, bool last, Random& random, Bytes& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::ohttp
