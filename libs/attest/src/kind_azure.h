// Azure confidential VMs as evidence brings them. Private to this library.
#pragma once

#include "kind_hardware.h"
#include "openpcc/azure/verify.h"

namespace openpcc::attest {

//   attest.kind.not_taken    the policy takes none of this technology, or no VM of Azure's (rejected)
//   attest.kind.chain, attest.kind.collateral   an item missing, unknown, or of another type
//   attest.azure.type        the report is not of the hardware that its media type names
//   attest.azure.selection   the quote is not of exactly the policy's PCRs
//   attest.azure.nonce       the quote was not made for the report's user-data
//   azure.*, snp.*, tdx.*, tpm.*
Result<Findings> verify_azure_machine(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now);
// The same held to other roots than the makers'.
Result<Findings> verify_azure_machine_by(const Device& device, const policy::ProductionPolicy& policy, UnixSeconds now,
                                         const azure::Trust& trust);

}  // namespace openpcc::attest
