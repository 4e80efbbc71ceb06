// A manifest: nothing crashes, and what has a canonical form is read from that form as it was.
#include "../src/xml.h"
#include "openpcc/nvgpu/manifest.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (size > nvgpu::kManifestBytesMax) return 0;
  if (const auto document = nvgpu::xml::Document::parse(input)) {
    const Bytes canonical = document->canonical();
    const auto again = nvgpu::xml::Document::parse(canonical);
    OPENPCC_CHECK(again.has_value() && again->canonical() == canonical);
  }
  static_cast<void>(nvgpu::verify_manifest(input, {}, 1'700'000'000));
  return 0;
}
