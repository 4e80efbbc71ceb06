// A measurement as a file: JSON, for `openpcc measure diff` and for whoever publishes what a release measures.
#pragma once

#include "openpcc/measure/trace.h"

namespace openpcc::measure {

inline constexpr size_t kDocumentBytesMax = 64u << 20;

// to_json writes a measurement; parse_measurement reads one back.
//   measure.document   not what to_json writes, or over kDocumentBytesMax
std::string to_json(const Measurement& measurement);
Result<Measurement> parse_measurement(ByteSpan json);

}  // namespace openpcc::measure
