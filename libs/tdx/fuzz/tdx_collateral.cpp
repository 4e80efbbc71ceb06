#include "entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  openpcc::tdx::fuzz::look_at_collateral({data, size});
  return 0;
}
