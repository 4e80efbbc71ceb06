// A document's fields for people: what each is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/nitro/document.h"

namespace openpcc::nitro {

// describe lists every field; `bytes` are those the document was parsed from.
appraisal::Fields describe(const Document& document, ByteSpan bytes);

}  // namespace openpcc::nitro
