// Which of several statements of revocation are about a chain. Whether they are genuine and of the time is for verify.
#pragma once

#include <span>

#include "openpcc/x509/ocsp.h"

namespace openpcc::nvgpu {

// about is what of a chain, leaf first, a statement speaks of; null: nothing. A response is of a certificate that the next one issued, a list is an
// issuer's.
const x509::Certificate* about(const x509::OcspResponse& response, std::span<const x509::Certificate> chain);
const x509::Certificate* about(const x509::Crl& list, std::span<const x509::Certificate> chain);

}  // namespace openpcc::nvgpu
