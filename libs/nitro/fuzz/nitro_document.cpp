#include "entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  openpcc::nitro::fuzz::look_at_document({data, size});
  return 0;
}
