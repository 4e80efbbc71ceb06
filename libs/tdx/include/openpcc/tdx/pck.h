// What a PCK certificate says about the platform: Intel's SGX extension 1.2.840.113741.1.13.1 (Intel SGX PCK Certificate and CRL Profile
// Specification, section 1.3.5).
#pragma once

#include <array>
#include <optional>

#include "openpcc/tdx/quote.h"
#include "openpcc/x509/x509.h"

namespace openpcc::tdx {

enum class SgxType : uint8_t { standard = 0, scalable = 1, scalable_with_integrity = 2 };

// PckConfiguration is of platforms with several packages; a member that the certificate lacks is empty.
struct PckConfiguration {
  std::optional<bool> dynamic_platform, cached_keys, smt_enabled;
};

struct PckClaims {
  std::array<uint8_t, 16> ppid{};
  Svn16 components{};  // SGX TCB components
  uint16_t pcesvn = 0;
  std::array<uint8_t, 16> cpusvn{};
  std::array<uint8_t, 2> pceid{};
  std::array<uint8_t, 6> fmspc{};
  SgxType sgx_type = SgxType::standard;
  std::optional<std::array<uint8_t, 16>> platform_instance_id;  // this and the next: there together, or neither is
  std::optional<PckConfiguration> configuration;
};

// read_pck reads the extension: every member that there must be, each once.
//   tdx.pck.extension   a member missing, twice, unknown, of another type or out of range
Result<PckClaims> read_pck(const x509::Certificate& pck);

}  // namespace openpcc::tdx
