// An engine's answer as sealed frames, at the times that the profile asks for. No I/O and no clock: whoever drives it says what time it is.
//
//   head() --> content()* --> end()          take(now) whenever due() has come
//
// The final frame is made after end() alone. An answer that is dropped before is truncated, and the client sees it.
#pragma once

#include "openpcc/bhttp/bhttp.h"
#include "openpcc/envelope/envelope.h"
#include "openpcc/node/pacer.h"

namespace openpcc::node {

class AnswerFramer {
 public:
  AnswerFramer(envelope::AnswerSealer sealer, envelope::Profile profile, TimePoint start,
               std::chrono::milliseconds keep_alive = kKeepAliveInterval);

  // head and content take the next part of the inner message.
  void head(const bhttp::ResponseHead& head);
  void content(ByteSpan bytes);
  // end says that the answer ended normally.
  void end();

  // due is when take() will have something.
  TimePoint due() const;
  // take appends the frames that are due to `out`; false: none are.
  bool take(TimePoint now, Bytes& out);
  // finished: the final frame was taken.
  bool finished() const { return state_ == State::finished; }
  // begun: some of the answer has arrived; no other answer can take its place.
  bool begun() const { return state_ != State::waiting; }
  // streaming: between head() and end().
  bool streaming() const { return state_ == State::streaming; }
  // pending is what was taken in and not yet taken out.
  Pending pending() const;
  // held is how many bytes that is.
  size_t held() const { return message_.size(); }

 private:
  enum class State : uint8_t { waiting, streaming, ended, finished };

  envelope::AnswerSealer sealer_;
  envelope::Profile profile_;
  Pacer pacer_;
  Bytes message_;  // what was not sealed yet
  State state_ = State::waiting;
};

}  // namespace openpcc::node
