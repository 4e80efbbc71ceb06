// Spec: spec/evidence.md s7.1.
#include "openpcc/collect/azure.h"

#include <cerrno>

#include "openpcc/attest/azure_binding.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/azure/runtime.h"
#include "openpcc/collect/source.h"
#include "openpcc/tpm/transport.h"
#include "openpcc/tpm/verify.h"

namespace openpcc::collect {
namespace {

using tpm_collect::AzureTpm;

constexpr Rule kAbsent = "collect.azure.absent";
constexpr Rule kTpm = "collect.azure.tpm";
constexpr Rule kReport = "collect.azure.report";
constexpr Rule kQuote = "collect.azure.quote";
constexpr Rule kTdQuote = "collect.azure.td_quote";

attest::Item item(std::string_view type, ByteSpan bytes) { return {std::string(type), Bytes(bytes.begin(), bytes.end())}; }

// because hands a parser's or verifier's refusal on under a rule of ours.
std::unexpected<Error> because(Rule rule, const Error& error) { return fail(error.code, rule, describe(error)); }

bool is_path(const std::string& device) { return device.starts_with('/'); }

Result<> find_device(Kernel& kernel, const std::string& device) {
  if (!is_path(device)) return {};
  const auto found = File::open(kernel, device, Access::read_write);
  if (found) return {};
  const int error = found.error();
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return fail(Code::unsupported, kAbsent,
                "no " + device + ": it takes a confidential VM of Azure's, whose kernel has a driver for its TPM");
  }
  return fail(Code::unavailable, kTpm,
              device + ": " + error_text(error) + "; let the node read and write it: its group is tss on most systems");
}

Result<std::unique_ptr<AzureTpm>> open_tpm(const AzureMeans& means) {
  auto tpm = means.open(is_path(means.device) ? "device:" + means.device : means.device);
  if (!tpm) return because(kTpm, tpm.error());
  return tpm;
}

// Report is a paravisor's report that holds B.
struct Report {
  Bytes bytes;
  azure::RuntimeData runtime;
};

Result<Report> holding(Bytes bytes, const attest::Binding& binding) {
  const auto hcl = azure::parse_hcl(bytes);
  if (!hcl) return because(kReport, hcl.error());
  if (!equal(hcl->report_data(), hcl->bound())) return fail(Code::malformed, kReport, "the hardware's report is of other runtime data");
  auto runtime = azure::read_runtime(hcl->json);
  if (!runtime) return because(kReport, runtime.error());
  if (runtime->user_data != binding) {
    return fail(Code::unavailable, "collect.azure.user_data",
                "the paravisor's report does not take up what was written into NV index 0x01400002: does another program write there?");
  }
  return Report{std::move(bytes), std::move(*runtime)};
}

// fresh_report asks again also where the bytes are no report: they come in pieces, between which another reader may have had it renewed.
Result<Report> fresh_report(AzureTpm& tpm, const attest::Binding& binding, const AzureMeans& means) {
  for (int attempt = 1;; ++attempt) {
    OPENPCC_TRY(tpm.write(tpm_collect::kAzureUserData, binding));
    OPENPCC_LET(Bytes bytes, tpm.read(tpm_collect::kAzureReport));
    auto report = holding(std::move(bytes), binding);
    if (report || attempt == kReportTries) return report;
    if (means.pause) means.pause(kReportRenewal);
  }
}

Result<tpm_collect::Collected> fresh_quote(AzureTpm& tpm, const tpm::AttestationKey& ak, const attest::Binding& binding, uint32_t pcrs) {
  const tpm::Selections selections{{tpm::Hash::sha256, pcrs}};
  const crypto::Sha256Digest nonce = attest::azure_nonce(binding);
  OPENPCC_LET(tpm_collect::Collected out, tpm_collect::collect_quote(tpm, nonce, selections));
  const tpm::Verification verification = tpm::verify(out.quote, out.signature, ak, out.values);
  if (!verification.verified) return because(kQuote, verification.failures.front());
  const tpm::Quote& quote = verification.verified->quote();
  if (!equal(quote.extra_data, nonce)) return fail(Code::rejected, kQuote, "it was made for another request");
  if (quote.selections != selections) {
    return fail(Code::rejected, kQuote, "it covers " + text_of(quote.selections) + " instead of " + text_of(selections));
  }
  return out;
}

Result<attest::Item> td_quote(ByteSpan td_report, const QuoteService& service) {
  const auto td = azure::read_td_report(td_report);
  if (!td) return because(kReport, td.error());
  OPENPCC_LET(Bytes bytes, service(td_report));
  const auto quote = tdx::parse_quote(bytes);
  if (!quote) return because(kTdQuote, quote.error());
  const auto* quoted = std::get_if<tdx::TdReport>(&quote->body);
  if (quoted == nullptr || !azure::same_td(*td, *quoted))
    return fail(Code::rejected, kTdQuote, "the quoting service gave one of another TD");
  return attest::Item{std::string(attest::kTdxQuoteType), std::move(bytes)};
}

Result<Collected> assembled(Report report, const tpm_collect::Collected& quote, const QuoteService& service) {
  const auto hcl = azure::parse_hcl(report.bytes);
  const bool snp = hcl->hardware == azure::Hardware::snp;
  Paravisor paravisor;
  paravisor.collateral[attest::kTpmQuoteLabel] = item(attest::kTpmQuoteType, quote.quote);
  paravisor.collateral[attest::kTpmSignatureLabel] = item(attest::kTpmSignatureType, quote.signature);
  paravisor.collateral[attest::kPcrsLabel] = item(attest::kJsonType, tpm::write_values(quote.values.at(tpm::Hash::sha256)));
  Collected out;
  if (snp) {
    out.report = item(attest::kSnpReportType, hcl->report);
  } else {
    OPENPCC_LET(out.report, td_quote(hcl->report, service));
    paravisor.collateral[attest::kTdQuoteLabel] = out.report;
  }
  paravisor.report = {std::string(snp ? attest::kAzureSnpType : attest::kAzureTdxType), std::move(report.bytes)};
  out.paravisor = std::move(paravisor);
  return out;
}

class AzureVm final : public Source {
 public:
  explicit AzureVm(AzureMeans means) : means_(std::move(means)) {}
  Word name() const override { return "azure"; }
  Result<Collected> collect(const attest::Binding& binding) override {
    OPENPCC_LET(const std::unique_ptr<AzureTpm> tpm, open_tpm(means_));
    OPENPCC_LET(Report report, fresh_report(*tpm, binding, means_));
    OPENPCC_LET(const tpm_collect::Collected quote, fresh_quote(*tpm, report.runtime.ak, binding, means_.pcrs));
    return assembled(std::move(report), quote, means_.quote_service);
  }

 private:
  AzureMeans means_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_azure_vm(const Guest& guest) {
  OPENPCC_TRY(find_device(guest.kernel, guest.azure.device));
  OPENPCC_LET(const std::unique_ptr<AzureTpm> tpm, open_tpm(guest.azure));
  const auto size = tpm->size(tpm_collect::kAzureReport);
  if (!size) {
    return fail(Code::unsupported, kAbsent,
                "the TPM at " + guest.azure.device + " has no report of a paravisor (" + size.error().detail +
                    "): this is no confidential VM of Azure's");
  }
  return std::unique_ptr<Source>(new AzureVm(guest.azure));
}

}  // namespace openpcc::collect
