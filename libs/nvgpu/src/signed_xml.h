// The enveloped signature of a manifest, taken apart. Private to this library.
#pragma once

#include "openpcc/nvgpu/manifest.h"

namespace openpcc::nvgpu {

struct SignedXml {
  Bytes signed_info;  // canonical: what the signature covers
  Digest digest{};    // that SignedInfo gives, read from the canonical bytes
  std::array<uint8_t, kSignatureBytes> signature{};
  std::vector<Bytes> certificates;  // leaf first; DER, or what its base64 held
  Bytes content;                    // canonical, of the document without its Signature: what the digest covers
};

// open_signed_xml reads the one shape that NVIDIA's signatures have. Nothing of it is verified.
//   rim.xml.*, rim.signature.count, .reference, .transforms, .algorithm, .syntax
//   rim.chain.syntax   a certificate that is not base64
Result<SignedXml> open_signed_xml(ByteSpan xml);

}  // namespace openpcc::nvgpu
