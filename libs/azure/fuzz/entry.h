// What the fuzz target does with its input, apart so that a test can do it with the shared samples.
#pragma once

#include "openpcc/azure/appraise.h"
#include "openpcc/azure/certificate.h"
#include "openpcc/azure/describe.h"

namespace openpcc::azure::fuzz {

// A report of the paravisor, or its runtime data alone: nothing crashes, and what parses shows its own bytes alone.
inline void look_at_hcl(ByteSpan input) {
  if (const auto hcl = parse_hcl(input)) {
    OPENPCC_CHECK(hcl->json.data() == input.data() + kJsonAt && hcl->json.size() <= kHclBytes - kJsonAt);
    OPENPCC_CHECK(hcl->report.data() == input.data() + kHeaderBytes && hcl->report_data().size() == 64);
    for (const appraisal::Field& field : describe(*hcl, input)) OPENPCC_CHECK(field.offset + field.size <= input.size());
    static_cast<void>(read_runtime(hcl->json));
    if (hcl->hardware == Hardware::tdx) static_cast<void>(read_td_report(hcl->report));
    const Evidence evidence{input, {input, input, input, input}, input, {}, {}, input};
    OPENPCC_CHECK(!verify(evidence, 1'800'000'000).verified);
  }
  if (const auto runtime = read_runtime(input)) OPENPCC_CHECK(!runtime->ak.spki().empty());
  static_cast<void>(read_td_report(input));
  static_cast<void>(read_ak_certificate(input));
}

}  // namespace openpcc::azure::fuzz
