// A certificate, a revocation list or PEM: nothing crashes, and what parses shows its own bytes alone.
#include <algorithm>

#include "openpcc/x509/der.h"
#include "openpcc/x509/x509.h"

using namespace openpcc;

namespace {

bool within(ByteSpan part, ByteSpan whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_at(const x509::Certificate& certificate) {
  const ByteSpan whole = certificate.der();
  for (const ByteSpan part : {certificate.serial(), certificate.issuer(), certificate.subject(), certificate.spki(),
                              certificate.signature().message, as_bytes(certificate.common_name())}) {
    OPENPCC_CHECK(within(part, whole));
  }
  OPENPCC_CHECK(certificate.extensions().size() <= x509::kExtensionsMax);
  for (const x509::Extension& extension : certificate.extensions()) OPENPCC_CHECK(within(extension.value, whole));
  const auto key = certificate.key();
  if (key) static_cast<void>(x509::check_issued(certificate, certificate, *key, 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteSpan input(data, size);
  if (const auto certificate = x509::Certificate::parse(input)) look_at(*certificate);
  if (const auto chain = x509::Certificate::parse_pem(input, 4)) std::ranges::for_each(*chain, look_at);
  if (const auto crl = x509::Crl::parse(input)) static_cast<void>(crl->revokes(input));
  return 0;
}
