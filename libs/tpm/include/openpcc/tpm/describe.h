// Quotes, keys and event logs for people: what each field is called, where it stands, what it holds and what that means. Nothing is verified.
#pragma once

#include "openpcc/appraisal/field.h"
#include "openpcc/tpm/ak.h"
#include "openpcc/tpm/eventlog.h"

namespace openpcc::tpm {

// describe lists every field of a quote. `bytes` are those that were parsed.
appraisal::Fields describe(const Quote& quote, ByteSpan bytes);
appraisal::Fields describe(const AttestationKey& key);
// Every event, in order, with its digests and how far they cover its data; then what each register replays to.
appraisal::Fields describe(const EventLog& log);

}  // namespace openpcc::tpm
