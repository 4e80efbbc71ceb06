// One check for both fuzz targets: the decoder says the same however the message is cut, and what it accepts survives encoding.
#pragma once

#include "../test/transcript.h"

namespace openpcc::bhttp {

template <class Head>
void expect_same(const Result<Transcript<Head>>& a, const Result<Transcript<Head>>& b) {
  OPENPCC_CHECK(a.has_value() == b.has_value());
  if (a) {
    OPENPCC_CHECK(*a == *b);
  } else {
    OPENPCC_CHECK(a.error().rule == b.error().rule);
  }
}

template <class Head>
Result<Transcript<Head>> check(ByteSpan message) {
  constexpr Limits kLimits{.head_bytes_max = 2000, .content_bytes_max = 5000, .interim_responses_max = 3};
  const auto whole = read<Head>(message, message.size() + 1, kLimits);
  expect_same(whole, read<Head>(message, 1, kLimits));
  expect_same(whole, read<Head>(message, message.empty() ? 1 : 1 + message.back() % 16u, kLimits));
  return whole;
}

}  // namespace openpcc::bhttp
