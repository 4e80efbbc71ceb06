// Spec: spec/evidence.md s7.
#include <algorithm>

#include "kind_hardware.h"
#include "openpcc/nvgpu/choose.h"
#include "seen.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;

constexpr size_t kStatementsMax = 24;  // of the certificates of a device's chain and of two manifests', twice

// Collateral is what a GPU's evidence brings besides its chain: two manifests, and statements of revocation with names of their own.
struct NvidiaCollateral {
  ByteSpan driver, vbios;
  std::vector<ByteSpan> ocsp, crls;
  UnixSeconds age_max_s = nvgpu::kRevocationAge_s;
};

std::unexpected<Error> bad_collateral(const std::string& what) { return fail(Code::malformed, "attest.kind.collateral", what); }

Result<NvidiaCollateral> read_collateral(const Device& device) {
  NvidiaCollateral out;
  for (const auto& [name, item] : device.collateral) {
    if (item.media_type == kXmlType && (name == "driver-manifest" || name == "vbios-manifest")) {
      (name == "driver-manifest" ? out.driver : out.vbios) = item.bytes;
    } else if (item.media_type == kOcspType && name.starts_with("ocsp-")) {
      out.ocsp.emplace_back(item.bytes);
    } else if (item.media_type == kCrlType && name.starts_with("crl-")) {
      out.crls.emplace_back(item.bytes);
    } else {
      return bad_collateral(name + " is unknown, or of another media type");
    }
  }
  if (out.ocsp.size() + out.crls.size() > kStatementsMax) return bad_collateral("too many statements of revocation");
  if (out.driver.empty() || out.vbios.empty()) return bad_collateral("the manifests of driver and VBIOS");
  return out;
}

// about leaves the statements that are about a chain's certificates; what is about none of a device's chains counts nowhere.
nvgpu::Statements about(std::span<const x509::Certificate> chain, const NvidiaCollateral& all) {
  nvgpu::Statements out;
  out.age_max_s = all.age_max_s;
  for (const ByteSpan der : all.ocsp) {
    const auto response = x509::OcspResponse::parse(der);
    if (response && nvgpu::about(*response, chain) != nullptr) out.ocsp.push_back(der);
  }
  for (const ByteSpan der : all.crls) {
    const auto list = x509::Crl::parse(der);
    if (list && nvgpu::about(*list, chain) != nullptr) out.crls.push_back(der);
  }
  return out;
}

// verified_once verifies a manifest unless it stood in a GPU before, with the same said of its signers.
const nvgpu::ManifestVerification& verified_once(ByteSpan xml, const NvidiaCollateral& all, UnixSeconds now, Seen& seen) {
  const crypto::Sha256Digest bytes = crypto::sha256(xml);
  auto signers = seen.signers.find(bytes);
  if (signers == seen.signers.end()) signers = seen.signers.emplace(bytes, nvgpu::certificates_of_manifest(xml)).first;
  const nvgpu::Statements statements = about(signers->second, all);
  ByteWriter name;
  name.bytes(bytes);
  for (const ByteSpan answer : statements.ocsp) name.bytes(crypto::sha256(answer));
  for (const ByteSpan list : statements.crls) name.bytes(crypto::sha256(list));
  const crypto::Sha256Digest key = crypto::sha256(name.view());
  const auto known = seen.manifests.find(key);
  if (known != seen.manifests.end()) return known->second;
  return seen.manifests.emplace(key, nvgpu::verify_manifest(xml, statements, now, nvgpu::manifest_roots(), &seen.links)).first->second;
}

}  // namespace

Bytes nvidia_release(const nvgpu::Digest& driver, const nvgpu::Digest& vbios) {
  const Bytes input = ByteWriter().text("openpcc nvidia release v1").u8(0).bytes(driver).bytes(vbios).take();
  const auto digest = crypto::sha384(input);
  return Bytes(digest.begin(), digest.end());
}

Result<Findings> verify_nvidia_gpu(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now, Seen& seen) {
  const auto& demands = policy.requirements().nvgpu;
  if (!demands) return fail(Code::rejected, "attest.kind.not_taken", "the policy has no table [nvgpu]");
  if (device.chain.size() != 1 || device.chain[0].media_type != kPemType) {
    return fail(Code::malformed, "attest.kind.chain", "one item: the device's chain, PEM");
  }
  OPENPCC_LET(NvidiaCollateral collateral, read_collateral(device));
  collateral.age_max_s = demands->max_revocation_age_s;
  OPENPCC_LET(const auto chain, nvgpu::read_chain(device.chain[0].bytes));
  auto gpu = nvgpu::verify(device.report.bytes, device.chain[0].bytes, about(chain, collateral), now, nvgpu::device_roots(), &seen.links);
  if (!gpu.verified) return std::unexpected(gpu.failures.front());
  const nvgpu::VerifiedReport& verified = *gpu.verified;
  // Switches have no place in a node's evidence, so that what passes through them is not shown.
  if (verified.report().mode == nvgpu::Mode::protected_pcie || verified.report().protected_pcie.value_or(false)) {
    return fail(Code::rejected, "nvgpu.feature_flag", "protected PCIe: GPUs behind switches that the evidence does not show");
  }
  if (verified.device().is_switch()) return fail(Code::rejected, "nvgpu.chip.excluded", "a switch among the GPUs");
  std::vector<nvgpu::VerifiedManifest> manifests;
  x509::Window window = verified.window();
  for (const ByteSpan xml : {collateral.driver, collateral.vbios}) {
    const nvgpu::ManifestVerification& manifest = verified_once(xml, collateral, now, seen);
    if (!manifest.verified) return std::unexpected(manifest.failures.front());
    window = window.intersect(manifest.verified->window());
    OPENPCC_TRY(nvgpu::compare(verified, *manifest.verified));
    manifests.push_back(*manifest.verified);
  }
  const nvgpu::Software software = nvgpu::measure(verified, manifests);
  appraisal::Findings findings = nvgpu::appraise(verified, software, *demands);
  // Attest's own rows say whether it is genuine and what it was made for.
  std::erase_if(findings, [](const appraisal::Finding& f) { return f.aspect == Aspect::bound_data; });
  const auto digest_of = [](const nvgpu::VerifiedManifest* manifest) { return manifest == nullptr ? nvgpu::Digest{} : manifest->digest(); };
  const nvgpu::Pdi& id = verified.device().id;
  const nvgpu::Nonce& nonce = verified.report().nonce;
  return Findings{Bytes(id.begin(), id.end()),
                  nvidia_release(digest_of(software.driver_manifest), digest_of(software.vbios_manifest)),
                  0,
                  false,
                  Bytes(nonce.begin(), nonce.end()),
                  "NVIDIA",
                  std::move(findings),
                  window};
}

}  // namespace openpcc::attest
