#include "openpcc/nvgpu/choose.h"

namespace openpcc::nvgpu {

const x509::Certificate* about(const x509::OcspResponse& response, std::span<const x509::Certificate> chain) {
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    if (response.is_about(chain[i], chain[i + 1])) return &chain[i];
  }
  return nullptr;
}

const x509::Certificate* about(const x509::Crl& list, std::span<const x509::Certificate> chain) {
  for (size_t i = 1; i < chain.size(); ++i) {
    if (equal(chain[i].subject(), list.issuer())) return &chain[i];
  }
  return nullptr;
}

}  // namespace openpcc::nvgpu
