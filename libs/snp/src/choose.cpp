#include "openpcc/snp/choose.h"

#include <tuple>

#include "openpcc/core/describe.h"

namespace openpcc::snp {
namespace {

using x509::Certificate;
using List = std::vector<const Certificate*>;

const Certificate* first(const List& list) { return list.empty() ? nullptr : list.front(); }

const Certificate* vek_among(const List& veks, const Report* report, std::optional<UnixSeconds> now) {
  const auto* found = x509::best_of(veks, [&](const Certificate* one) {
    const Fit fit = report == nullptr ? Fit() : fit_of(*report, *one);
    return std::optional(std::tuple(fit, !now || one->window().contains(*now), one->window().from));
  });
  return found == nullptr ? nullptr : *found;
}

// above is who issued `below`; where nobody did, whatever there is.
const Certificate* above(const Certificate* below, const List& among) {
  const Certificate* found = below == nullptr ? nullptr : x509::issuer_of(*below, among);
  return found == nullptr ? first(among) : found;
}

}  // namespace

Fit fit_of(const Report& report, const VekFields& vek) {
  const ByteSpan chip(report.chip_id), id(vek.hwid);
  const bool hidden = vek.kind == SigningKey::vlek || report.mask_chip_key;
  const bool same = id.size() <= chip.size() && equal(id, chip.first(id.size())) && is_zero(chip.subspan(id.size()));
  return {vek.kind == report.signing_key, hidden || same, read_tcb(report.reported_tcb, vek.product) == vek.tcb};
}

Fit fit_of(const Report& report, const Certificate& certificate) {
  const auto vek = read_vek(certificate);
  return vek ? fit_of(report, *vek) : Fit();
}

Chosen choose(const Report* report, x509::Certificates certificates, std::span<const x509::CrlView> lists, std::optional<UnixSeconds> now) {
  List veks, issuers, roots;
  for (const Certificate* one : certificates) {
    const std::string_view name = one->common_name();
    auto& place = name == "SEV-VCEK" || name == "SEV-VLEK" ? veks : name.starts_with("ARK-") ? roots : issuers;
    place.push_back(one);
  }
  Chosen out;
  out.vek = vek_among(veks, report, now);
  out.issuer = above(out.vek, issuers);
  out.root = above(out.issuer, roots);
  if (out.root != nullptr) out.crl = x509::list_of(*out.root, lists);
  if (out.crl == nullptr && !lists.empty()) out.crl = &lists.front();
  return out;
}

}  // namespace openpcc::snp
