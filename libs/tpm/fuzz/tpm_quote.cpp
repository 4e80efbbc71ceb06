#include "entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  openpcc::tpm::fuzz::look_at_quote({data, size});
  return 0;
}
