// What was verified for one GPU and counts for the next of the same evidence, policy and time. Private to this library.
#pragma once

#include <map>

#include "openpcc/nvgpu/manifest.h"

namespace openpcc::attest {

struct Seen {
  nvgpu::CheckedLinks links;
  std::map<crypto::Sha256Digest, std::vector<x509::Certificate>> signers;  // of manifests, by their bytes' SHA-256
  std::map<crypto::Sha256Digest, nvgpu::ManifestVerification> manifests;   // by that, and by what is said of their signers' revocation
};

}  // namespace openpcc::attest
