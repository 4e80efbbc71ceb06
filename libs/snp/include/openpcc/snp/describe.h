// A report's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/snp/report.h"

namespace openpcc::snp {

// describe lists every field. The layout of TCB_VERSIONs needs the product: that of the CPU where the report says it, else `product`.
appraisal::Fields describe(const Report& report, std::optional<Product> product = std::nullopt);

}  // namespace openpcc::snp
