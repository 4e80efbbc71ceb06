#include "openpcc/collect/shelf.h"

#include "openpcc/attest/collateral_labels.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/attest/items.h"
#include "openpcc/snp/choose.h"
#include "openpcc/tdx/choose.h"

namespace openpcc::collect {
namespace {

using attest::Device;
using attest::Item;
using attest::PlatformItem;
using attest::Recognised;
using x509::Certificate;

constexpr size_t kPemMax = 16;

Item item(std::string_view type, ByteSpan bytes) { return {std::string(type), Bytes(bytes.begin(), bytes.end())}; }

std::unexpected<Error> missing(const std::string& what) { return fail(Code::unavailable, "collect.staple.missing", what); }

// wanted_vek says which certificate is missing, as AMD's key distribution service needs to know it.
std::string wanted_vek(const snp::Report& report) {
  const auto product = report.has_cpuid() ? snp::product_of_cpu(report.cpuid_family, report.cpuid_model) : std::nullopt;
  const std::string tcb = product ? std::string(to_string(*product)) + " at " + snp::read_tcb(report.reported_tcb, *product).text(*product)
                                  : "REPORTED_TCB " + to_hex(report.reported_tcb);
  if (report.signing_key == snp::SigningKey::vlek) return "the provider's VLEK certificate for " + tcb + ": the host has it";
  return "the VCEK certificate of chip " + to_hex(report.chip_id) + " for " + tcb + ": AMD's key distribution service has it";
}

// What fits but in part is left out here, so that what is missing can be named.
Result<Device> staple_snp(Item report, std::span<const Recognised> items) {
  const auto parsed = snp::parse_report(report.bytes);
  if (!parsed) return fail(parsed.error().code, "collect.staple.report", describe(parsed.error()));
  const auto certificates = attest::certificates_in(items);
  const auto lists = attest::lists_in(items);
  const auto [vek, issuer, root, list] = snp::choose(&*parsed, certificates, lists, std::nullopt);
  if (vek == nullptr || !snp::fit_of(*parsed, *vek).whole()) return missing(wanted_vek(*parsed));
  if (issuer == nullptr || !x509::issued(*issuer, *vek))
    return missing("the certificate that signed the chip's (ASK or ASVK): AMD's key distribution service has it in cert_chain");
  if (root == nullptr || !x509::issued(*root, *issuer))
    return missing("the root's certificate (ARK): AMD's key distribution service has it in cert_chain");
  Device out{std::move(report), {}, {}};
  for (const Certificate* c : {vek, issuer, root}) out.chain.push_back(item(attest::kCertificateType, c->der()));
  if (list != nullptr && x509::issued(*root, *list->list)) out.collateral[attest::kCrlLabel] = item(attest::kCrlType, list->der);
  return out;
}

// whole are the documents that have their signature inside, as evidence carries them.
std::vector<ByteSpan> whole(std::span<const Recognised> items, PlatformItem kind, std::string_view member) {
  std::vector<ByteSpan> out = attest::all_of(items, kind);
  std::erase_if(out, [&](ByteSpan text) { return !tdx::open_document({text, {}}, member); });
  return out;
}

// signing_chain_in is the newest chain of who signs Intel's documents.
const Recognised* signing_chain_in(std::span<const Recognised> items) {
  return x509::best_of(items, [](const Recognised& one) -> std::optional<UnixSeconds> {
    if (one.kind != PlatformItem::certificates) return std::nullopt;
    const Certificate& first = one.as<std::vector<Certificate>>()->front();
    return tdx::is_tcb_signer(first) ? std::optional(first.window().from) : std::nullopt;
  });
}

void add_list(Device& device, const char* label, const Certificate& issuer, const std::vector<x509::CrlView>& lists) {
  const auto* list = x509::list_of(issuer, lists);
  if (list != nullptr && x509::issued(issuer, *list->list)) device.collateral[label] = item(attest::kCrlType, list->der);
}

Result<Device> staple_tdx(Item report, std::span<const Recognised> items) {
  const auto quote = tdx::parse_quote(report.bytes);
  if (!quote) return fail(quote.error().code, "collect.staple.report", describe(quote.error()));
  if (quote->header.tee_type != tdx::Tee::tdx) return fail(Code::unsupported, "collect.staple.report", "a quote of an SGX enclave");
  const auto chain = Certificate::parse_pem(quote->pck_chain, kPemMax);
  if (!chain || chain->size() < 2) return fail(Code::malformed, "collect.staple.report", "the quote's PCK chain");
  const auto pck = tdx::read_pck(chain->front());
  if (!pck) return fail(pck.error().code, "collect.staple.report", describe(pck.error()));
  const std::string service = ": Intel's provisioning certification service has it";
  const auto infos = whole(items, PlatformItem::tcb_info, "tcbInfo");
  const ByteSpan* tcb_info = tdx::tcb_info_of(*pck, tdx::Tee::tdx, infos);
  if (tcb_info == nullptr) return missing("TCB info (tdx) of FMSPC " + to_hex(pck->fmspc) + service);
  const auto identities = whole(items, PlatformItem::qe_identity, "enclaveIdentity");
  const ByteSpan* identity = tdx::qe_identity_of(tdx::Tee::tdx, identities);
  if (identity == nullptr) return missing("the identity of the TD quoting enclave" + service);
  const Recognised* signer = signing_chain_in(items);
  if (signer == nullptr) return missing("the chain of who signed TCB info, in PEM" + service + " in a header of its answers");
  Device out{std::move(report), {}, {}};
  out.collateral[attest::kTcbInfoLabel] = item(attest::kJsonType, *tcb_info);
  out.collateral[attest::kQeIdentityLabel] = item(attest::kJsonType, *identity);
  out.collateral[attest::kTcbSigningChainLabel] = item(attest::kPemType, signer->bytes);
  const auto lists = attest::lists_in(items);
  add_list(out, attest::kRootCaCrlLabel, chain->back(), lists);
  add_list(out, attest::kPckCrlLabel, (*chain)[1], lists);
  return out;
}

}  // namespace

Result<Device> staple(Item report, std::span<const Bytes> items) {
  const std::vector<Recognised> recognised = attest::read_items(items);
  if (report.media_type == attest::kSnpReportType) return staple_snp(std::move(report), recognised);
  OPENPCC_CHECK(report.media_type == attest::kTdxQuoteType);
  return staple_tdx(std::move(report), recognised);
}

}  // namespace openpcc::collect
