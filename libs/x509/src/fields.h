// What certificates and revocation lists are both made of. Private to this library.
#pragma once

#include "openpcc/x509/der.h"
#include "openpcc/x509/x509.h"

namespace openpcc::x509 {

// Envelope is SEQUENCE { to-be-signed, AlgorithmIdentifier, BIT STRING }, whose first part is for its own reader.
struct Envelope {
  ByteSpan to_be_signed;          // its content
  ByteSpan algorithm_identifier;  // whole, to be compared with the one inside
  Signed signature;
};
//   x509.certificate.algorithm, x509.der
Result<Envelope> open_envelope(ByteSpan der);
// read_envelope takes the three parts off the front, for what has more of them.
Result<Envelope> read_envelope(der::Reader& reader);

// read_time takes a UTCTime or GeneralizedTime to whole seconds in UTC, the only forms of RFC 5280. Errors: x509.der.
Result<UnixSeconds> read_time(der::Reader& reader);

// read_extensions reads the content of Extensions. `duplicate`: the rule of an extension that stands there twice, or of too many.
Result<std::vector<Extension>> read_extensions(ByteSpan explicit_content, Rule duplicate);

}  // namespace openpcc::x509
