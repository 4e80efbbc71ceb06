// SEV-SNP and TDX machines as evidence brings them. Private to this library.
#pragma once

#include "kinds.h"
#include "openpcc/attest/hardware_types.h"

namespace openpcc::attest {

// Both:
//   attest.kind.not_taken    the policy takes none of this technology (rejected)
//   attest.kind.chain, attest.kind.collateral   an item missing, unknown, or of another type
//   snp.*, tdx.*
Result<Findings> verify_snp_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now);
Result<Findings> verify_tdx_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now);

// tdx_release is what identifies the software of a TD: a digest over MRTD and all of RTMR0 to RTMR3 (spec/evidence.md s7).
Bytes tdx_release(const tdx::TdReport& td);

}  // namespace openpcc::attest
