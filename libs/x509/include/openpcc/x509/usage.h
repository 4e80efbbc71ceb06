// What a certificate's key may be used for (RFC 5280 s4.2.1.3), where x509.h asks for a CA's use alone.
#pragma once

#include "openpcc/x509/x509.h"

namespace openpcc::x509 {

// check_signs_data says that this is the certificate of one who signs data, and of no CA.
//   x509.leaf.ca          its basic constraints say that it is one        x509.leaf.key_usage   its key is not for digital signatures, or nothing says for what
Result<> check_signs_data(const Certificate& certificate);

// check_signs_lists says that the issuer's key may sign revocation lists.
//   x509.crl.key_usage
Result<> check_signs_lists(const Certificate& issuer);

}  // namespace openpcc::x509
