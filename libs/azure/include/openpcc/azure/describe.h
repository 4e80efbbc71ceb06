// A report's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/azure/hcl.h"

namespace openpcc::azure {

// describe lists the paravisor's fields, those of the hardware report in it, and what the runtime data says; `bytes` are those that were parsed.
appraisal::Fields describe(const HclReport& report, ByteSpan bytes);

}  // namespace openpcc::azure
