// The bytes of simulated reports and certificates, shared by verifier and maker (spec/evidence.md s6).
//
//   certificate  "OPCCSIMC" | version 1 | role u8 | device id 32 | public key 32                                          | signature 64
//   quote        "OPCCSIMQ" | version 1 | debug u8 | tcb u16 | device id 32 | measurement 32 | report data 64             | signature 64
//   report       "OPCCSIMG" | version 1 | debug u8 | tcb u16 | device id 32 | measurement 32 | nonce 32                   | signature 64
//
// A signature covers its format's label, a zero byte, and everything before the signature.
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::sim::format {

// Kind is one of the three formats.
struct Kind {
  std::string_view magic;
  std::string_view label;
  size_t bytes;  // with the signature
};
inline constexpr Kind kCertificate{"OPCCSIMC", "openpcc sim certificate v1", 8 + 2 + 32 + 32 + 64};
inline constexpr Kind kQuote{"OPCCSIMQ", "openpcc sim cpu quote v1", 8 + 4 + 32 + 32 + 64 + 64};
inline constexpr Kind kReport{"OPCCSIMG", "openpcc sim gpu report v1", 8 + 4 + 32 + 32 + 32 + 64};

inline constexpr uint8_t kVersion = 1;
inline constexpr size_t kSignatureBytes = 64;

enum class Role : uint8_t { cpu = 1, gpu = 2 };

// signed_message is what a signature over `body` (all bytes before the signature) signs.
inline Bytes signed_message(const Kind& kind, ByteSpan body) { return ByteWriter().text(kind.label).u8(0).bytes(body).take(); }

}  // namespace openpcc::sim::format
