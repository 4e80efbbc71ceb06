#include "openpcc/collect/quote_service.h"

#include <boost/json.hpp>

#include "openpcc/strict_json/strict_json.h"

namespace openpcc::collect {
namespace {

constexpr Rule kAnswer = "collect.quote_service.answer";

std::string_view without_padding(std::string_view base64) {
  for (int i = 0; i < 2 && base64.ends_with('='); ++i) base64.remove_suffix(1);
  return base64;
}

}  // namespace

Bytes quote_request(ByteSpan td_report) {
  const std::string out = R"({"report":")" + to_base64url(td_report) + "\"}";
  return {out.begin(), out.end()};
}

Result<Bytes> read_quote_answer(ByteSpan body) {
  OPENPCC_LET(const boost::json::value value, strict_json::parse_strict(body, kQuoteAnswerBytesMax, kAnswer));
  const boost::json::object* object = value.if_object();
  const boost::json::value* text = object == nullptr ? nullptr : object->if_contains("quote");
  if (text == nullptr || !text->is_string()) return fail(Code::malformed, kAnswer, "an answer without a quote");
  auto quote = from_base64url(without_padding(text->get_string()));
  if (!quote) return fail(Code::malformed, kAnswer, "a quote that is not base64url");
  return quote;
}

QuoteService quote_service_by(Post post) {
  return [post = std::move(post)](ByteSpan td_report) -> Result<Bytes> {
    const Bytes request = quote_request(td_report);
    OPENPCC_LET(const Bytes answer, post(request));
    return read_quote_answer(answer);
  };
}

}  // namespace openpcc::collect
