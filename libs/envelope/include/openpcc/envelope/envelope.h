// The envelope: one request sealed to k node keys, and the answer that proves which request its node opened (spec/envelope.md).
//
//   client:  seal_request(recipients, message) -> envelope, th, AnswerOpener
//   node:    RequestOpener feed()... finish() -> message, salt, hh, AnswerSealer
//
// All failures look alike from outside; the rule ids stay inside.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/core/secret.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/hpke/hpke.h"

namespace openpcc::envelope {

using NodeId = std::array<uint8_t, 32>;

inline constexpr std::string_view kRequestType = "application/vnd.openpcc.envelope";
inline constexpr std::string_view kAnswerType = "application/vnd.openpcc.answer";

inline constexpr uint8_t kVersion = 1;
inline constexpr uint16_t kSuite = 1;  // X-Wing, HKDF-SHA256, AES-256-GCM
inline constexpr hpke::Suite kHpkeSuite{hpke::KemId::x_wing, hpke::KdfId::hkdf_sha256, hpke::AeadId::aes_256_gcm};
inline constexpr size_t kRecipientsMax = 4;
inline constexpr size_t kChunkPlaintextBytes = 16320;  // of every non-final request chunk
inline constexpr size_t kFramePlaintextMax = 15872;    // of an answer chunk
inline constexpr size_t kRequestBytesMax = 32u << 20;  // of the padded message
inline constexpr int64_t kNotAfterAheadMax_s = 600;

// Profile chooses the frame size F of an answer; it is asked for by the field kProfileField inside the message, nowhere else.
enum class Profile : uint8_t { low_latency, balanced, strict };
inline constexpr std::string_view kProfileField = "openpcc-profile";
inline constexpr std::string_view kNotAfterField = "openpcc-not-after";  // unix seconds, decimal
constexpr size_t frame_bytes(Profile profile) { return profile == Profile::low_latency ? 256 : profile == Profile::balanced ? 512 : 1024; }
std::optional<Profile> parse_profile(std::string_view name);
std::string_view to_string(Profile profile);

// padme_bytes is the padded size of a message: max(1024, Padmé(n)), at most 12 % more.
size_t padme_bytes(size_t n);

struct Recipient {
  NodeId node_id;
  const hpke::PublicKey* key;  // X-Wing; outlives the call
  Secret<32> salt;             // what this node's engine cache is salted with
  // A precomputed encapsulation to `key`, used once; none: made now.
  std::optional<hpke::Encapsulation> encapsulation;
};

// AnswerOpener turns the bytes of an answer into the bytes of the node's Binary HTTP response. Any error is terminal.
//   envelope.answer.index      not one of our recipients
//   envelope.answer.chunk      a chunk that is empty, oversized or of a size that no profile gives (no multiple of 256)
//   envelope.answer.open       wrong key, tag, order or bytes: not an answer to this request by this node
//   envelope.answer.frame      a length over the frame's, or filler other than zero
//   envelope.answer.truncated  the transport ended before the final chunk was good
class AnswerOpener {
 public:
  AnswerOpener(AnswerOpener&&) noexcept;
  AnswerOpener& operator=(AnswerOpener&&) noexcept;
  ~AnswerOpener();
  // open feeds bytes and appends the response bytes that they complete to `message`. The caller parses them: a byte after the end of
  // the Binary HTTP message, zero or not, is the caller's to refuse.
  Result<> open(ByteSpan bytes, Bytes& message);
  // end says that the transport ended, and appends what the final frame holds. Once only; the answer is whole when it succeeds.
  Result<> end(Bytes& message);
  // node is the recipient that answers; empty before the first byte.
  std::optional<NodeId> node() const;
  // frames is how many were opened: each proves that the node was at work, keep-alives too.
  uint64_t frames() const;

  // reveal_for_export gives what another process needs to open this answer; only before its first byte. restore takes it back.
  //   envelope.answer.state   not what reveal_for_export gave
  SecretBytes reveal_for_export() const;
  static Result<AnswerOpener> restore(ByteSpan exported);

 private:
  friend struct Access;
  struct State;
  explicit AnswerOpener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct SealedRequest {
  Bytes envelope;
  crypto::Sha256Digest th;  // what an authorisation is bound to
  AnswerOpener answer;
};

// seal_request seals one Binary HTTP request of known length (unpadded; padding happens here) to 1..4 distinct recipients, in any order.
//   envelope.seal.recipients   none, more than 4, or one twice
//   envelope.seal.too_large    more than kRequestBytesMax after padding
Result<SealedRequest> seal_request(std::vector<Recipient> recipients, ByteSpan message, Random& random);

// AnswerSealer seals one answer in frames of the profile's size.
class AnswerSealer {
 public:
  AnswerSealer(AnswerSealer&&) noexcept;
  AnswerSealer& operator=(AnswerSealer&&) noexcept;
  ~AnswerSealer();
  // seal appends `message` (bytes of a Binary HTTP response, any number) in as few frames as possible to `out`; the first call puts index
  // and nonce before them. Empty and not `last`: one keep-alive frame. `last`: the final frame, only after the engine ended normally.
  void seal(ByteSpan message, bool last, Profile profile, Bytes& out);
  // finish seals the rest and the final frame, with filler up to the Padmé bucket of all frames of this answer together: what an observer
  // learns of a whole answer's length is the bucket, at most 12 % more. Only after the engine ended normally.
  void finish(ByteSpan message, Profile profile, Bytes& out);

 private:
  friend struct Access;
  struct State;
  explicit AnswerSealer(std::unique_ptr<State> state);
  void append_frames(ByteSpan message, size_t bytes, bool last, Profile profile, Bytes& out);
  std::unique_ptr<State> state_;
};

// OpenedRequest is what a node knows once every byte was checked.
struct OpenedRequest {
  SecretBytes message;  // P: the Binary HTTP request with its padding
  Secret<32> salt;
  crypto::Sha256Digest hh;  // what the replay set holds
  crypto::Sha256Digest th;
  AnswerSealer answer;
};

struct NodeKey {
  NodeId node_id;
  const hpke::PrivateKey* key;  // X-Wing; outlives the opener
};

// RequestOpener decrypts an envelope as it arrives, for the one of our keys that it names. Nothing may be acted on before finish().
//   envelope.1.version, envelope.1.suite (unsupported)
//   envelope.1.header      k outside 1..4, node ids not strictly ascending, or an end inside header or wraps
//   envelope.1.recipient   none of our keys is named
//   envelope.1.wrap        the wrap does not open
//   envelope.1.commit      the wrap's dek is not the one that the header commits to
//   envelope.1.chunk       a chunk that is empty, oversized or not of the one size it may have
//   envelope.1.open        a chunk does not open: wrong key, order, end mark or bytes, a cut or an addition to the final one
//   envelope.1.too_large   more than kRequestBytesMax
//   envelope.1.truncated   ended before a final chunk
//   envelope.1.body_hash   not the message that the wrap was made for
//   envelope.1.padding     the size is not a Padmé bucket
class RequestOpener {
 public:
  // `random` outlives the opener and gives the answer's nonce. Where several of our keys are named, the first in the header's order is used.
  RequestOpener(std::span<const NodeKey> keys, Random& random);
  RequestOpener(RequestOpener&&) noexcept;
  RequestOpener& operator=(RequestOpener&&) noexcept;
  ~RequestOpener();
  // feed takes the next bytes, cut anywhere, and refuses at the first that shows a fault. Any error is terminal.
  Result<> feed(ByteSpan bytes);
  // finish says that the transport ended; once only.
  Result<OpenedRequest> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Peek is what anyone can read of an envelope: the gateway routes by it.
struct Peek {
  std::vector<NodeId> node_ids;
  crypto::Sha256Digest th;
};
// peek reads header and wraps from the front of an envelope; nullopt: more bytes are needed. Errors as RequestOpener's for the header.
Result<std::optional<Peek>> peek(ByteSpan front);

// OuterBody is what the gateway opens (ENVELOPE s3): version | token[354] | pk[32] | proof[64] | envelope.
inline constexpr size_t kAuthorisationBytes = 1 + 354 + 32 + 64;
// append_no_authorisation writes the version and 450 zero bytes, for deployments without tokens.
void append_no_authorisation(Bytes& out);

}  // namespace openpcc::envelope
