// Tokens of NVIDIA's attestation services (entity attestation tokens, a JWT over detached ones). None is taken here: a local verifier's claims are
// nobody's word, and no key of the remote service is known here: NVIDIA changes them often. What a token claims is to be verified from
// the report itself.
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::nvgpu {

inline constexpr size_t kTokenBytesMax = 64u << 10;

// looks_like_token: JSON with a detached token in it, or one that is such a token.
bool looks_like_token(ByteSpan bytes);

// refuse_token gives the reason why a token is not taken, the most telling one.
//   nvgpu.eat.syntax     not an overall JWT and one for each device        nvgpu.eat.alg_none   not signed at all
//   nvgpu.eat.alg        not signed by ES384                               nvgpu.eat.key        signed by a key that nobody vouches for
Error refuse_token(ByteSpan bytes);

}  // namespace openpcc::nvgpu
