// Whatever a service answers or a store holds: nothing crashes, and what is read is what was there. The first byte chooses the request's kind; a
// line of its own before the body is the issuer chain's header.
#include "openpcc/collateral/answer.h"
#include "openpcc/collateral/store.h"

using namespace openpcc;
using namespace openpcc::collateral;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto entry = parse_entry(input)) OPENPCC_CHECK(equal(encode_entry(*entry), input));
  if (const auto decoded = url_decode(as_text(input))) OPENPCC_CHECK(decoded->size() <= size);
  if (size == 0) return 0;
  const Request request{Service::amd_kds, static_cast<Kind>(data[0] % 5), "/", "it"};
  const std::string_view rest = as_text(input.subspan(1));
  const size_t line = std::min(rest.find('\n'), rest.size());
  Answer answer{200, {}, {}};
  for (const char* name : {"tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain", "retry-after"}) {
    answer.fields.push_back({name, std::string(rest.substr(0, line))});
  }
  const ByteSpan body = as_bytes(rest.substr(std::min(line + 1, rest.size())));
  answer.body.assign(body.begin(), body.end());
  const auto parts = read_answer(request, answer);
  if (parts) OPENPCC_CHECK(parts->size() == (request.kind == Kind::certificate || request.kind == Kind::revocation_list ? 1u : 2u));
  answer.status = 429;
  const auto wait = retry_after(answer, std::chrono::seconds(1));
  OPENPCC_CHECK(wait && wait->count() >= 1);
  return 0;
}
