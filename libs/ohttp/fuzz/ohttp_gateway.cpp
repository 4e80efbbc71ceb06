// First byte: 0 whole, 1 chunked form, a request as it came over the wire; 2, 3 likewise, sealed here and then changed (common.h).
#include "common.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuzz;
  if (size == 0) return 0;
  const Example& e = example(data[0] % 2 == 0 ? ohttp::Form::whole : ohttp::Form::chunked);
  const auto gateway = [&e] { return ohttp::GatewayExchange(e.keys, e.form, size_t{1} << 30); };
  const ByteSpan rest = ByteSpan(data, size).subspan(1);
  if (data[0] < 2) {
    check_raw(rest, gateway);
  } else {
    auto client = e.start();
    check_sealed(e.form, rest, [&](ByteSpan p, bool last, Bytes& out) { client.seal(p, last, out); }, gateway);
  }
  return 0;
}
