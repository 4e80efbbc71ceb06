// Quotes, reports and certificates from untrusted bytes: a report, then its certificate.
#include "openpcc/sim/sim.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const ByteSpan bytes(data, size);
  for (const size_t cut : {size_t{172}, size_t{204}, size_t{236}, size / 2}) {
    if (cut > size) continue;
    static_cast<void>(sim::verify_cpu(bytes.first(cut), bytes.subspan(cut), {}));
    static_cast<void>(sim::verify_gpu(bytes.first(cut), bytes.subspan(cut), {}));
  }
  return 0;
}
