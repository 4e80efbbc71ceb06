// A report and what a host gives beside it, each after two bytes of length: nothing crashes, and what is chosen was given.
#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/shelf.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader({data, size}, "fuzz.end");
  std::vector<Bytes> items;
  for (;;) {
    const auto bytes = reader.u16();
    const auto item = bytes ? reader.bytes(*bytes) : Result<ByteSpan>(ByteSpan());
    if (!bytes || !item || items.size() == 16) break;
    items.emplace_back(item->begin(), item->end());
  }
  if (items.empty()) return 0;
  for (const std::string_view type : {attest::kSnpReportType, attest::kTdxQuoteType}) {
    const auto device = collect::staple({std::string(type), items.front()}, items);
    if (device) OPENPCC_CHECK(device->report.bytes == items.front() && (device->chain.size() == 3) == (type == attest::kSnpReportType));
  }
  return 0;
}
