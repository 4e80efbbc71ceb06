// An OCSP response, or one with a certificate of its own for its issuer: nothing crashes.
#include "openpcc/x509/ocsp.h"

using namespace openpcc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto response = x509::OcspResponse::parse(ByteSpan(data, size));
  if (!response) return 0;
  OPENPCC_CHECK(response->responders().size() <= x509::kOcspCertificatesMax);
  for (const x509::Certificate& responder : response->responders()) {
    static_cast<void>(response->is_about(responder, responder));
    if (const auto key = responder.key()) static_cast<void>(x509::check_ocsp(*response, responder, *key, 1'800'000'000));
  }
  return 0;
}
