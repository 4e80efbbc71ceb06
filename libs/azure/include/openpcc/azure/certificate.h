// The certificate of HCLAkPub, as it is handed on.
#pragma once

#include "openpcc/x509/x509.h"

namespace openpcc::azure {

inline constexpr size_t kNvBytesMax = 4096;

// read_ak_certificate takes the certificate out of what NV index 0x01C101D0 of the vTPM holds: DER, and zeros after it. Bare DER will do, and PEM
// around either.
//   azure.ak.certificate   anything else
Result<x509::Certificate> read_ak_certificate(ByteSpan bytes);

}  // namespace openpcc::azure
