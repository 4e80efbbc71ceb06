#include "openpcc/gateway/outer_request.h"

#include <algorithm>

#include "openpcc/envelope/envelope.h"

namespace openpcc::gateway {
namespace {

Result<> check_fields(const bhttp::Fields& fields) {
  const bool good = fields.size() == 1 && fields[0].name == "content-type" && fields[0].value == envelope::kRequestType;
  if (!good) return fail(Code::rejected, "gateway.outer.fields");
  return {};
}

// Spec: spec/envelope.md, "Outer body".
Result<OuterRequest> parse_outer_body(Bytes body) {
  if (body.size() <= envelope::kAuthorisationBytes) return fail(Code::malformed, "gateway.outer.malformed", "outer body too short");
  if (body[0] != envelope::kVersion) return fail(Code::unsupported, "gateway.outer.version");
  const auto authorisation = ByteSpan(body).subspan(1, envelope::kAuthorisationBytes - 1);
  const bool empty = std::all_of(authorisation.begin(), authorisation.end(), [](uint8_t b) { return b == 0; });
  if (!empty) return fail(Code::rejected, "gateway.outer.authorisation");
  body.erase(body.begin(), body.begin() + envelope::kAuthorisationBytes);
  return EnvelopeRequest{std::move(body)};
}

}  // namespace

Result<OuterRequest> parse_outer_request(ByteSpan message, std::string_view authority) {
  auto decoded = bhttp::decode_request(message);
  if (!decoded) return fail(Code::malformed, "gateway.outer.malformed", describe(decoded.error()));
  const bhttp::RequestHead& head = decoded->head;
  if (head.scheme != "https" || head.authority != authority) return fail(Code::rejected, "gateway.outer.target");
  if (head.method == "GET" && head.path == "/v1/bundle") return BundleRequest{false};
  if (head.method == "GET" && head.path == "/v1/bundle.sig") return BundleRequest{true};
  if (head.method != "POST" || head.path != "/v1/envelope") return fail(Code::rejected, "gateway.outer.target");
  OPENPCC_TRY(check_fields(head.fields));
  return parse_outer_body(std::move(decoded->content));
}

uint16_t status_of(const Error& error) {
  if (error.rule == Rule("gateway.outer.authorisation")) return 401;
  if (error.rule == Rule("gateway.replay")) return 409;
  if (error.rule == Rule("gateway.node.failed")) return 502;
  return error.code == Code::unavailable ? 503 : 400;
}

Bytes error_answer(uint16_t status) {
  const Bytes zeros(kErrorBodyBytes);
  Bytes out;
  bhttp::append_response_head(out, bhttp::ResponseHead{status, {}});
  bhttp::append_content(out, zeros);
  bhttp::append_end(out);
  return out;
}

}  // namespace openpcc::gateway
