#include "answer.h"

#include "openpcc/envelope/envelope.h"

namespace openpcc::gateway {

http::Task<Result<>> Gateway::Answer::start() {
  begun_ = true;
  http::ResponseHead head;
  head.fields.add("content-type", form_ == ohttp::Form::chunked ? ohttp::kChunkedResponseType : ohttp::kResponseType);
  if (form_ == ohttp::Form::chunked) head.fields.add("incremental", "?1");
  const auto responded = co_await exchange_.respond(std::move(head), std::nullopt);
  co_return responded;
}

// flush seals what waits and writes it at once; the whole form waits for the last piece.
http::Task<Result<>> Gateway::Answer::flush(bool last) {
  if (form_ == ohttp::Form::whole && !last) {
    if (plaintext_.size() > whole_bytes_max_) co_return fail(Code::limit, "gateway.answer.too_large");
    co_return Result<>{};
  }
  sealed_.clear();
  outer_.seal(plaintext_, last, random_, sealed_);
  plaintext_.clear();
  const ByteSpan view = sealed_;
  const auto written = co_await exchange_.write(view);
  co_return written;
}

http::Task<Result<>> Gateway::Answer::begin(ByteSpan first) {
  bhttp::append_response_head(plaintext_, bhttp::ResponseHead{200, {{"content-type", std::string(envelope::kAnswerType)}}});
  bhttp::append_content(plaintext_, first);
  const auto started = co_await start();
  OPENPCC_CO_TRY(started);
  const auto flushed = co_await flush(false);
  co_return flushed;
}

http::Task<Result<>> Gateway::Answer::send(ByteSpan bytes) {
  bhttp::append_content(plaintext_, bytes);
  const auto flushed = co_await flush(false);
  co_return flushed;
}

http::Task<Result<>> Gateway::Answer::finish() {
  bhttp::append_end(plaintext_);
  const auto flushed = co_await flush(true);
  OPENPCC_CO_TRY(flushed);
  const auto finished = co_await exchange_.finish();
  co_return finished;
}

http::Task<Result<>> Gateway::Answer::send_error(uint16_t status) {
  plaintext_ = error_answer(status);
  const auto started = co_await start();
  OPENPCC_CO_TRY(started);
  const auto flushed = co_await flush(true);
  OPENPCC_CO_TRY(flushed);
  const auto finished = co_await exchange_.finish();
  co_return finished;
}

http::Task<Result<>> Gateway::Answer::send_whole(uint16_t status, const Bytes& content) {
  bhttp::append_response_head(plaintext_, bhttp::ResponseHead{status, {}});
  bhttp::append_content(plaintext_, content);
  const auto started = co_await start();
  OPENPCC_CO_TRY(started);
  const auto finished = co_await finish();
  co_return finished;
}

}  // namespace openpcc::gateway
