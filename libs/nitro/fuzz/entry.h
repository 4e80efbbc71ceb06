// What the fuzz target does with its input, apart so that a test can do it with the shared samples.
#pragma once

#include "openpcc/crypto/hash.h"
#include "openpcc/nitro/appraise.h"
#include "openpcc/nitro/describe.h"

namespace openpcc::nitro::fuzz {

// A document: nothing crashes, what parses shows its own bytes alone, and its own root is pinned, so that what stands behind the chain is reached.
inline void look_at_document(ByteSpan input) {
  const auto document = parse_document(input);
  if (!document) return;
  for (const appraisal::Field& field : describe(*document, input)) OPENPCC_CHECK(field.offset + field.size <= input.size());
  OPENPCC_CHECK(!document->pcrs.empty() && document->pcrs.rbegin()->first < kPcrsMax && !document->cabundle.empty());
  OPENPCC_CHECK(document->payload.size() < input.size() && document->signature.size() == kSignatureBytes);
  const auto root = x509::Certificate::parse(document->cabundle.front());
  if (!root) return;
  const PinnedRoot pin = crypto::sha256(root->spki());
  const auto now = static_cast<UnixSeconds>(document->timestamp_ms / 1000);
  if (const auto verified = verify(input, now, {&pin, 1})) {
    OPENPCC_CHECK(verified->window().contains(now) && !appraise(*verified, {}, now).empty());
  }
}

}  // namespace openpcc::nitro::fuzz
