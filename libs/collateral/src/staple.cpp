#include "openpcc/collateral/staple.h"

#include <algorithm>

#include "gathering.h"

namespace openpcc::collateral {
namespace {

using attest::PlatformItem;
using attest::Recognised;

bool may_vouch(PlatformItem item) {
  return item == PlatformItem::snp_certificate_table || item == PlatformItem::certificate || item == PlatformItem::certificates ||
         item == PlatformItem::revocation_list;
}

// products are the lines that a report may be of. Version 2 does not say; no Turin ever wrote one.
Result<std::vector<snp::Product>> products_of(const snp::Report& report, std::span<const Recognised> given, UnixSeconds now) {
  if (!report.has_cpuid()) {
    if (const auto line = product_given(report, given, now)) return std::vector{*line};
    return std::vector{snp::Product::milan, snp::Product::genoa};
  }
  const auto line = snp::product_of_cpu(report.cpuid_family, report.cpuid_model);
  if (line) return std::vector{*line};
  return fail(Code::unsupported, "snp.product.unknown",
              "CPU family " + std::to_string(report.cpuid_family) + ", model " + std::to_string(report.cpuid_model));
}

Result<attest::Device> staple_snp(ByteSpan bytes, std::span<const Recognised> given, const Source& source, UnixSeconds now) {
  OPENPCC_LET(const ByteSpan bare, snp::strip_response(bytes));
  OPENPCC_LET(const snp::Report report, snp::parse_report(bare));
  OPENPCC_LET(const std::vector<snp::Product> products, products_of(report, given, now));
  std::vector<std::unique_ptr<Case>> cases;
  cases.reserve(products.size());
  for (const snp::Product product : products) cases.push_back(snp_case(bare, report, product, given, source, now));
  // Nobody is asked about one line before it is clear that the other one is not kept.
  for (const auto& judged : std::span(cases).last(cases.size() - 1)) {
    if (auto kept = Gathering(*judged, source).from_kept(); kept) return kept;
  }
  for (const auto& judged : std::span(cases).first(cases.size() - 1)) {
    auto device = Gathering(*judged, source).run();
    if (device || device.error().rule != Rule("collateral.answer.unknown")) return device;
  }
  return Gathering(*cases.back(), source).run();
}

}  // namespace

Result<attest::Device> staple(ByteSpan report, std::span<const Bytes> given, const Source& source, UnixSeconds now) {
  const PlatformItem kind = attest::recognise(report);
  if (kind != PlatformItem::snp_report && kind != PlatformItem::intel_quote) {
    return fail(Code::unsupported, "collateral.report.none", "neither a report of AMD SEV-SNP nor a quote of Intel's");
  }
  const bool snp = kind == PlatformItem::snp_report;
  const std::vector<Recognised> items = attest::read_items(given);
  const bool fits = std::ranges::all_of(items, [&](const Recognised& item) { return snp && may_vouch(item.kind); });
  if (!fits) {
    return fail(Code::malformed, "collateral.item.unused",
                snp ? "beside a report goes what its host gave: certificates, their table, a revocation list"
                    : "a quote goes alone: it holds its own certificates");
  }
  if (snp) return staple_snp(report, items, source, now);
  OPENPCC_LET(const std::unique_ptr<Case> judged, intel_case(report, source, now));
  return Gathering(*judged, source).run();
}

}  // namespace openpcc::collateral
