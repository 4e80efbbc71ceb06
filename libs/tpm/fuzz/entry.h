// What the fuzz targets do with their input, apart so that a test can do it with the shared samples.
#pragma once

#include "openpcc/tpm/appraise.h"
#include "openpcc/tpm/boot.h"
#include "openpcc/tpm/describe.h"
#include "openpcc/tpm/runtime_log.h"
#include "openpcc/tpm/transport.h"

namespace openpcc::tpm::fuzz {

inline bool within(ByteSpan part, ByteSpan whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// A quote, a signature, a key, values or a package of them: nothing crashes, and what parses keeps to its bounds.
inline void look_at_quote(ByteSpan input) {
  if (const auto quote = parse_quote(input)) {
    OPENPCC_CHECK(quote->extra_data.size() <= kNonceBytesMax && !quote->selections.empty() && quote->selections.size() <= kSelectionsMax);
    size_t described = 0;
    for (const auto& field : describe(*quote, input)) described += field.size;
    OPENPCC_CHECK(described == input.size());
  }
  if (const auto signature = parse_signature(input)) OPENPCC_CHECK(signature->value.size() <= input.size() + 96);
  if (const auto key = AttestationKey::from_public(input)) {
    OPENPCC_CHECK(key->attributes() && key->attributes()->attests() && !describe(*key).empty());
    OPENPCC_CHECK(AttestationKey::from_spki(key->spki()).has_value());
    OPENPCC_CHECK(!verify(input, input, *key, {}).verified);
  }
  if (const auto values = parse_values(input)) OPENPCC_CHECK(values->size() == 1 && values->begin()->second.size() <= kPcrs);
  if (const auto package = parse_package(input)) OPENPCC_CHECK(package->quote.size() <= kQuoteBytesMax);
}

// A log of either form: nothing crashes, events show bytes of the log in their order, and a log fits what it replays to.
inline void look_at_log(ByteSpan input) {
  for (const LogForm form : {LogForm::tpm, LogForm::ccel}) {
    const auto log = EventLog::parse(input, form);
    if (!log) continue;
    size_t at = 0, shown = 0;
    for (const Event& event : log->events()) {
      OPENPCC_CHECK(event.offset >= at && event.offset < input.size());
      at = event.offset;
      shown += event.data.size();
      OPENPCC_CHECK(event.digests.size() == log->algorithms().size());
    }
    OPENPCC_CHECK(shown + log->padding_bytes() <= input.size());
    for (const Hash bank : log->algorithms()) {
      const auto values = log->replay(bank);
      OPENPCC_CHECK(values.has_value());
      for (const auto& finding : appraise_log(*log, {bank, *values})) {
        OPENPCC_CHECK(finding.state != appraisal::State::failed || finding.rule != Rule("eventlog.bank"));
      }
    }
    OPENPCC_CHECK(describe(*log).size() >= log->events().size());
  }
  if (const auto log = RuntimeLog::parse(input)) OPENPCC_CHECK(log->replay().size() == 4);
}

}  // namespace openpcc::tpm::fuzz
