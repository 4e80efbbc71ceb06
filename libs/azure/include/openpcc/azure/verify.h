// Whether the evidence of an Azure confidential VM is genuine: a pure function of bytes and time. What it says may still be unacceptable; a policy
// judges that.
//
//   AMD's or Intel's root --> hardware report --REPORT_DATA--> runtime data --HCLAkPub--> quote of the vTPM: nonce, PCRs
//
// The guest cannot write into REPORT_DATA. The report speaks for the paravisor, which measured itself into it; the guest stands in the PCRs, by the
// paravisor's word. Without a quote the report is as old as the boot.
#pragma once

#include "openpcc/azure/runtime.h"
#include "openpcc/snp/verify.h"
#include "openpcc/tdx/verify.h"
#include "openpcc/tpm/verify.h"

namespace openpcc::azure {

// TpmQuote is what the vTPM says.
struct TpmQuote {
  ByteSpan quote;
  tpm::Signature signature;
  tpm::Banks values;
};

// Evidence is all that there is of a VM, each the exact bytes. Views: what they show outlives the call.
struct Evidence {
  ByteSpan hcl;
  snp::Collateral snp;                     // of a VM on SEV-SNP; the report is in the HCL report
  ByteSpan td_quote;                       // of a VM on TDX; empty: none
  tdx::Collateral tdx;                     // likewise
  std::optional<TpmQuote> quote;           // none: a policy decides
  std::optional<ByteSpan> ak_certificate;  // of HCLAkPub (certificate.h); only compared with it, as the report vouches for the key
};

// Trust is what the evidence is held to, beside the time.
struct Trust {
  std::span<const snp::PinnedRoot> amd = snp::amd_roots();
  tdx::Terms tdx;
};

// VerifiedVm is a VM whose chain of signatures and hashes up to a pinned root is good. Only verify() makes one.
class VerifiedVm {
 public:
  using HardwareReport = std::variant<snp::VerifiedReport, tdx::VerifiedQuote>;

  Hardware hardware() const { return std::holds_alternative<snp::VerifiedReport>(report_) ? Hardware::snp : Hardware::tdx; }
  const HardwareReport& report() const { return report_; }
  const RuntimeData& runtime() const { return runtime_; }
  const std::optional<tpm::VerifiedQuote>& quote() const { return quote_; }
  // window is when all that was signed holds; a vTPM's quote has no times.
  const x509::Window& window() const {
    return std::visit([](const auto& report) -> const x509::Window& { return report.window(); }, report_);
  }

 private:
  friend class Verifier;
  VerifiedVm(HardwareReport report, RuntimeData runtime, std::optional<tpm::VerifiedQuote> quote)
      : report_(std::move(report)), runtime_(std::move(runtime)), quote_(std::move(quote)) {}
  HardwareReport report_;
  RuntimeData runtime_;
  std::optional<tpm::VerifiedQuote> quote_;
};

// Verification is a verified VM, or everything that was found to be wrong, in the order of the checks.
struct Verification {
  std::vector<Error> failures;
  std::optional<VerifiedVm> verified;  // there exactly when nothing failed
};

// verify checks all of it, in this order; what rests on something that could not be read or is not bound is left out.
//   azure.hcl.*              of parse_hcl
//   azure.tdreport           of read_td_report
//   azure.binding            REPORT_DATA is not the hash of the runtime data, and zeros
//   snp.*                    of snp::verify                 azure.td_quote.missing   there is no quote of the TD
//   tdx.*                    of tdx::verify                 azure.td_quote           it is not of this TD, or not of this boot
//   azure.runtime.syntax, azure.ak.missing, azure.ak.syntax of read_runtime
//   azure.ak.certificate     cannot be read, or is of another key
//   tpm.*                    of tpm::verify, by HCLAkPub
Verification verify(const Evidence& evidence, UnixSeconds now, const Trust& trust = {});

}  // namespace openpcc::azure
