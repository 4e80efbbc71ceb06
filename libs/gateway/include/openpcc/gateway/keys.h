// The gateway's keys, all derived from one 32-byte seed.
#pragma once

#include <vector>

#include "openpcc/ohttp/ohttp.h"

namespace openpcc::gateway {

// keys_from_seed: key 1 is X-Wing with AES-256-GCM, which the bundle announces; key 2 is X25519 with AES-128-GCM and ChaCha20-Poly1305,
// for foreign clients. The file holds the seed as 64 hexadecimal digits.
//   gateway.key_file   anything else
Result<std::vector<ohttp::GatewayKey>> keys_from_seed(ByteSpan file);

}  // namespace openpcc::gateway
