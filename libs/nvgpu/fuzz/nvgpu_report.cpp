// A report, or a chain: nothing crashes, and what parses is whole.
#include "openpcc/nvgpu/describe.h"
#include "openpcc/nvgpu/token.h"
#include "openpcc/nvgpu/verify.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto report = nvgpu::parse_report(input)) {
    OPENPCC_CHECK(report->signed_bytes + nvgpu::kSignatureBytes == size && !report->measurements.empty());
    for (const appraisal::Field& field : nvgpu::describe(*report)) OPENPCC_CHECK(field.offset + field.size <= size);
  }
  static_cast<void>(nvgpu::verify(input, input, {{input}, {input}}, 1'800'000'000));
  static_cast<void>(nvgpu::refuse_token(input));
  return 0;
}
