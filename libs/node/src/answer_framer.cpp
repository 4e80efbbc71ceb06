#include "openpcc/node/answer_framer.h"

namespace openpcc::node {

AnswerFramer::AnswerFramer(envelope::AnswerSealer sealer, envelope::Profile profile, TimePoint start, std::chrono::milliseconds keep_alive)
    : sealer_(std::move(sealer)), profile_(profile), pacer_(profile, start, keep_alive) {}

void AnswerFramer::head(const bhttp::ResponseHead& head) {
  OPENPCC_CHECK(state_ == State::waiting);
  bhttp::append_response_head(message_, head);
  state_ = State::streaming;
}

void AnswerFramer::content(ByteSpan bytes) {
  OPENPCC_CHECK(state_ == State::streaming);
  bhttp::append_content(message_, bytes);
}

void AnswerFramer::end() {
  OPENPCC_CHECK(state_ == State::streaming);
  bhttp::append_end(message_);
  state_ = State::ended;
}

Pending AnswerFramer::pending() const {
  if (state_ == State::ended) return Pending::end;
  return message_.empty() ? Pending::nothing : Pending::content;
}

TimePoint AnswerFramer::due() const { return pacer_.due(pending()); }

bool AnswerFramer::take(TimePoint now, Bytes& out) {
  if (finished() || now < due()) return false;
  const bool last = state_ == State::ended;
  if (last) {
    sealer_.finish(message_, profile_, out);
  } else {
    sealer_.seal(message_, false, profile_, out);
  }
  wipe(message_);
  message_.clear();
  pacer_.flushed(now);
  if (last) state_ = State::finished;
  return true;
}

}  // namespace openpcc::node
