// An answer's keys between two processes: one sealed the request, another opens the answer.
#include "access.h"
#include "front.h"

namespace openpcc::envelope {
namespace {

constexpr size_t kCandidateBytes = 32 + kEncBytes + 32;

}  // namespace

SecretBytes AnswerOpener::reveal_for_export() const {
  OPENPCC_CHECK(!state_->candidates.empty());
  ByteWriter out(state_->candidates.size() * kCandidateBytes);  // reserved at once: no secret stays behind in a buffer that moved
  for (const AnswerCandidate& candidate : state_->candidates) {
    out.bytes(candidate.node_id).bytes(candidate.enc).bytes(candidate.response_secret.reveal());
  }
  return SecretBytes::adopt(out.take());
}

Result<AnswerOpener> AnswerOpener::restore(ByteSpan exported) {
  const size_t count = exported.size() / kCandidateBytes;
  if (count == 0 || count > kRecipientsMax || exported.size() % kCandidateBytes != 0) return fail(Code::malformed, "envelope.answer.state");
  ByteReader reader(exported, "envelope.answer.state");
  std::vector<AnswerCandidate> candidates;
  for (size_t i = 0; i < count; ++i) {
    OPENPCC_LET(const NodeId node_id, reader.array<32>());
    OPENPCC_LET(const ByteSpan enc, reader.bytes(kEncBytes));
    OPENPCC_LET(const ByteSpan secret, reader.bytes(32));
    candidates.push_back({node_id, Bytes(enc.begin(), enc.end()), Secret<32>::copy_of(secret.first<32>())});
  }
  return Access::opener(std::move(candidates));
}

}  // namespace openpcc::envelope
