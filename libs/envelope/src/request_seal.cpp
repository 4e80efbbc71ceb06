#include <algorithm>

#include "access.h"
#include "front.h"
#include "labels.h"

namespace openpcc::envelope {
namespace {

Result<> sort_and_check(std::vector<Recipient>& recipients) {
  std::ranges::sort(recipients, {}, &Recipient::node_id);
  const bool distinct = std::ranges::adjacent_find(recipients, {}, &Recipient::node_id) == recipients.end();
  if (recipients.empty() || recipients.size() > kRecipientsMax || !distinct) return fail(Code::rejected, "envelope.seal.recipients");
  return {};
}

// P: the message and zeros up to its bucket.
SecretBytes pad(ByteSpan message) {
  SecretBytes padded(padme_bytes(message.size()));
  std::ranges::copy(message, padded.reveal_mutable().begin());
  return padded;
}

Bytes make_header(const crypto::Sha256Digest& commit, std::span<const Recipient> recipients) {
  ByteWriter header(header_bytes(recipients.size()));
  header.u8(kVersion).u16(kSuite).u8(static_cast<uint8_t>(recipients.size())).bytes(commit);
  for (const Recipient& recipient : recipients) header.bytes(recipient.node_id);
  return header.take();
}

hpke::Sender set_up(Recipient& recipient, const crypto::Sha256Digest& hh, Random& random) {
  OPENPCC_CHECK(recipient.key->kem() == kHpkeSuite.kem);
  hpke::Encapsulation encapsulation =
      recipient.encapsulation ? std::move(*recipient.encapsulation) : hpke::encapsulate(*recipient.key, random);
  recipient.encapsulation.reset();
  hpke::Sender sender = hpke::setup_sender(kHpkeSuite, std::move(encapsulation), {kLabelWrap, hh, recipient.node_id});
  OPENPCC_CHECK(sender.enc.size() == kEncBytes);
  return sender;
}

// The one message that this context seals.
std::array<uint8_t, kWrapSealedBytes> seal_wrap(hpke::SenderContext& context, const Secret<32>& dek, const crypto::Sha256Digest& body,
                                                const Secret<32>& salt) {
  Secret<kWrapPlaintextBytes> plaintext;
  const auto out = plaintext.reveal_mutable();
  std::ranges::copy(dek.reveal(), out.begin());
  std::ranges::copy(body, out.begin() + 32);
  std::ranges::copy(salt.reveal(), out.begin() + 64);
  std::array<uint8_t, kWrapSealedBytes> sealed{};
  context.seal({}, plaintext.reveal(), sealed);
  return sealed;
}

constexpr size_t chunk_count(size_t padded_bytes) { return (padded_bytes + kChunkPlaintextBytes - 1) / kChunkPlaintextBytes; }

// Appends the body and returns rh.
crypto::Sha256Digest append_body(ByteSpan padded, ChunkCipher cipher, const crypto::Sha256Digest& th, Bytes& out) {
  RequestHash rh(th);
  while (!padded.empty()) {
    const ByteSpan piece = padded.first(std::min(padded.size(), kChunkPlaintextBytes));
    padded = padded.subspan(piece.size());
    rh.add(cipher.append_chunk(piece.size(), padded.empty(), out, [&](MutableByteSpan to) { std::ranges::copy(piece, to.begin()); }));
  }
  return rh.finish();
}

}  // namespace

Result<SealedRequest> seal_request(std::vector<Recipient> recipients, ByteSpan message, Random& random) {
  OPENPCC_TRY(sort_and_check(recipients));
  if (message.size() > kRequestBytesMax || padme_bytes(message.size()) > kRequestBytesMax) {
    return fail(Code::limit, "envelope.seal.too_large");
  }
  const SecretBytes padded = pad(message);
  const crypto::Sha256Digest body = body_hash(padded.reveal());

  Secret<32> seed;
  random.fill(seed.reveal_mutable());
  const Secret<32> dek = derive_dek(seed.reveal(), padded.reveal(), recipients);

  Bytes envelope = make_header(commitment(dek), recipients);
  const crypto::Sha256Digest hh = header_hash(envelope);
  // Reserved at once: no chunk is written into a buffer that moves and leaves its plaintext behind.
  constexpr size_t kFramingBytes = 2 + crypto::kAeadTagBytes;
  envelope.reserve(front_bytes(recipients.size()) + padded.size() + chunk_count(padded.size()) * kFramingBytes);

  std::vector<hpke::Sender> senders;
  for (Recipient& recipient : recipients) {
    hpke::Sender& sender = senders.emplace_back(set_up(recipient, hh, random));
    const auto sealed = seal_wrap(sender.context, dek, body, recipient.salt);
    envelope.insert(envelope.end(), sender.enc.begin(), sender.enc.end());
    envelope.insert(envelope.end(), sealed.begin(), sealed.end());
  }
  const crypto::Sha256Digest th = wraps_hash(hh, ByteSpan(envelope).subspan(header_bytes(recipients.size())));
  const crypto::Sha256Digest rh = append_body(padded.reveal(), ChunkCipher(request_key(dek, th)), th, envelope);

  std::vector<AnswerCandidate> candidates;
  candidates.reserve(senders.size());
  for (size_t i = 0; i < senders.size(); ++i) {
    candidates.push_back({recipients[i].node_id, std::move(senders[i].enc), response_secret(senders[i].context, rh)});
  }
  return SealedRequest{std::move(envelope), th, Access::opener(std::move(candidates))};
}

}  // namespace openpcc::envelope
