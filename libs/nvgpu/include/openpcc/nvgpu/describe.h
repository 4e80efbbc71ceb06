// A report's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/nvgpu/report.h"

namespace openpcc::nvgpu {

// describe lists every field and every measurement.
appraisal::Fields describe(const Report& report);

}  // namespace openpcc::nvgpu
