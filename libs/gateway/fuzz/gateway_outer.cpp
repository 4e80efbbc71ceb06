// What a client seals to the gateway: any bytes give a request of ours or a refusal, and a refusal has a status.
#include "openpcc/gateway/outer_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const auto request = gateway::parse_outer_request({data, size}, "gateway.example");
  if (!request) OPENPCC_CHECK(gateway::status_of(request.error()) >= 400);
  return 0;
}
