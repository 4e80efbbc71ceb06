// Bodies of chat requests: whatever is accepted gives a report and a completion within the bounds that were asked for.
#include "answer.h"
#include "chat.h"

using namespace openpcc;
using namespace openpcc::demo_engine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Served served{.name = "openpcc-demo", .max_model_len = 512};
  const auto request = parse_chat({data, size}, served);
  if (!request) {
    OPENPCC_CHECK(request.error().status >= 400 && !error_answer(request.error()).empty());
    return 0;
  }
  const http::Fields fields{{"content-type", "application/json"}};
  const std::string text = report(*request, fields, served);
  OPENPCC_CHECK(text == report(*request, fields, served));
  const Completion completion = complete(*request, text, served);
  OPENPCC_CHECK(completion.tokens.size() <= request->max_tokens.value_or(served.max_model_len));
  return 0;
}
