// Oblivious HTTP (RFC 9458) and its chunked form (draft-ietf-ohai-chunked-ohttp-08) as machines over bytes.
//
//   client:  ClientRequest::start(config)  seal()...   ---->   gateway:  GatewayExchange  open()... end()
//            open()... end()                           <----             seal()...
//
// What is carried (Binary HTTP) is of no concern here. Peers get one opaque error; the rule id stays inside. Plaintext that open() appended
// is genuine and in order, but the message is complete only when end() succeeded. Nothing here is thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/hpke/hpke.h"
#include "openpcc/ohttp/chunk.h"
#include "openpcc/ohttp/media_types.h"

namespace openpcc::ohttp {

// Receivers must take chunks of this much plaintext; we take and send no larger ones.
inline constexpr size_t kChunkPlaintextMax = 16384;
inline constexpr size_t kResponseBytesMax = size_t{256} << 20;

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
  // parse reads exactly one configuration. Pairs of algorithms that we do not speak, and repeated ones, are left out.
  //   ohttp.3.1.key_config   truncated, trailing bytes, bad public key; no algorithm that we speak (unsupported)
  //   ohttp.3.1.kem          a KEM that we do not speak (unsupported)
  static Result<KeyConfig> parse(ByteSpan bytes);
};

// The list of `application/ohttp-keys`, at most 64 KiB. Configurations that we do not speak are skipped; what is left may be none.
//   ohttp.3.2.key_configs   truncated or too large; and the errors of KeyConfig::parse for a malformed one
Bytes encode_key_configs(const std::vector<KeyConfig>& configs);
Result<std::vector<KeyConfig>> parse_key_configs(ByteSpan bytes);

enum class Form : uint8_t { whole, chunked };

// ClientRequest is one request's client side. For Form::whole call seal exactly once, with last = true.
class ClientRequest {
 public:
  // start encapsulates to the configuration's key with its algorithms[algorithm]. Responses of more than `response_bytes_max` bytes on the
  // wire are refused.
  //   hpke.7.1.public_key   the configuration, not made by parse(), has a bad key
  static Result<ClientRequest> start(const KeyConfig& config, size_t algorithm, Form form, Random& random,
                                     size_t response_bytes_max = kResponseBytesMax);
  // start with an encapsulation to the configuration's key that was made ahead (hpke::encapsulate) and is used for nothing else.
  static ClientRequest start(const KeyConfig& config, size_t algorithm, Form form, hpke::Encapsulation encapsulation,
                             size_t response_bytes_max = kResponseBytesMax);
  ClientRequest(ClientRequest&&) noexcept;
  ClientRequest& operator=(ClientRequest&&) noexcept;
  ~ClientRequest();

  // seal appends the next sealed piece to `out`; the first one is preceded by header and encapsulated key. Plaintext of any size is cut
  // into chunks of at most kChunkPlaintextMax; `last` ends the request. Empty and not `last` writes no chunk. `plaintext` is not in `out`.
  void seal(ByteSpan plaintext, bool last, Bytes& out);

  // open feeds bytes of the response and appends the plaintext that they complete to `plaintext`. Any error is terminal.
  //   ohttp.6.response        wrong key, tag or order
  //   ohttp.6.chunk           an empty or oversized chunk
  //   ohttp.4.4.too_large     more than response_bytes_max
  Result<> open(ByteSpan bytes, Bytes& plaintext);
  // end says that the transport ended; open() is not called after it. It may append the last plaintext.
  //   ohttp.6.truncated       the message or its final chunk is not complete; and the errors of open()
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
  // `keys` outlives the exchange; their ids are distinct. `request_bytes_max` counts bytes on the wire.
  GatewayExchange(std::span<const GatewayKey> keys, Form form, size_t request_bytes_max);
  GatewayExchange(GatewayExchange&&) noexcept;
  GatewayExchange& operator=(GatewayExchange&&) noexcept;
  ~GatewayExchange();

  // open feeds bytes of the request and appends the plaintext that they complete to `plaintext`. Any error is terminal.
  //   ohttp.4.3.key_id        no such key
  //   ohttp.4.3.suite         not what the key's configuration announces
  //   ohttp.4.3.enc           bad encapsulated key
  //   ohttp.4.3.open          wrong key, tag or order
  //   ohttp.6.chunk           an empty or oversized chunk
  //   ohttp.4.3.too_large     more than request_bytes_max
  Result<> open(ByteSpan bytes, Bytes& plaintext);
  // end says that the transport ended; open() is not called after it. It may append the last plaintext.
  //   ohttp.6.truncated       the message or its final chunk is not complete; and the errors of open()
  Result<> end(Bytes& plaintext);
  // enc_digest identifies the encapsulation for replay protection (SHA-256 of enc); nullopt before it was read whole.
  std::optional<std::array<uint8_t, 32>> enc_digest() const;

  // seal appends the next sealed piece of the response, preceded by the response nonce the first time; otherwise as ClientRequest::seal.
  // Only after end() succeeded.
  void seal(ByteSpan plaintext, bool last, Random& random, Bytes& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openpcc::ohttp
