// Azure's local service, which has the host's quoting enclave make a quote of a TDREPORT (Azure documentation, "Guest attestation for confidential VMs").
// Here are the bytes alone: who carries them is given.
#pragma once

#include <functional>
#include <string_view>

#include "openpcc/core/bytes.h"

namespace openpcc::collect {

inline constexpr std::string_view kAzureQuoteService = "http://169.254.169.254/acc/tdquote";
inline constexpr size_t kQuoteAnswerBytesMax = 64u << 10;

// QuoteService gives a quote of a TDREPORT. Nothing is said of whether it is one of this TD.
using QuoteService = std::function<Result<Bytes>(ByteSpan td_report)>;
// Post sends a body of JSON and gives that of the answer, at most kQuoteAnswerBytesMax bytes.
using Post = std::function<Result<Bytes>(ByteSpan body)>;
QuoteService quote_service_by(Post post);

// quote_request is {"report": "<base64url>"}.
Bytes quote_request(ByteSpan td_report);
// read_quote_answer reads {"quote": "<base64url, with or without padding>"}; other members are left alone.
//   collect.quote_service.answer   over kQuoteAnswerBytesMax, or anything else
Result<Bytes> read_quote_answer(ByteSpan body);

}  // namespace openpcc::collect
