// What comes out of the outer encapsulation, and the answers that the gateway itself gives inside it.
#pragma once

#include <variant>

#include "openpcc/bhttp/bhttp.h"
#include "openpcc/core/bytes.h"

namespace openpcc::gateway {

// An error of the gateway's carries a body as long as the shortest answer of a node, all zeros: its size tells a relay nothing.
// index, nonce, final marker, and one sealed frame of the smallest size.
inline constexpr size_t kErrorBodyBytes = 1 + 32 + 1 + 1024 + 16;

struct EnvelopeRequest {
  Bytes envelope;
};
struct BundleRequest {
  bool signature;  // the bundle's signed note instead of the bundle
};
using OuterRequest = std::variant<EnvelopeRequest, BundleRequest>;

// parse_outer_request judges the Binary HTTP request that a client sealed to us; `authority` is our name in the bundle.
//   gateway.outer.malformed       not one whole Binary HTTP request
//   gateway.outer.target          not https to our name, or another method or path than POST /v1/envelope, GET /v1/bundle[.sig]
//   gateway.outer.fields          any field but one content-type: application/vnd.openpcc.envelope
//   gateway.outer.version         another version of the outer body (unsupported)
//   gateway.outer.authorisation   this deployment has no tokens, and the field is not all zeros
Result<OuterRequest> parse_outer_request(ByteSpan message, std::string_view authority);

// status_of maps a refusal to the outer status that the client sees.
uint16_t status_of(const Error& error);

// error_answer is a whole Binary HTTP response with that status, no fields and kErrorBodyBytes zeros.
Bytes error_answer(uint16_t status);

}  // namespace openpcc::gateway
