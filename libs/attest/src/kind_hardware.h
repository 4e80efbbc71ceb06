// SEV-SNP and TDX machines, and NVIDIA GPUs, as evidence brings them. Private to this library.
#pragma once

#include "kinds.h"
#include "openpcc/attest/hardware_types.h"

namespace openpcc::attest {

// Each:
//   attest.kind.not_taken    the policy takes none of this technology (rejected)
//   attest.kind.chain, attest.kind.collateral   an item missing, unknown, or of another type
//   snp.*, tdx.*, nvgpu.*, rim.*
Result<Findings> verify_snp_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now);
Result<Findings> verify_tdx_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now);
Result<Findings> verify_nvidia_gpu(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now, Seen& seen);

// snp_chip is hwID; under a VLEK, whose report names no chip, CSP_ID: all machines of its provider count as one.
Bytes snp_chip(const snp::VekFields& vek);

// terms_of are what a policy's [tdx] holds a verification to.
tdx::Terms terms_of(const policy::TdxRequirements& required);

// tdx_release is what identifies the software of a TD: a digest over MRTD and all of RTMR0 to RTMR3 (spec/evidence.md s7).
Bytes tdx_release(const tdx::TdReport& td);

// nvidia_release is what identifies the software of a GPU: a digest over those of its driver's and its VBIOS's manifest.
Bytes nvidia_release(const nvgpu::Digest& driver, const nvgpu::Digest& vbios);

}  // namespace openpcc::attest
