// An executable, a kernel, a disk's start or a result's document: nothing crashes.
#include "openpcc/measure/document.h"
#include "openpcc/measure/uefi.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto image = measure::parse_pe(input)) {
    OPENPCC_CHECK(measure::authenticode(*image, measure::Bank::sha256).size() == 32);
    for (const measure::PeSection& section : image->sections) {
      if (section.virtual_size < (1u << 20)) OPENPCC_CHECK(image->data(section).size() == section.virtual_size);
    }
  }
  static_cast<void>(measure::patched_kernel(input, {size, uint64_t{4} << 30}));
  static_cast<void>(measure::gpt_event(input));
  static_cast<void>(measure::parse_measurement(input));
  return 0;
}
