// What services answer, read from untrusted bytes. Nothing is verified here: whether a piece vouches for a report is for staple.
#pragma once

#include <chrono>
#include <optional>

#include "openpcc/collateral/plan.h"

namespace openpcc::collateral {

// retry_after reads Retry-After of a busy answer (429, 503), in seconds as the services send it; `fallback` where there is none. nullopt: not busy.
std::optional<std::chrono::seconds> retry_after(const Answer& answer, std::chrono::seconds fallback);

// read_answer gives what an answer holds, in the form in which evidence carries it: a certificate, a list, two certificates (issuer, then root), or a
// document and its signer's chain as PEM.
//   collateral.answer.unknown, .gone, .busy, .redirect, .status, .encoding
//   collateral.answer.too_large     over kAnswerBytesMax (limit)
//   collateral.answer.syntax        not of the request's kind
//   collateral.answer.chain_order   the root before the issuer: AMD serves ASK or ASVK, then ARK
//   collateral.answer.issuer_chain  a document's header does not hold a chain in PEM, URL-encoded
Result<std::vector<Bytes>> read_answer(const Request& request, const Answer& answer);

// url_decode takes %XX apart, and nothing else ('+' stands for itself).
//   collateral.answer.issuer_chain
Result<Bytes> url_decode(std::string_view text);

}  // namespace openpcc::collateral
