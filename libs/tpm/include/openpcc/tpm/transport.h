// How others hand TPM evidence on, beside TCG's own structures.
#pragma once

#include "openpcc/tpm/quote.h"

namespace openpcc::tpm {

// parse_values reads PCR values as JSON: {"0": "<hexadecimal>", ...}, all of one bank, which their size tells.
//   tpm.pcrs   not of this form, an index twice or beyond the PCRs, or values of different sizes
Result<Banks> parse_values(ByteSpan json);
// write_values writes them so.
Bytes write_values(const Bank& values);

// Package is a quote as the Azure tooling for Rust serialises it: u64 length and signature (a bare number of RSA), u64 length and quote, u64 count
// and values of the SHA-256 bank from PCR 0 on; integers little-endian.
struct Package {
  Signature signature;
  Bytes quote;
  Banks values;
};
//   tpm.syntax   not of this form
Result<Package> parse_package(ByteSpan bytes);

}  // namespace openpcc::tpm
