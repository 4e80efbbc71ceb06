// The two KEMs behind one pair of functions. Private to this library.
#pragma once

#include "openpcc/hpke/hpke.h"

namespace openpcc::hpke {

struct Kem {
  static Encapsulation encapsulate(const PublicKey& recipient, Random& random);
  // decapsulate: hpke.7.1.enc for a wrong size or an X25519 result of zeros.
  static Result<Secret<32>> decapsulate(const PrivateKey& key, ByteSpan enc);
};

}  // namespace openpcc::hpke
