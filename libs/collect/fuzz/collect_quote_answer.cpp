// An answer of the quoting service: nothing crashes, and what is read is what such an answer says.
#include "openpcc/collect/quote_service.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto quote = collect::read_quote_answer({data, size});
  if (!quote) return 0;
  const std::string again = R"({"quote":")" + to_base64url(*quote) + "\"}";
  OPENPCC_CHECK(again.size() > collect::kQuoteAnswerBytesMax || *collect::read_quote_answer(as_bytes(again)) == *quote);
  return 0;
}
