#include "openpcc/collect/shelf.h"

#include <algorithm>

#include "openpcc/attest/collateral_labels.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/attest/platform.h"
#include "openpcc/tdx/collateral.h"

namespace openpcc::collect {
namespace {

using attest::Device;
using attest::Item;
using attest::PlatformItem;
using x509::Certificate;

constexpr size_t kPemMax = 16;
constexpr std::string_view kTcbSigner = "Intel SGX TCB Signing";

// Shelf holds the items by what they are.
struct Shelf {
  std::vector<Certificate> certificates;
  std::vector<ByteSpan> chains;  // PEM
  std::vector<ByteSpan> lists, tcb_infos, identities;

  explicit Shelf(std::span<const Bytes> items) {
    for (const Bytes& item : items) add(item);
  }

 private:
  void add(ByteSpan bytes, bool in_table = false) {
    switch (attest::recognise(bytes)) {
      case PlatformItem::certificate: certificates.push_back(*Certificate::parse(bytes)); return;
      case PlatformItem::certificates: {
        chains.push_back(bytes);
        auto parsed = Certificate::parse_pem(bytes, kPemMax);
        if (parsed) std::ranges::move(*parsed, std::back_inserter(certificates));
        return;
      }
      case PlatformItem::snp_certificate_table: {
        const auto table = snp::parse_certificate_table(bytes);
        for (const auto& entry : {table->vcek, table->vlek, table->ask, table->ark}) {
          if (entry && !in_table) add(*entry, true);
        }
        return;
      }
      case PlatformItem::revocation_list: lists.push_back(bytes); return;
      case PlatformItem::tcb_info: tcb_infos.push_back(bytes); return;
      case PlatformItem::qe_identity: identities.push_back(bytes); return;
      default: return;
    }
  }
};

// newest finds the one whose time, as `time_of` says, is the latest; nullopt from time_of: it does not fit.
template <class T, class TimeOf>
const T* newest(const std::vector<T>& list, TimeOf time_of) {
  const T* found = nullptr;
  UnixSeconds best = 0;
  for (const T& one : list) {
    const std::optional<UnixSeconds> time = time_of(one);
    if (time && (found == nullptr || *time > best)) {
      found = &one;
      best = *time;
    }
  }
  return found;
}

bool signed_by(const x509::Signed& statement, const Certificate& issuer) {
  const auto key = issuer.key();
  return key && statement.check(*key);
}

// issuer_of finds who signed `below`: the name alone would not tell an issuer from its predecessor.
const Certificate* issuer_of(const Certificate& below, const std::vector<Certificate>& among) {
  return newest(among, [&](const Certificate& c) {
    const bool fits = equal(c.subject(), below.issuer()) && signed_by(below.signature(), c);
    return fits ? std::optional(c.window().from) : std::nullopt;
  });
}

const ByteSpan* list_of(const Certificate& issuer, const std::vector<ByteSpan>& lists) {
  return newest(lists, [&](ByteSpan der) -> std::optional<UnixSeconds> {
    const auto list = x509::Crl::parse(der);
    if (!list || !equal(list->issuer(), issuer.subject()) || !signed_by(list->signature(), issuer)) return std::nullopt;
    return list->window().from;
  });
}

Item item(std::string_view type, ByteSpan bytes) { return {std::string(type), Bytes(bytes.begin(), bytes.end())}; }

std::unexpected<Error> missing(const std::string& what) { return fail(Code::unavailable, "collect.staple.missing", what); }

bool is_zero(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// names_chip: hwID is CHIP_ID, of which Turin uses 8 bytes. A chip that does not show its id fits any.
bool names_chip(const snp::VekFields& vek, const snp::Report& report) {
  if (vek.kind == snp::SigningKey::vlek || report.mask_chip_key) return true;
  const ByteSpan chip(report.chip_id);
  return vek.hwid.size() <= chip.size() && equal(vek.hwid, chip.first(vek.hwid.size())) && is_zero(chip.subspan(vek.hwid.size()));
}

const Certificate* vek_of(const snp::Report& report, const Shelf& shelf) {
  return newest(shelf.certificates, [&](const Certificate& c) -> std::optional<UnixSeconds> {
    const auto vek = snp::read_vek(c);
    if (!vek || vek->kind != report.signing_key || !names_chip(*vek, report)) return std::nullopt;
    if (snp::read_tcb(report.reported_tcb, vek->product) != vek->tcb) return std::nullopt;
    return c.window().from;
  });
}

// wanted_vek says which certificate is missing, as AMD's key distribution service needs to know it.
std::string wanted_vek(const snp::Report& report) {
  const auto product = report.has_cpuid() ? snp::product_of_cpu(report.cpuid_family, report.cpuid_model) : std::nullopt;
  const std::string tcb = product ? std::string(to_string(*product)) + " at " + snp::read_tcb(report.reported_tcb, *product).text(*product)
                                  : "REPORTED_TCB " + to_hex(report.reported_tcb);
  if (report.signing_key == snp::SigningKey::vlek) return "the provider's VLEK certificate for " + tcb + ": the host has it";
  return "the VCEK certificate of chip " + to_hex(report.chip_id) + " for " + tcb + ": AMD's key distribution service has it";
}

Result<Device> staple_snp(Item report, const Shelf& shelf) {
  const auto parsed = snp::parse_report(report.bytes);
  if (!parsed) return fail(parsed.error().code, "collect.staple.report", describe(parsed.error()));
  const Certificate* vek = vek_of(*parsed, shelf);
  if (vek == nullptr) return missing(wanted_vek(*parsed));
  const Certificate* issuer = issuer_of(*vek, shelf.certificates);
  if (issuer == nullptr)
    return missing("the certificate that signed the chip's (ASK or ASVK): AMD's key distribution service has it in cert_chain");
  const Certificate* root = issuer_of(*issuer, shelf.certificates);
  if (root == nullptr) return missing("the root's certificate (ARK): AMD's key distribution service has it in cert_chain");
  Device out{std::move(report), {}, {}};
  for (const Certificate* c : {vek, issuer, root}) out.chain.push_back(item(attest::kCertificateType, c->der()));
  if (const ByteSpan* list = list_of(*root, shelf.lists)) out.collateral[attest::kCrlLabel] = item(attest::kCrlType, *list);
  return out;
}

// fitting_document finds the newest document that `read` takes: it gives the window of those that fit.
template <class Read>
const ByteSpan* fitting_document(const std::vector<ByteSpan>& documents, std::string_view member, Read read) {
  return newest(documents, [&](ByteSpan text) -> std::optional<UnixSeconds> {
    const auto document = tdx::open_document({text, {}}, member);
    return document ? read(document->value) : std::nullopt;
  });
}

const ByteSpan* tcb_info_of(const tdx::PckClaims& pck, const Shelf& shelf) {
  return fitting_document(shelf.tcb_infos, "tcbInfo", [&](ByteSpan value) -> std::optional<UnixSeconds> {
    const auto info = tdx::parse_tcb_info(value);
    if (!info || info->head.id != "TDX" || info->fmspc != pck.fmspc || info->pceid != pck.pceid) return std::nullopt;
    return info->head.window.from;
  });
}

const ByteSpan* identity_in(const Shelf& shelf) {
  return fitting_document(shelf.identities, "enclaveIdentity", [](ByteSpan value) -> std::optional<UnixSeconds> {
    const auto identity = tdx::parse_qe_identity(value);
    if (!identity || identity->head.id != "TD_QE") return std::nullopt;
    return identity->head.window.from;
  });
}

const ByteSpan* signing_chain_in(const Shelf& shelf) {
  return newest(shelf.chains, [](ByteSpan pem) -> std::optional<UnixSeconds> {
    const auto chain = Certificate::parse_pem(pem, kPemMax);
    if (!chain || chain->front().common_name() != kTcbSigner) return std::nullopt;
    return chain->front().window().from;
  });
}

Result<Device> staple_tdx(Item report, const Shelf& shelf) {
  const auto quote = tdx::parse_quote(report.bytes);
  if (!quote) return fail(quote.error().code, "collect.staple.report", describe(quote.error()));
  if (quote->header.tee_type != tdx::Tee::tdx) return fail(Code::unsupported, "collect.staple.report", "a quote of an SGX enclave");
  const auto chain = Certificate::parse_pem(quote->pck_chain, kPemMax);
  if (!chain || chain->size() < 2) return fail(Code::malformed, "collect.staple.report", "the quote's PCK chain");
  const auto pck = tdx::read_pck(chain->front());
  if (!pck) return fail(pck.error().code, "collect.staple.report", describe(pck.error()));
  const std::string service = ": Intel's provisioning certification service has it";
  const ByteSpan* tcb_info = tcb_info_of(*pck, shelf);
  if (tcb_info == nullptr) return missing("TCB info (tdx) of FMSPC " + to_hex(pck->fmspc) + service);
  const ByteSpan* identity = identity_in(shelf);
  if (identity == nullptr) return missing("the identity of the TD quoting enclave" + service);
  const ByteSpan* signer = signing_chain_in(shelf);
  if (signer == nullptr) return missing("the chain of who signed TCB info, in PEM" + service + " in a header of its answers");
  Device out{std::move(report), {}, {}};
  out.collateral[attest::kTcbInfoLabel] = item(attest::kJsonType, *tcb_info);
  out.collateral[attest::kQeIdentityLabel] = item(attest::kJsonType, *identity);
  out.collateral[attest::kTcbSigningChainLabel] = item(attest::kPemType, *signer);
  if (const ByteSpan* list = list_of(chain->back(), shelf.lists)) out.collateral[attest::kRootCaCrlLabel] = item(attest::kCrlType, *list);
  if (const ByteSpan* list = list_of((*chain)[1], shelf.lists)) out.collateral[attest::kPckCrlLabel] = item(attest::kCrlType, *list);
  return out;
}

}  // namespace

Result<Device> staple(Item report, std::span<const Bytes> items) {
  const Shelf shelf(items);
  if (report.media_type == attest::kSnpReportType) return staple_snp(std::move(report), shelf);
  OPENPCC_CHECK(report.media_type == attest::kTdxQuoteType);
  return staple_tdx(std::move(report), shelf);
}

}  // namespace openpcc::collect
