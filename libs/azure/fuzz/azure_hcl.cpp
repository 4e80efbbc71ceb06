#include "entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  openpcc::azure::fuzz::look_at_hcl({data, size});
  return 0;
}
