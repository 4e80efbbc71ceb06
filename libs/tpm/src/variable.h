// UEFI_VARIABLE_DATA in an event (PC Client Platform Firmware Profile s10.4.3). Private to this library.
#pragma once

#include "openpcc/core/bytes.h"

namespace openpcc::tpm {

struct Variable {
  ByteSpan vendor;  // GUID, 16 bytes
  ByteSpan name;    // UTF-16LE
  ByteSpan value;
};

// read_variable takes what fits exactly.
inline std::optional<Variable> read_variable(ByteSpan data) {
  constexpr size_t kHeaderBytes = 32;  // GUID, u64 characters of the name, u64 bytes of the value
  const auto u64 = [&](size_t at) {
    uint64_t out = 0;
    for (size_t i = 8; i > 0; --i) out = out << 8 | data[at + i - 1];
    return out;
  };
  if (data.size() < kHeaderBytes) return std::nullopt;
  const size_t rest = data.size() - kHeaderBytes;
  const uint64_t characters = u64(16);
  if (characters > rest / 2 || u64(24) != rest - 2 * characters) return std::nullopt;
  const auto name_bytes = static_cast<size_t>(2 * characters);
  return Variable{data.first(16), data.subspan(kHeaderBytes, name_bytes), data.subspan(kHeaderBytes + name_bytes)};
}

}  // namespace openpcc::tpm
