#include <algorithm>

#include "judging.h"
#include "kind_hardware.h"
#include "openpcc/tdx/choose.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kUpdate = "the host must update its platform";
constexpr std::string_view kOtherTime = "get certificates and collateral again, or judge as of another time (--at)";
constexpr std::string_view kOtherPlatform = "give the collateral of this platform";
constexpr Remedy kRemedies[] = {
    {"tdx.collateral.missing", "add TCB info, QE identity and their signer's chain (Intel's provisioning certification service has them)"},
    {"tdx.crl.*", "add the current lists of Intel's root and of the PCK's issuer"},
    {"*.expired", kOtherTime},
    {"*.early", kOtherTime},
    {"tdx.collateral.fmspc", kOtherPlatform},
    {"tdx.collateral.pceid", kOtherPlatform},
    {"tdx.collateral.id", kOtherPlatform},
    {"tdx.collateral.*", "get the collateral again from Intel"},
    {"tdx.signer.*", "get the collateral again from Intel"},
    {"tdx.tcb.*", kUpdate},
    {"tdx.module.*", kUpdate},
    {"tdx.qe.*", kUpdate},
};

// document_in is the one that was chosen, else the last one, so that the verifier says what is wrong with it.
tdx::Document document_in(const std::vector<ByteSpan>& texts, const ByteSpan* chosen) {
  if (chosen != nullptr) return {*chosen, {}};
  return {texts.empty() ? ByteSpan() : texts.back(), {}};
}

// sign_apart gives signatures that stand apart to documents that bring none.
void sign_apart(tdx::Collateral& out, const std::vector<ByteSpan>& signatures, bool swapped) {
  constexpr size_t kDigits = 128;  // what else there is of such an item are line ends
  std::vector<tdx::Document*> bare;
  for (tdx::Document* document : {&out.tcb_info, &out.qe_identity}) {
    if (!document->text.empty() && as_text(document->text).find("\"signature\"") == std::string_view::npos) bare.push_back(document);
  }
  if (swapped) std::ranges::reverse(bare);
  for (size_t i = 0; i < std::min(signatures.size(), bare.size()); ++i) bare[i]->signature_hex = signatures[i].first(kDigits);
}

// add_chains tells the chain of who signs the documents from that of the lists' issuer; of several the last one counts.
void add_chains(tdx::Collateral& out, Items items) {
  for (const Recognised& item : items) {
    if (item.kind != PlatformItem::certificates) continue;
    if (tdx::is_tcb_signer(item.as<std::vector<x509::Certificate>>()->front())) {
      out.tcb_signing_chain = item.bytes;
    } else {
      out.pck_crl_issuer_chain = item.bytes;
    }
  }
}

// add_lists takes the lists of PCK issuer and root. One that is of neither stands in the root's place, and is refused there.
void add_lists(tdx::Collateral& out, const tdx::Chain& chain, std::vector<x509::CrlView> lists) {
  if (const auto* pck = x509::list_of(chain.issuer(), lists)) out.pck_crl = pck->der;
  std::erase_if(lists, [&](const x509::CrlView& one) { return equal(one.list->issuer(), chain.issuer().subject()); });
  if (const auto* root = x509::list_of(chain.root(), lists)) {
    out.root_ca_crl = root->der;
  } else if (!lists.empty()) {
    out.root_ca_crl = lists.back().der;
  }
}

// verify_with tries the signatures that stand apart in both orders.
Result<tdx::VerifiedQuote> verify_with(Items items, const tdx::AuthenticQuote& authentic, ByteSpan quote, UnixSeconds now,
                                       const tdx::Terms& terms) {
  auto verified = tdx::verify(quote, tdx_collateral_in(authentic, items, false), now, terms);
  if (verified || verified.error().rule != Rule("tdx.collateral.signature")) return verified;
  return tdx::verify(quote, tdx_collateral_in(authentic, items, true), now, terms);
}

std::string kind_of(const tdx::Quote& quote) {
  const std::string version = ", version " + std::to_string(quote.header.version);
  const auto* td = std::get_if<tdx::TdReport>(&quote.body);
  if (td == nullptr) return "Intel SGX quote" + version;
  return "Intel TDX quote" + version + (td->td15 ? ", TD 1.5" : ", TD 1.0");
}

}  // namespace

const Words kTdxWords{"a quote that the maker's root vouches for", [](std::string_view rule) { return remedy_in(kRemedies, rule); },
                      [](std::string_view rule) { return !rule.starts_with("tdx.pck."); }};

bool judged_late(const Error& error) { return error.rule.id().starts_with("tdx.tcb.") || error.rule.id().starts_with("tdx.module."); }

tdx::Collateral tdx_collateral_in(const tdx::AuthenticQuote& quote, Items items, bool swapped) {
  const auto infos = all_of(items, PlatformItem::tcb_info), identities = all_of(items, PlatformItem::qe_identity);
  const tdx::Tee tee = quote.quote().header.tee_type;
  tdx::Collateral out;
  out.tcb_info = document_in(infos, tdx::tcb_info_of(quote.pck(), tee, infos));
  out.qe_identity = document_in(identities, tdx::qe_identity_of(tee, identities));
  sign_apart(out, all_of(items, PlatformItem::signature_hex), swapped);
  add_chains(out, items);
  add_lists(out, quote.chain(), lists_in(items));
  return out;
}

JudgedPlatform judge_tdx(ByteSpan bytes, Items items, UnixSeconds now, const tdx::Demands& demands, const tdx::Terms& terms) {
  JudgedPlatform judged;
  PlatformVerdict& out = judged.verdict;
  out.kind = name_of(PlatformItem::intel_quote);
  const auto authentic = tdx::authenticate(bytes, terms);
  if (!authentic) {
    not_genuine(out, kTdxWords, std::span(&authentic.error(), 1));
    return judged;
  }
  const tdx::Quote& quote = authentic->quote();
  out.kind = kind_of(quote);
  out.findings.push_back({Aspect::signatures,
                          State::passed,
                          "tdx.quote_signature",
                          "signatures that lead to Intel's root",
                          "by an attestation key that an enclave on a certified platform of Intel's vouches for",
                          {}});
  const auto verified = verify_with(items, *authentic, bytes, now, terms);
  appraisal::Findings found;
  if (verified) {
    out.window = tdx::accepted_window(*verified, demands, now);
    found = tdx::appraise_tcb(*verified, demands, now);
  } else if (judged_late(verified.error())) {
    found.push_back(failed(Aspect::tcb, verified.error(), kTcbExpected, kTdxWords.remedy(verified.error().rule.id())));
  } else {
    not_genuine(out, kTdxWords, std::span(&verified.error(), 1));
  }
  append(found, tdx::appraise({quote.header, quote.body, quote.qe_report, authentic->pck()}, demands));
  // An enclave has no registers, so that no log can be of it.
  const auto* td = std::get_if<tdx::TdReport>(&quote.body);
  append(found, judge_logs(items, tpm::LogForm::ccel, td != nullptr ? tpm::of_rtmrs(td->rtmr) : tpm::Quoted{tpm::Hash::sha384, {}}));
  if (verified || judged_late(verified.error())) {
    found_genuine(out, kTdxWords, "tdx.qe.isvprodid",
                  "Intel's quoting enclave made it, on a platform whose certificates and collateral are of this time", std::move(found));
  } else {
    append(out.findings, std::move(found));
    conclude(out);
  }
  judged.chip_id.assign(authentic->pck().ppid.begin(), authentic->pck().ppid.end());
  if (td != nullptr) judged.release = tdx_release(*td);
  return judged;
}

}  // namespace openpcc::attest
