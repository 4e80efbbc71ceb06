// First byte: 0 whole, 1 chunked form, a response as it came over the wire; 2, 3 likewise, sealed here and then changed (common.h).
#include "common.h"

namespace {

// answering is a gateway that has the example's request and can seal.
openpcc::ohttp::GatewayExchange answering(const fuzz::Example& e) {
  using namespace fuzz;
  Bytes request, plaintext;
  e.start().seal({}, true, request);
  ohttp::GatewayExchange gateway(e.keys, e.form, size_t{1} << 30);
  OPENPCC_CHECK(gateway.open(request, plaintext) && gateway.end(plaintext));
  return gateway;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuzz;
  if (size == 0) return 0;
  const Example& e = example(data[0] % 2 == 0 ? ohttp::Form::whole : ohttp::Form::chunked);
  const auto client = [&e] { return e.start(); };
  const ByteSpan rest = ByteSpan(data, size).subspan(1);
  if (data[0] < 2) {
    check_raw(rest, client);
  } else {
    auto gateway = answering(e);
    FixedRandom random;
    check_sealed(e.form, rest, [&](ByteSpan p, bool last, Bytes& out) { gateway.seal(p, last, random, out); }, client);
  }
  return 0;
}
