// An IGVM file: nothing crashes, and data lies within the file.
#include "openpcc/measure/igvm.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  const auto igvm = measure::parse_igvm(input);
  if (!igvm) return 0;
  for (const measure::IgvmStep& step : igvm->steps) {
    OPENPCC_CHECK(step.data.empty() || (step.data.data() >= data && step.data.data() + step.data.size() <= data + size));
  }
  static_cast<void>(measure::igvm_snp(*igvm, false));
  static_cast<void>(measure::igvm_mrtd(*igvm));
  return 0;
}
