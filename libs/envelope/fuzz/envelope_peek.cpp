// The front of an envelope: what a shorter input says agrees with what a longer one says.
#include "openpcc/envelope/envelope.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan bytes(data, size);
  const auto whole = envelope::peek(bytes);
  const auto half = envelope::peek(bytes.first(size / 2));
  if (!half) OPENPCC_CHECK(!whole && whole.error().rule == half.error().rule);
  if (half && *half) OPENPCC_CHECK(whole && *whole && (*whole)->th == (*half)->th && (*whole)->node_ids == (*half)->node_ids);
  if (whole && *whole) OPENPCC_CHECK(!(*whole)->node_ids.empty() && (*whole)->node_ids.size() <= envelope::kRecipientsMax);
  return 0;
}
