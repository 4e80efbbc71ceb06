#include <algorithm>

#include "kind_hardware.h"
#include "platform_kinds.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr std::string_view kExpected = "a quote that the maker's root vouches for";

// Files gathers what Intel says about platforms. Signatures that stand apart do not name their document.
struct Files {
  ByteSpan tcb_info, qe_identity, signing_chain, issuer_chain;
  std::vector<ByteSpan> signatures, crls;
  std::vector<std::string> texts;  // keeps signatures without their line ends

  explicit Files(std::span<const Bytes> items) {
    texts.reserve(items.size());
    for (const Bytes& item : items) add(item);
  }

  // collateral for a quote whose PCK this issuer certified. A signature that stands apart goes to a document that brings none.
  tdx::Collateral collateral(const x509::Certificate& pck_issuer, bool swapped) const {
    tdx::Collateral out{{tcb_info, {}}, {qe_identity, {}}, signing_chain, {}, {}, {}};
    std::vector<tdx::Document*> unsigned_ones;
    for (tdx::Document* document : {&out.tcb_info, &out.qe_identity}) {
      if (!document->text.empty() && as_text(document->text).find("\"signature\"") == std::string_view::npos)
        unsigned_ones.push_back(document);
    }
    if (swapped) std::ranges::reverse(unsigned_ones);
    for (size_t i = 0; i < std::min(signatures.size(), unsigned_ones.size()); ++i) unsigned_ones[i]->signature_hex = signatures[i];
    if (!issuer_chain.empty()) out.pck_crl_issuer_chain = issuer_chain;
    UnixSeconds newest_root = 0, newest_pck = 0;
    for (const ByteSpan crl : crls) {
      const auto parsed = x509::Crl::parse(crl);
      const bool of_pck = equal(parsed->issuer(), pck_issuer.subject());
      UnixSeconds& newest = of_pck ? newest_pck : newest_root;
      if (parsed->window().from < newest) continue;
      newest = parsed->window().from;
      (of_pck ? out.pck_crl : out.root_ca_crl) = crl;
    }
    return out;
  }

 private:
  void add(const Bytes& item) {
    switch (recognise(item)) {
      case PlatformItem::tcb_info: tcb_info = item; return;
      case PlatformItem::qe_identity: qe_identity = item; return;
      case PlatformItem::revocation_list: crls.emplace_back(item); return;
      case PlatformItem::signature_hex: {
        std::string text(as_text(item));
        while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
        texts.push_back(std::move(text));
        signatures.push_back(as_bytes(texts.back()));
        return;
      }
      case PlatformItem::certificates: {
        const auto chain = x509::Certificate::parse_pem(item, kPemCertificatesMax);
        (chain->front().common_name() == "Intel SGX TCB Signing" ? signing_chain : issuer_chain) = item;
        return;
      }
      default: return;
    }
  }
};

// judged_late: whether the platform was found wanting after everything that makes a quote genuine was good (the order of tdx::verify).
bool judged_late(const Error& error) { return error.rule.id().starts_with("tdx.tcb.") || error.rule.id().starts_with("tdx.module."); }

std::string_view remedy_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule == "tdx.collateral.missing")
    return "add TCB info, QE identity and their signer's chain (Intel's provisioning certification service has them)";
  if (rule.starts_with("tdx.crl.")) return "add the current lists of Intel's root and of the PCK's issuer";
  if (rule.ends_with(".expired") || rule.ends_with(".early"))
    return "get certificates and collateral again, or judge as of another time (--at)";
  if (rule == "tdx.collateral.fmspc" || rule == "tdx.collateral.pceid" || rule == "tdx.collateral.id")
    return "give the collateral of this platform";
  if (rule.starts_with("tdx.collateral.") || rule.starts_with("tdx.signer.")) return "get the collateral again from Intel";
  if (rule.starts_with("tdx.tcb.") || rule.starts_with("tdx.module.") || rule.starts_with("tdx.qe."))
    return "the host must update its platform";
  return "get the evidence again from the machine itself; if it stays, it is not genuine";
}

Outcome outcome_of(const Error& error) {
  if (error.code == Code::unsupported) return Outcome::unsupported;
  const bool of_the_quote = !error.rule.id().starts_with("tdx.pck.");
  return of_the_quote && (error.code == Code::malformed || error.code == Code::limit) ? Outcome::malformed : Outcome::reject;
}

// verify tries the signatures that stand apart in both orders.
Result<tdx::VerifiedQuote> verify_with(const Files& files, const tdx::AuthenticQuote& authentic, ByteSpan quote, UnixSeconds now,
                                       const tdx::Terms& terms) {
  const x509::Certificate& issuer = authentic.chain().issuer();
  auto verified = tdx::verify(quote, files.collateral(issuer, false), now, terms);
  if (verified || verified.error().rule != Rule("tdx.collateral.signature")) return verified;
  return tdx::verify(quote, files.collateral(issuer, true), now, terms);
}

std::string kind_of(const tdx::Quote& quote) {
  const std::string version = ", version " + std::to_string(quote.header.version);
  const auto* td = std::get_if<tdx::TdReport>(&quote.body);
  if (td == nullptr) return "Intel SGX quote" + version;
  return "Intel TDX quote" + version + (td->td15 ? ", TD 1.5" : ", TD 1.0");
}

}  // namespace

void with_tdx_collateral(ByteSpan quote, std::span<const Bytes> items, const std::function<bool(const tdx::Collateral&)>& use) {
  const auto authentic = tdx::authenticate(quote);
  if (!authentic) {
    use({});
    return;
  }
  const Files files(items);
  const x509::Certificate& issuer = authentic->chain().issuer();
  if (!use(files.collateral(issuer, false))) use(files.collateral(issuer, true));
}

JudgedPlatform verify_tdx(ByteSpan bytes, std::span<const Bytes> others, UnixSeconds now, const tdx::Demands& demands,
                          const tdx::Terms& terms) {
  JudgedPlatform judged;
  PlatformVerdict& out = judged.verdict;
  out.kind = "Intel quote";
  const auto authentic = tdx::authenticate(bytes, terms);
  if (!authentic) {
    out.findings.push_back(failed(Aspect::genuine, authentic.error(), std::string(kExpected), remedy_of(authentic.error())));
    out.outcome = outcome_of(authentic.error());
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
  const auto verified = verify_with(Files(others), *authentic, bytes, now, terms);
  out.genuine = verified || judged_late(verified.error());
  if (out.genuine) {
    out.findings.push_back({Aspect::genuine,
                            State::passed,
                            "tdx.qe.isvprodid",
                            std::string(kExpected),
                            "Intel's quoting enclave made it, on a platform whose certificates and collateral are of this time",
                            {}});
  }
  if (verified) {
    out.window = tdx::accepted_window(*verified, demands, now);
    const appraisal::Findings tcb = tdx::appraise_tcb(*verified, demands, now);
    out.findings.insert(out.findings.end(), tcb.begin(), tcb.end());
  } else {
    out.findings.push_back(failed(out.genuine ? Aspect::tcb : Aspect::genuine, verified.error(),
                                  out.genuine ? "a platform that Intel's collateral takes" : std::string(kExpected),
                                  remedy_of(verified.error())));
  }
  const appraisal::Findings said = tdx::appraise({quote.header, quote.body, quote.qe_report, authentic->pck()}, demands);
  out.findings.insert(out.findings.end(), said.begin(), said.end());
  // An enclave has no registers, so that no log can be of it.
  const auto* td = std::get_if<tdx::TdReport>(&quote.body);
  const appraisal::Findings logged =
      judge_logs(others, tpm::LogForm::ccel, td != nullptr ? tpm::of_rtmrs(td->rtmr) : tpm::Quoted{tpm::Hash::sha384, {}});
  out.findings.insert(out.findings.end(), logged.begin(), logged.end());
  out.outcome = appraisal::refusal(out.findings) == nullptr ? Outcome::accept : Outcome::reject;
  judged.chip_id.assign(authentic->pck().ppid.begin(), authentic->pck().ppid.end());
  if (td != nullptr) judged.release = tdx_release(*td);
  return judged;
}

}  // namespace openpcc::attest
