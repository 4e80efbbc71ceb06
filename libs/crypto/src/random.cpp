#include "openpcc/crypto/random.h"

#include <openssl/rand.h>

#include "openssl_handles.h"

namespace openpcc::crypto {

void SystemRandom::fill(MutableByteSpan out) {
  // The generator for private values serves all: it shares no state with what is published.
  OPENPCC_CHECK(RAND_priv_bytes_ex(library(), out.data(), out.size(), 0) == 1);
}

}  // namespace openpcc::crypto
