#include "differential.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const auto message = bhttp::check<bhttp::RequestHead>({data, size});
  if (!message) return 0;
  const auto again = bhttp::decode_request(bhttp::encode_request(*message->head, message->content));
  OPENPCC_CHECK(again && again->head == *message->head && again->content == message->content);
  return 0;
}
