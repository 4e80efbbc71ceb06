// How current a genuine platform is (Intel TDX DCAP Quote Verification, "TCB evaluation"): pure comparisons of parsed values. Time and signatures
// are not looked at.
#pragma once

#include "openpcc/tdx/collateral.h"

namespace openpcc::tdx {

// ModuleResult is the TDX module's part. Module versions of their own came with TEE_TCB_SVN[1] above 0; before them there is no level.
struct ModuleResult {
  std::string id;  // "TDX_01"; empty before
  std::optional<TcbLevel> level;
};

// TcbResult is the whole and its parts. A policy decides what but UpToDate it takes, by status and advisories.
struct TcbResult {
  TcbStatus status = TcbStatus::revoked;  // converged
  TcbLevel platform;
  std::optional<ModuleResult> module;  // of TDX alone
  TcbLevel quoting_enclave;
  std::vector<std::string> advisory_ids;  // of all parts, sorted, each once
  uint32_t tcb_evaluation_data_number = 0;
  // relaunch_advised: the status is OutOfDate for the module that launched the TD; with the one that runs now it would be UpToDate.
  bool relaunch_advised = false;
};

// evaluate_qe compares the quoting enclave's report with its identity.
//   tdx.qe.miscselect, tdx.qe.attributes, tdx.qe.debug, tdx.qe.mrsigner, tdx.qe.isvprodid
//   tdx.qe.unsupported   below every level
Result<TcbLevel> evaluate_qe(const SgxReport& report, const QeIdentity& identity);

// evaluate_module compares the TDX module of `tee_tcb_svn` with the entry of its version.
//   tdx.module.unknown   no entry        tdx.module.mrsigner, tdx.module.attributes        tdx.module.unsupported   below every level
Result<ModuleResult> evaluate_module(const TdReport& report, const Svn16& tee_tcb_svn, const TcbInfo& info);

// evaluate_platform finds the first level that nothing of the platform is below. `tee_tcb_svn`: null for SGX. Where it tells the module's version,
// its first two components are the module's and not compared here.
//   tdx.tcb.unsupported   below every level
Result<TcbLevel> evaluate_platform(const PckClaims& pck, const Svn16* tee_tcb_svn, const TcbInfo& info);

// converge is the status of the whole. An old module or enclave makes it OutOfDate; Revoked anywhere, Revoked.
TcbStatus converge(TcbStatus platform, std::optional<TcbStatus> module, TcbStatus quoting_enclave);

// evaluate_all does all of it for one quote.
//   tdx.collateral.fmspc, tdx.collateral.pceid   the TCB info is another platform's
//   tdx.tcb.svn   TD 1.5: the module that runs now is older than the one that launched the TD; after the quoting enclave's rules
//   those above, in this order
//   tdx.tcb.revoked   a part is revoked, which no policy can take
Result<TcbResult> evaluate_all(const Quote& quote, const PckClaims& pck, const TcbInfo& info, const QeIdentity& identity);

}  // namespace openpcc::tdx
