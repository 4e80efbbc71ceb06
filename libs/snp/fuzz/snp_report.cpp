// A report, a certificate table or a chip's certificate: nothing crashes, and what parses is whole.
#include "openpcc/snp/verify.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto report = snp::parse_report(input)) {
    OPENPCC_CHECK(report->version >= 2 && report->version <= 5);
    static_cast<void>(snp::verify(input, {input, input, input, input}, 1'800'000'000));
  }
  if (const auto stripped = snp::strip_response(input)) OPENPCC_CHECK(stripped->size() == snp::kReportBytes);
  if (const auto table = snp::parse_certificate_table(input)) {
    for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
      if (entry && !entry->empty()) OPENPCC_CHECK(entry->data() >= data && entry->data() + entry->size() <= data + size);
    }
  }
  if (const auto certificate = x509::Certificate::parse(input)) static_cast<void>(snp::read_vek(*certificate));
  return 0;
}
