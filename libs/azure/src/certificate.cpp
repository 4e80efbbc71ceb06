#include "openpcc/azure/certificate.h"

#include <algorithm>

#include "openpcc/core/describe.h"
#include "openpcc/x509/der.h"

namespace openpcc::azure {
namespace {

constexpr Rule kRule = "azure.ak.certificate";
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

std::unexpected<Error> bad(std::string detail) { return fail(Code::malformed, kRule, std::move(detail)); }

// decode takes one block of PEM apart; what is in it need not be DER alone, so x509 does not read it.
Result<Bytes> decode(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd) || text.size() > 2 * kNvBytesMax) return bad("not one block of PEM");
  std::string base64(text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()));
  std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
  return from_base64(base64);
}

}  // namespace

Result<x509::Certificate> read_ak_certificate(ByteSpan bytes) {
  Bytes decoded;
  if (as_text(bytes).starts_with(kBegin)) {
    auto block = decode(as_text(bytes));
    if (!block) return bad(block.error().detail);
    decoded = std::move(*block);
    bytes = decoded;
  }
  if (bytes.size() > kNvBytesMax) return bad(std::to_string(bytes.size()) + " bytes");
  x509::der::Reader reader(bytes);
  const auto element = reader.next();
  if (!element || !is_zero(bytes.subspan(element->whole.size()))) return bad("not DER with zeros after it");
  auto certificate = x509::Certificate::parse(element->whole);
  if (!certificate) return bad(describe(certificate.error()));
  return certificate;
}

}  // namespace openpcc::azure
