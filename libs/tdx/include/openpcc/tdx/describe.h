// A quote's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/tdx/quote.h"

namespace openpcc::tdx {

// describe lists the fields of header, body and quoting enclave's report, with the parts of the signature data by their sizes. `bytes` are those that
// the quote was parsed from.
appraisal::Fields describe(const Quote& quote, ByteSpan bytes);

}  // namespace openpcc::tdx
