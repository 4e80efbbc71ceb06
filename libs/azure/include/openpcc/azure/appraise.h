// Whether what a genuine VM says is acceptable. Demands are data; every check gives a finding, so that nothing is left out unseen.
#pragma once

#include "openpcc/azure/verify.h"
#include "openpcc/snp/appraise.h"
#include "openpcc/tdx/appraise.h"
#include "openpcc/tpm/appraise.h"

namespace openpcc::azure {

struct Demands {
  // Of the machine; their measurements are the paravisor's, and report data is not for them: it is bound otherwise.
  snp::Demands snp;
  tdx::Demands tdx;
  std::optional<tpm::Demands> quote;    // PCRs and nonce; none: not checked, but an empty nonce is refused
  std::optional<ReportData> user_data;  // none: not checked
  bool require_secure_boot = false;
  bool require_no_console = false;
};

// appraise judges, in this order: what snp::appraise, or tdx::appraise_tcb and tdx::appraise, judge of the machine, but for the report data, and
//   azure.quote.missing   there is no quote      tpm.nonce, tpm.selection.unexpected, tpm.pcr      azure.user_data
//   azure.vm.tpm, azure.vm.secure_boot, azure.vm.console
// It says what nothing proves: that the guest's software is what the PCRs say, beyond the paravisor's word.
appraisal::Findings appraise(const VerifiedVm& verified, const Demands& demands, UnixSeconds now);

// accepted_window is when the VM holds under these demands: what was signed, and on TDX no longer than what takes its TCB.
x509::Window accepted_window(const VerifiedVm& verified, const Demands& demands, UnixSeconds now);

}  // namespace openpcc::azure
