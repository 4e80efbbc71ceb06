#include "openpcc/azure/verify.h"

#include <algorithm>

#include "openpcc/azure/certificate.h"

namespace openpcc::azure {
// Verifier collects what fails. Each step looks only at what the steps before it could read.
class Verifier {
 public:
  Verifier(const Evidence& evidence, UnixSeconds now, const Trust& trust) : evidence_(evidence), now_(now), trust_(trust) {}

  Verification run() {
    const auto hcl = keep(parse_hcl(evidence_.hcl));
    if (!hcl) return {std::move(failures_), std::nullopt};
    std::optional<tdx::TdReport> td;
    if (hcl->hardware == Hardware::tdx) td = keep(read_td_report(hcl->report));
    const bool bound = equal(hcl->report_data(), hcl->bound());
    if (!bound) add("azure.binding", "REPORT_DATA is not the " + std::string(to_string(hcl->hash_type)) + " of the runtime data");
    if (hcl->hardware == Hardware::snp) {
      check_snp(hcl->report);
    } else {
      check_td_quote(td);
    }
    if (bound) check_runtime(hcl->json);
    if (!failures_.empty()) return {std::move(failures_), std::nullopt};
    return {{}, VerifiedVm(std::move(*report_), std::move(*runtime_), std::move(quote_))};
  }

 private:
  void add(Rule rule, std::string detail) { failures_.push_back({Code::verification_failed, rule, std::move(detail)}); }
  void add(std::vector<Error>& failures) { std::ranges::move(failures, std::back_inserter(failures_)); }
  template <class T>
  std::optional<T> keep(Result<T> result) {
    if (result) return std::move(*result);
    failures_.push_back(std::move(result).error());
    return std::nullopt;
  }

  void check_snp(ByteSpan report) {
    snp::Verification verification = snp::verify(report, evidence_.snp, now_, trust_.amd);
    add(verification.failures);
    if (verification.verified) report_ = std::move(*verification.verified);
  }

  void check_td_quote(const std::optional<tdx::TdReport>& td) {
    if (evidence_.td_quote.empty()) return add("azure.td_quote.missing", "a TDREPORT proves nothing to anybody but its platform");
    tdx::Terms terms = trust_.tdx;
    terms.tee = tdx::Tee::tdx;
    auto quote = keep(tdx::verify(evidence_.td_quote, evidence_.tdx, now_, terms));
    if (!quote) return;
    const auto& quoted = std::get<tdx::TdReport>(quote->claims().body);
    if (td && !same_td(*td, quoted)) add("azure.td_quote", "quote and TDREPORT are not of one TD in one boot");
    report_ = std::move(*quote);
  }

  void check_runtime(ByteSpan json) {
    runtime_ = keep(read_runtime(json));
    if (!runtime_) return;
    if (evidence_.ak_certificate) check_certificate(*evidence_.ak_certificate);
    if (!evidence_.quote) return;
    const TpmQuote& quote = *evidence_.quote;
    tpm::Verification verification = tpm::verify(quote.quote, quote.signature, runtime_->ak, quote.values);
    add(verification.failures);
    quote_ = std::move(verification.verified);
  }

  void check_certificate(ByteSpan bytes) {
    const auto certificate = keep(read_ak_certificate(bytes));
    if (certificate && !equal(certificate->spki(), runtime_->ak.spki())) {
      add("azure.ak.certificate", "the certificate of " + std::string(certificate->common_name()) + " is for another key");
    }
  }

  const Evidence& evidence_;
  UnixSeconds now_;
  const Trust& trust_;
  std::vector<Error> failures_;
  std::optional<VerifiedVm::HardwareReport> report_;
  std::optional<RuntimeData> runtime_;
  std::optional<tpm::VerifiedQuote> quote_;
};

Verification verify(const Evidence& evidence, UnixSeconds now, const Trust& trust) { return Verifier(evidence, now, trust).run(); }

}  // namespace openpcc::azure
