// Evidence of an Azure confidential VM, whose guest cannot write into the hardware report: by the paravisor's report and its virtual TPM
// (spec/evidence.md s7.1). B goes into NV index 0x01400002 and appears in the paravisor's report, NV index 0x01400001; the key at 0x81000003, which
// that report binds, quotes the PCRs over a nonce made from B.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "openpcc/collect/quote_service.h"
#include "openpcc/tpm_collect/clouds.h"

namespace openpcc::collect {

class Source;
struct Guest;

inline constexpr std::string_view kTpmDevice = "/dev/tpmrm0";  // of the kernel's resource manager: others may use the TPM as well
// The paravisor renews its report when the index is read, and not more than once in two seconds; in between the old one is read again.
inline constexpr std::chrono::seconds kReportRenewal{3};
inline constexpr int kReportTries = 4;

// AzureMeans is how an Azure VM's source reaches what it takes.
struct AzureMeans {
  std::string device{kTpmDevice};  // a path, or a TPM as tpm2-tss names it: "swtpm:path=/run/tpm"
  uint32_t pcrs = 0;               // bit n: PCR n of the bank of SHA-256 is quoted
  std::function<Result<std::unique_ptr<tpm_collect::AzureTpm>>(const std::string& tcti)> open = &tpm_collect::open_azure;
  QuoteService quote_service = {};                       // of VMs on TDX
  std::function<void(std::chrono::seconds)> pause = {};  // before a report is asked for again; none: at once
};

// open_azure_vm makes sure that there is a TPM with the paravisor's index.
//   collect.azure.absent      no such device, or its TPM has no index of a paravisor's report (unsupported)
//   collect.azure.tpm         it cannot be opened
// What its source says of one report:
//   collect.azure.report      what the index holds, at each of kReportTries tries, is no paravisor's report: other bytes, or the hardware's report
//                             vouches for other runtime data
//   collect.azure.user_data   the report does not take up B, at each try (unavailable)
//   collect.azure.quote       the TPM quoted something else than it was asked for, or by another key than the report binds; has the verifier's rule
//   collect.azure.td_quote    what the quoting service gave is no quote of this TD
//   tpm_collect.*             of the TPM          those of the quoting service
Result<std::unique_ptr<Source>> open_azure_vm(const Guest& guest);

}  // namespace openpcc::collect
