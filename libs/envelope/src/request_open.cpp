#include <algorithm>

#include "access.h"
#include "front.h"
#include "labels.h"

namespace openpcc::envelope {
namespace {

// SecretBuffer grows without leaving what it held behind.
class SecretBuffer {
 public:
  ~SecretBuffer() { wipe(bytes_); }
  SecretBuffer() = default;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;

  // extend makes room for n bytes at the end, to be written by the caller.
  MutableByteSpan extend(size_t n) {
    if (bytes_.capacity() - bytes_.size() < n) grow(bytes_.size() + n);
    bytes_.resize(bytes_.size() + n);
    return MutableByteSpan(bytes_).last(n);
  }
  size_t size() const { return bytes_.size(); }
  SecretBytes take() { return SecretBytes::adopt(std::exchange(bytes_, {})); }

 private:
  void grow(size_t least) {
    Bytes larger;
    larger.reserve(std::max(least, std::min(bytes_.capacity() * 2, kRequestBytesMax)));
    larger.assign(bytes_.begin(), bytes_.end());
    wipe(bytes_);
    bytes_ = std::move(larger);
  }

  Bytes bytes_;
};

// What a good wrap gives to its recipient.
struct Unwrapped {
  hpke::RecipientContext context;
  Secret<32> dek;
  crypto::Sha256Digest body_hash;
  Secret<32> salt;
};

Result<Unwrapped> open_wrap(const Front& front, size_t index, const NodeKey& key) {
  OPENPCC_CHECK(key.key->kem() == kHpkeSuite.kem);
  auto context = hpke::setup_recipient(kHpkeSuite, *key.key, front.enc(index), {kLabelWrap, front.hh, key.node_id});
  if (!context) return fail(Code::verification_failed, "envelope.1.wrap");
  Secret<kWrapPlaintextBytes> plaintext;
  if (!context->open({}, front.sealed(index), plaintext.reveal_mutable())) return fail(Code::verification_failed, "envelope.1.wrap");
  const auto bytes = plaintext.reveal();
  Unwrapped out{.context = std::move(*context),
                .dek = Secret<32>::copy_of(bytes.first<32>()),
                .body_hash = {},
                .salt = Secret<32>::copy_of(bytes.last<32>())};
  std::ranges::copy(bytes.subspan<32, 32>(), out.body_hash.begin());
  return out;
}

// Body decrypts the chunks of an envelope whose wrap was good and keeps the message back.
class Body {
 public:
  Body(const Front& front, size_t index, Unwrapped unwrapped)
      : index_(static_cast<uint8_t>(index)),
        hh_(front.hh),
        th_(front.th),
        enc_(front.enc(index).begin(), front.enc(index).end()),
        context_(std::move(unwrapped.context)),
        expected_body_hash_(unwrapped.body_hash),
        salt_(std::move(unwrapped.salt)),
        cipher_(request_key(unwrapped.dek, th_)),
        request_hash_(th_) {}

  Result<> feed(ByteSpan bytes) {
    reader_.feed(bytes);
    return open_chunks();
  }

  Result<OpenedRequest> finish(Random& random) {
    reader_.end();
    OPENPCC_TRY(open_chunks());
    if (!complete_) return fail(Code::closed, "envelope.1.truncated");
    if (!equals_ct(body_hash_.finish(), expected_body_hash_)) return fail(Code::verification_failed, "envelope.1.body_hash");
    if (padme_bytes(message_.size()) != message_.size()) return fail(Code::malformed, "envelope.1.padding");
    AnswerSealer answer = make_sealer(random);
    return OpenedRequest{message_.take(), std::move(salt_), hh_, th_, std::move(answer)};
  }

 private:
  Result<> open_chunks() {
    for (;;) {
      OPENPCC_LET(const std::optional<ohttp::ChunkReader::Chunk> chunk, reader_.next());
      if (!chunk) return {};
      OPENPCC_TRY(open_chunk(*chunk));
    }
  }

  Result<> open_chunk(const ohttp::ChunkReader::Chunk& chunk) {
    const size_t size = chunk.sealed.size() - crypto::kAeadTagBytes;
    const bool size_good = chunk.last ? size > 0 : size == kChunkPlaintextBytes;
    if (!size_good) return fail(Code::malformed, "envelope.1.chunk", "size");
    if (message_.size() + size > kRequestBytesMax) return fail(Code::limit, "envelope.1.too_large");
    request_hash_.add(chunk.sealed);
    const MutableByteSpan plaintext = message_.extend(size);
    if (!cipher_.open(chunk.sealed, chunk.last, plaintext)) return fail(Code::verification_failed, "envelope.1.open");
    body_hash_.update(plaintext);
    complete_ = chunk.last;
    return {};
  }

  AnswerSealer make_sealer(Random& random) {
    const Secret<32> secret = response_secret(context_, request_hash_.finish());
    AnswerNonce rnonce;
    random.fill(rnonce);
    return Access::sealer(index_, rnonce, answer_key(secret, enc_, rnonce));
  }

  uint8_t index_;
  crypto::Sha256Digest hh_;
  crypto::Sha256Digest th_;
  Bytes enc_;
  hpke::RecipientContext context_;
  crypto::Sha256Digest expected_body_hash_;
  Secret<32> salt_;
  ChunkCipher cipher_;
  RequestHash request_hash_;
  crypto::Sha256 body_hash_ = begin_body_hash();
  ohttp::ChunkReader reader_{kChunkPlaintextBytes + crypto::kAeadTagBytes, "envelope.1.chunk", "envelope.1.truncated"};
  SecretBuffer message_;
  bool complete_ = false;  // the final chunk was good
};

}  // namespace

struct RequestOpener::State {
  State(std::span<const NodeKey> keys_, Random& random_) : keys(keys_.begin(), keys_.end()), random(random_) {}

  Result<> feed(ByteSpan bytes) {
    if (!body) {
      OPENPCC_TRY(read_front(bytes));
    }
    return body ? body->feed(bytes) : Result<>();
  }

  Result<OpenedRequest> finish() {
    if (!body) return fail(Code::malformed, "envelope.1.header", "truncated");
    return body->finish(random);
  }

  // read_front collects header and wraps, and leaves in `bytes` what follows them.
  Result<> read_front(ByteSpan& bytes) {
    const size_t before = front.size();
    const size_t taken = std::min(front_bytes(kRecipientsMax) - before, bytes.size());
    front.insert(front.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
    OPENPCC_LET(const std::optional<Front> parsed, parse_front(front));
    if (!parsed) return {};
    bytes = bytes.subspan(parsed->bytes() - before);
    return begin_body(*parsed);
  }

  Result<> begin_body(const Front& parsed) {
    for (size_t i = 0; i < parsed.node_ids.size(); ++i) {
      const auto key = std::ranges::find(keys, parsed.node_ids[i], &NodeKey::node_id);
      if (key == keys.end()) continue;
      OPENPCC_LET(Unwrapped unwrapped, open_wrap(parsed, i, *key));
      if (!equals_ct(commitment(unwrapped.dek), parsed.commit)) return fail(Code::verification_failed, "envelope.1.commit");
      body = std::make_unique<Body>(parsed, i, std::move(unwrapped));
      return {};
    }
    return fail(Code::rejected, "envelope.1.recipient");
  }

  // after keeps the first error, and nothing that was decrypted before it.
  template <class T>
  Result<T> after(Result<T> result) {
    if (!result) {
      error = result.error();
      body.reset();
    }
    return result;
  }

  std::vector<NodeKey> keys;
  Random& random;
  Bytes front;
  std::unique_ptr<Body> body;
  std::optional<Error> error;
  bool finished = false;
};

RequestOpener::RequestOpener(std::span<const NodeKey> keys, Random& random) : state_(std::make_unique<State>(keys, random)) {}
RequestOpener::RequestOpener(RequestOpener&&) noexcept = default;
RequestOpener& RequestOpener::operator=(RequestOpener&&) noexcept = default;
RequestOpener::~RequestOpener() = default;

Result<> RequestOpener::feed(ByteSpan bytes) {
  if (state_->error) return std::unexpected(*state_->error);
  OPENPCC_CHECK(!state_->finished);
  return state_->after(state_->feed(bytes));
}

Result<OpenedRequest> RequestOpener::finish() {
  if (state_->error) return std::unexpected(*state_->error);
  OPENPCC_CHECK(!std::exchange(state_->finished, true));
  return state_->after(state_->finish());
}

}  // namespace openpcc::envelope
