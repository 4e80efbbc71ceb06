#include "answer_stream.h"

namespace openpcc::node {
namespace {

bhttp::ResponseHead json_head(uint16_t status) {
  bhttp::ResponseHead head;
  head.status = status;
  head.fields.push_back({"content-type", "application/json"});
  return head;
}

}  // namespace

Result<> AnswerStream::add(ByteSpan content, uint64_t bytes_max) {
  content_bytes_ += content.size();
  if (content_bytes_ > bytes_max) return fail(Code::limit, "node.answer.too_large");
  framer_.content(content);
  return {};
}

http::Task<Result<>> AnswerStream::begin() {
  begun_ = true;
  metrics_.answered(200);
  metrics_.observe(daemon::Histogram::first_byte, monotonic_() - start_);
  http::ResponseHead head;
  head.fields.add("content-type", envelope::kAnswerType);
  const std::optional<uint64_t> unknown;
  const auto sent = co_await exchange_.respond(std::move(head), unknown);
  co_return sent;
}

http::Task<Result<>> AnswerStream::send_due() {
  Bytes frames;
  if (!framer_.take(monotonic_(), frames)) co_return Result<>();
  if (!begun_) {
    const auto begun = co_await begin();
    OPENPCC_CO_TRY(begun);
  }
  metrics_.add(daemon::Counter::answer_bytes, frames.size());
  const ByteSpan view = frames;
  const auto written = co_await exchange_.write(view);
  OPENPCC_CO_TRY(written);
  if (!framer_.finished()) co_return Result<>();
  const auto finished = co_await exchange_.finish();
  co_return finished;
}

http::Task<Result<>> AnswerStream::send_whole(const InnerAnswer& answer) {
  framer_.head(json_head(answer.status));
  framer_.content(as_bytes(answer.body));
  framer_.end();
  for (;;) {
    const auto sent = co_await send_due();
    OPENPCC_CO_TRY(sent);
    if (framer_.finished()) co_return Result<>();
    const http::Milliseconds left = time_left(monotonic_());
    co_await http::sleep_for(left);
  }
}

http::Milliseconds AnswerStream::time_left(TimePoint now) const { return std::chrono::ceil<http::Milliseconds>(framer_.due() - now); }

}  // namespace openpcc::node
