#include "openpcc/collect/machine.h"

#include "openpcc/attest/hardware_types.h"
#include "openpcc/azure/runtime.h"
#include "openpcc/snp/report.h"
#include "openpcc/tdx/quote.h"

namespace openpcc::collect {
namespace {

using ReportData = std::array<uint8_t, 64>;

template <class Parsed>
Result<ReportData> data_of(const Result<Parsed>& parsed, const ReportData& (*get)(const Parsed&)) {
  if (!parsed) return fail(parsed.error().code, "collect.report.syntax", describe(parsed.error()));
  return get(*parsed);
}

// user_data is what the guest wrote, in the report of a paravisor.
Result<ReportData> user_data(ByteSpan report) {
  constexpr Rule kRule = "collect.report.syntax";
  const auto hcl = azure::parse_hcl(report);
  if (!hcl) return fail(hcl.error().code, kRule, describe(hcl.error()));
  const auto runtime = azure::read_runtime(hcl->json);
  if (!runtime) return fail(runtime.error().code, kRule, describe(runtime.error()));
  return runtime->user_data;
}

Result<ReportData> report_data(const Collected& collected) {
  if (collected.paravisor) return user_data(collected.paravisor->report.bytes);
  const attest::Item& report = collected.report;
  if (report.media_type == attest::kSnpReportType) {
    return data_of<snp::Report>(snp::parse_report(report.bytes), [](const snp::Report& r) -> const ReportData& { return r.report_data; });
  }
  return data_of<tdx::Quote>(tdx::parse_quote(report.bytes), [](const tdx::Quote& q) -> const ReportData& { return q.reportdata(); });
}

// behind shows a device as one behind a paravisor.
attest::Device behind(Paravisor paravisor, attest::Device device) {
  device.report = std::move(paravisor.report);
  device.collateral.merge(paravisor.collateral);
  return device;
}

}  // namespace

Bytes Machine::gpu_id(size_t rank) const {
  const nvgpu::Pdi& id = gpus_->ids().at(rank);
  return {id.begin(), id.end()};
}

Result<attest::Device> Machine::gpu_report(size_t rank, const attest::GpuNonce& nonce) {
  OPENPCC_LET(const Collected collected, gpus_->collect(rank, nonce));
  const auto report = nvgpu::parse_report(collected.report.bytes);
  if (!report) return fail(report.error().code, "collect.report.syntax", describe(report.error()));
  if (report->nonce != nonce) return fail(Code::rejected, "collect.gpu.nonce", "GPU " + to_hex(gpu_id(rank)) + " answers another request");
  return gpu_staple_(collected);
}

Result<attest::Device> Machine::cpu_quote(const attest::Binding& binding) {
  OPENPCC_LET(Collected collected, source_->collect(binding));
  OPENPCC_LET(const ReportData data, report_data(collected));
  // A recording's data cannot be B: those who verify the evidence refuse it for that.
  if (!source_->recorded() && data != binding) {
    return fail(Code::rejected, "collect.report.data",
                "the report is not of this request: under a paravisor (Azure) report data is not the guest's, so that evidence = \"azure\" "
                "is needed");
  }
  std::optional<Paravisor> paravisor = std::move(collected.paravisor);
  OPENPCC_LET(attest::Device device, staple_(std::move(collected)));
  return paravisor ? behind(std::move(*paravisor), std::move(device)) : device;
}

}  // namespace openpcc::collect
