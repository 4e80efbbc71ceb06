// SHA-1 (FIPS 180-4), for the PCR banks and event logs of TPMs that have nothing newer. Collisions are cheap: nothing may rest on it alone.
#pragma once

#include <array>

#include "openpcc/core/bytes.h"

namespace openpcc::crypto {

using Sha1Digest = std::array<uint8_t, 20>;
Sha1Digest sha1(ByteSpan bytes);

}  // namespace openpcc::crypto
