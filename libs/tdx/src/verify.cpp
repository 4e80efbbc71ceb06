// Spec: Intel TDX DCAP Quote Verification.
#include "openpcc/tdx/verify.h"

#include <algorithm>

#include "openpcc/crypto/hash.h"

namespace openpcc::tdx {
namespace {

constexpr std::string_view kPlatformCa = "Intel SGX PCK Platform CA";
constexpr std::string_view kProcessorCa = "Intel SGX PCK Processor CA";
constexpr std::string_view kTcbSigner = "Intel SGX TCB Signing";

constexpr size_t kPckChain = 3;
constexpr size_t kSignerChain = 2;

std::unexpected<Error> refused(Rule rule, std::string detail) { return fail(Code::verification_failed, rule, std::move(detail)); }

void append(std::vector<Period>& out, std::vector<Period> more) { std::ranges::move(more, std::back_inserter(out)); }

Result<> check_issuer_name(const x509::Certificate& issuer, const ChainRules& rules) {
  const std::string_view name = issuer.common_name();
  if (name != kPlatformCa && name != kProcessorCa) return refused(rules.name, std::string(name));
  return {};
}

// signed_by says that a P-256 key of a certificate signed.
bool signed_by(const Result<x509::PublicKey>& key, ByteSpan message, ByteSpan signature) {
  const auto* curve = key ? std::get_if<crypto::EcdsaPublic>(&*key) : nullptr;
  return curve != nullptr && curve->curve() == crypto::Curve::p256 && curve->verify(message, signature);
}

Result<> check_quote_signatures(const Quote& quote, const x509::Certificate& pck) {
  if (!signed_by(pck.key(), quote.qe_report_bytes, quote.qe_report_signature)) {
    return refused("tdx.qe_report_signature", "the PCK did not sign the report");
  }
  const crypto::Sha256Digest bound = crypto::sha256({quote.attestation_key, quote.qe_authentication_data});
  const ByteSpan reportdata = quote.qe_report.reportdata;
  const bool zero_tail = std::ranges::all_of(reportdata.subspan(bound.size()), [](uint8_t byte) { return byte == 0; });
  if (!equal(reportdata.first(bound.size()), bound) || !zero_tail) return refused("tdx.qe_report_data", to_hex(reportdata));
  const auto key = crypto::EcdsaPublic::from_point(crypto::Curve::p256, quote.attestation_key);
  if (!key) return refused("tdx.attestation_key", describe(key.error()));
  if (!key->verify(quote.signed_bytes, quote.signature)) return refused("tdx.quote_signature", "not signed by the attestation key");
  return {};
}

// open takes the signed value of a document whose signature is the signer's.
Result<ByteSpan> open(const Document& document, std::string_view member, const Result<x509::PublicKey>& key) {
  OPENPCC_LET(const SignedValue opened, open_document(document, member));
  if (!signed_by(key, opened.value, opened.signature)) return refused("tdx.collateral.signature", std::string(member));
  return opened.value;
}

Result<> check_id(const DocumentHead& head, std::string_view expected) {
  if (head.id != expected) return refused("tdx.collateral.id", head.id + " for " + std::string(expected));
  return {};
}

Result<> check_evaluation(const TcbInfo& info, const QeIdentity& identity, const Terms& terms) {
  const uint32_t number = info.head.tcb_evaluation_data_number;
  if (number != identity.head.tcb_evaluation_data_number) {
    return refused("tdx.collateral.evaluation", std::to_string(number) + ", " + std::to_string(identity.head.tcb_evaluation_data_number));
  }
  if (number < terms.tcb_evaluation_data_number_min) return fail(Code::rejected, "tdx.collateral.minimum", std::to_string(number));
  if (number < terms.tcb_evaluation_data_number_seen) {
    return fail(Code::rejected, "tdx.collateral.rollback",
                std::to_string(number) + " after " + std::to_string(terms.tcb_evaluation_data_number_seen));
  }
  return {};
}

// look_up reads a list that is there and notes its period.
Result<std::optional<x509::Crl>> look_up(const std::optional<ByteSpan>& der, const x509::Certificate& issuer, const x509::PublicKey& key,
                                         const Terms& terms, std::vector<Period>& periods) {
  const std::string who(issuer.common_name());
  if (!der && terms.revocation_lists_required) return refused("tdx.crl.missing", who);
  if (!der) return std::optional<x509::Crl>();
  OPENPCC_LET(x509::Crl crl, read_crl(*der, issuer, key));
  periods.push_back(crl_period(crl, who));
  return std::optional<x509::Crl>(std::move(crl));
}

}  // namespace

Result<AuthenticQuote> authenticate(ByteSpan quote_bytes, const Terms& terms) {
  OPENPCC_LET(const Quote quote, parse_quote(quote_bytes));
  if (quote.header.tee_type != terms.tee) {
    return fail(Code::unsupported, "tdx.version", "a quote of another TEE, version " + std::to_string(quote.header.version));
  }
  OPENPCC_LET(std::vector<x509::Certificate> certificates, read_chain(terms.pck_chain.value_or(quote.pck_chain), kPckChain, kPckRules));
  OPENPCC_TRY(check_issuer_name(certificates[1], kPckRules));
  OPENPCC_LET(Chain chain, check_chain(std::move(certificates), terms.root_spki, kPckRules));
  OPENPCC_LET(const PckClaims pck, read_pck(chain.leaf()));
  OPENPCC_TRY(check_quote_signatures(quote, chain.leaf()));
  return AuthenticQuote(quote, pck, std::move(chain));
}

Result<AuthenticCollateral> authenticate_collateral(const Collateral& collateral, const Terms& terms, const Chain* known) {
  if (collateral.tcb_signing_chain.empty()) return refused("tdx.collateral.missing", "the signing chain");
  OPENPCC_LET(std::vector<x509::Certificate> certificates, read_chain(collateral.tcb_signing_chain, kSignerChain, kSignerRules));
  if (certificates[0].common_name() != kTcbSigner) return refused("tdx.signer.name", std::string(certificates[0].common_name()));
  OPENPCC_LET(Chain signer, check_chain(std::move(certificates), terms.root_spki, kSignerRules, LeafUse::signs_data, known));
  const bool tdx = terms.tee == Tee::tdx;
  const auto key = signer.leaf().key();
  OPENPCC_LET(const ByteSpan tcb_info_value, open(collateral.tcb_info, "tcbInfo", key));
  OPENPCC_LET(TcbInfo tcb_info, parse_tcb_info(tcb_info_value));
  OPENPCC_TRY(check_id(tcb_info.head, tdx ? "TDX" : "SGX"));
  OPENPCC_LET(const ByteSpan identity_value, open(collateral.qe_identity, "enclaveIdentity", key));
  OPENPCC_LET(QeIdentity identity, parse_qe_identity(identity_value));
  OPENPCC_TRY(check_id(identity.head, tdx ? "TD_QE" : "QE"));
  OPENPCC_TRY(check_evaluation(tcb_info, identity, terms));
  return AuthenticCollateral(std::move(tcb_info), std::move(identity), std::move(signer));
}

std::vector<Period> AuthenticCollateral::periods() const {
  std::vector<Period> out = signer_.periods(kSignerRules);
  out.push_back({tcb_info_.head.window, "tdx.collateral.early", "tdx.collateral.expired", "TCB info"});
  out.push_back({qe_identity_.head.window, "tdx.collateral.early", "tdx.collateral.expired", "QE identity"});
  return out;
}

Result<RevocationCheck> check_revocation(const RevocationSubjects& subjects, const Collateral& collateral, const Terms& terms) {
  RevocationCheck out;
  OPENPCC_LET(const auto root_list, look_up(collateral.root_ca_crl, subjects.root, subjects.root_key, terms, out.periods));
  OPENPCC_LET(const auto pck_list, look_up(collateral.pck_crl, subjects.pck_issuer, subjects.pck_issuer_key, terms, out.periods));
  const auto revoked = [](const std::optional<x509::Crl>& list, const x509::Certificate* one) {
    return list && one != nullptr && list->revokes(one->serial());
  };
  if (revoked(root_list, &subjects.pck_issuer)) return refused("tdx.pck.revoked", std::string(subjects.pck_issuer.common_name()));
  if (revoked(pck_list, subjects.pck)) return refused("tdx.pck.revoked", to_hex(subjects.pck->serial()));
  if (revoked(root_list, subjects.signer)) return refused("tdx.signer.revoked", to_hex(subjects.signer->serial()));
  if (root_list && pck_list) out.revocation = Revocation::checked;
  return out;
}

Result<TcbResult> evaluate_tcb(const AuthenticQuote& quote, const AuthenticCollateral& collateral) {
  return evaluate_all(quote.quote(), quote.pck(), collateral.tcb_info(), collateral.qe_identity());
}

Result<VerifiedQuote> verify(ByteSpan quote_bytes, const Collateral& collateral, UnixSeconds now, const Terms& terms) {
  OPENPCC_LET(const AuthenticQuote authentic, authenticate(quote_bytes, terms));
  const Chain& chain = authentic.chain();
  OPENPCC_LET(const AuthenticCollateral vouched, authenticate_collateral(collateral, terms, &chain));
  const RevocationSubjects subjects{&chain.leaf(), chain.issuer(),   chain.issuer_key(),
                                    chain.root(),  chain.root_key(), &vouched.signer().leaf()};
  OPENPCC_LET(RevocationCheck lists, check_revocation(subjects, collateral, terms));
  std::vector<Period> periods = chain.periods(kPckRules);
  append(periods, vouched.periods());
  append(periods, std::move(lists.periods));
  OPENPCC_TRY(check_time(periods, now));
  OPENPCC_LET(TcbResult tcb, evaluate_tcb(authentic, vouched));
  const Quote& quote = authentic.quote();
  return VerifiedQuote({quote.header, quote.body, quote.qe_report, authentic.pck()}, std::move(tcb), lists.revocation,
                       common_window(periods));
}

Result<x509::Window> verify_collateral(const Collateral& collateral, UnixSeconds now, const Terms& terms) {
  if (!collateral.pck_crl_issuer_chain) return refused("tdx.collateral.missing", "the chain of the revocation list's issuer");
  OPENPCC_LET(std::vector<x509::Certificate> certificates, read_chain(*collateral.pck_crl_issuer_chain, 2, kPckRules));
  OPENPCC_TRY(check_issuer_name(certificates[0], kPckRules));
  OPENPCC_LET(const Chain issuers, check_chain(std::move(certificates), terms.root_spki, kPckRules, LeafUse::issues_certificates));
  OPENPCC_LET(const AuthenticCollateral vouched, authenticate_collateral(collateral, terms, &issuers));
  // The list is the first certificate's own, whose key stands in it.
  const auto issuer_key = issuers.leaf().key();
  if (!issuer_key) return refused("tdx.pck.syntax", describe(issuer_key.error()));
  const RevocationSubjects subjects{nullptr, issuers.leaf(), *issuer_key, issuers.root(), issuers.root_key(), &vouched.signer().leaf()};
  OPENPCC_LET(RevocationCheck lists, check_revocation(subjects, collateral, terms));
  std::vector<Period> periods = issuers.periods(kPckRules);
  append(periods, vouched.periods());
  append(periods, std::move(lists.periods));
  OPENPCC_TRY(check_time(periods, now));
  return common_window(periods);
}

}  // namespace openpcc::tdx
