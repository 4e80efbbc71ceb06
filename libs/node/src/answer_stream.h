// An answer on its way out: the framer's frames, written when they are due.
#pragma once

#include <functional>

#include "openpcc/daemon/metrics.h"
#include "openpcc/http/server.h"
#include "openpcc/node/answer_framer.h"
#include "openpcc/node/inner_answer.h"

namespace openpcc::node {

class AnswerStream {
 public:
  // `monotonic` tells the time; it and the other references outlive the stream.
  AnswerStream(http::ServerExchange& exchange, AnswerFramer framer, daemon::Metrics& metrics, const std::function<TimePoint()>& monotonic)
      : exchange_(exchange), framer_(std::move(framer)), metrics_(metrics), monotonic_(monotonic), start_(monotonic()) {}

  AnswerFramer& framer() { return framer_; }
  TimePoint start() const { return start_; }

  // add takes the engine's content.
  //   node.answer.too_large   more than `bytes_max` altogether
  Result<> add(ByteSpan content, uint64_t bytes_max);
  // send_due writes what is due now, if anything is, and ends the exchange after the final frame. Errors: the exchange's.
  http::Task<Result<>> send_due();
  // send_whole sends an answer of the node's own, to its end.
  http::Task<Result<>> send_whole(const InnerAnswer& answer);
  // time_left is how long nothing is due, rounded up.
  http::Milliseconds time_left(TimePoint now) const;

 private:
  http::Task<Result<>> begin();

  http::ServerExchange& exchange_;
  AnswerFramer framer_;
  daemon::Metrics& metrics_;
  const std::function<TimePoint()>& monotonic_;
  TimePoint start_;
  uint64_t content_bytes_ = 0;
  bool begun_ = false;  // the outer head was sent
};

}  // namespace openpcc::node
