// Intel's quotes: the pair of TCB info and QE identity, and two lists, judged by tdx::verify.
#include <algorithm>

#include "gathering.h"
#include "openpcc/attest/collateral_labels.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/attest/platform.h"

namespace openpcc::collateral {
namespace {

// The parts of the pair, in the order of its requests.
constexpr size_t kTcbInfo = 0, kTcbInfoChain = 1, kIdentity = 2, kIdentityChain = 3, kPairParts = 4;

std::vector<size_t> suspects_of(std::string_view rule) {
  if (rule.starts_with("tdx.collateral.") || rule.starts_with("tdx.signer.")) return {kIntelTcb};
  if (rule.starts_with("tdx.crl.")) return {kIntelPckCrl, kIntelRootCrl};
  return {};
}

// about_platform: the collateral is good, and takes the platform for unfit.
bool about_platform(std::string_view rule) { return rule.starts_with("tdx.tcb.") || rule.starts_with("tdx.module."); }

class IntelCase final : public Case {
 public:
  IntelCase(ByteSpan quote, const tdx::AuthenticQuote& authentic, tdx::Terms terms, const TcbChoice& choice, UnixSeconds now)
      : quote_(quote.begin(), quote.end()),
        fmspc_(authentic.pck().fmspc),
        terms_(terms),
        plan_(plan_intel(terms.tee, authentic, choice)),
        now_(now) {}

  const Plan& plan() const override { return plan_; }
  const Parts& given(size_t) const override { return none_; }

  // A pair that Intel signed shows which evaluation exists, however old it is: nothing but Intel's signature is believed for it.
  void remember(size_t unit, const Parts& kept) override {
    if (unit != kIntelTcb || kept.size() != kPairParts) return;
    tdx::Terms terms = terms_;
    terms.tcb_evaluation_data_number_seen = 0;
    const auto seen = tdx::authenticate_collateral(view(kept), terms);
    if (!seen || seen->tcb_info().fmspc != fmspc_) return;
    const uint32_t number = seen->tcb_info().head.tcb_evaluation_data_number;
    terms_.tcb_evaluation_data_number_seen = std::max(terms_.tcb_evaluation_data_number_seen, number);
  }

  Judgement judge(std::span<const Parts> parts) const override {
    const Parts& pair = parts[kIntelTcb];
    if (pair.size() != kPairParts || !equal(pair[kTcbInfoChain], pair[kIdentityChain])) {
      return {fail(Code::verification_failed, "collateral.answer.issuer_chain", "TCB info and QE identity name different signers").error(),
              {kIntelTcb},
              {}};
    }
    tdx::Collateral collateral = view(pair);
    const auto list = [&](size_t unit) { return parts[unit].empty() ? ByteSpan() : ByteSpan(parts[unit][0]); };
    collateral.pck_crl = list(kIntelPckCrl);
    collateral.root_ca_crl = list(kIntelRootCrl);
    const auto verified = tdx::verify(quote_, collateral, now_, terms_);
    if (verified || about_platform(verified.error().rule.id())) return {};
    return {verified.error(), suspects_of(verified.error().rule.id()), {}};
  }

  attest::Device device(std::vector<Parts> parts) const override {
    attest::Device out;
    out.report = {std::string(terms_.tee == tdx::Tee::tdx ? attest::kTdxQuoteType : attest::kSgxQuoteType), quote_};
    const auto put = [&](const char* label, std::string_view type, Bytes& bytes) {
      out.collateral[label] = {std::string(type), std::move(bytes)};
    };
    put(attest::kTcbInfoLabel, attest::kJsonType, parts[kIntelTcb][kTcbInfo]);
    put(attest::kQeIdentityLabel, attest::kJsonType, parts[kIntelTcb][kIdentity]);
    put(attest::kTcbSigningChainLabel, attest::kPemType, parts[kIntelTcb][kTcbInfoChain]);
    put(attest::kPckCrlLabel, attest::kCrlType, parts[kIntelPckCrl][0]);
    put(attest::kRootCaCrlLabel, attest::kCrlType, parts[kIntelRootCrl][0]);
    return out;
  }

 private:
  static tdx::Collateral view(const Parts& pair) { return {{pair[kTcbInfo], {}}, {pair[kIdentity], {}}, pair[kTcbInfoChain], {}, {}, {}}; }

  Bytes quote_;
  std::array<uint8_t, 6> fmspc_;
  tdx::Terms terms_;
  Plan plan_;
  Parts none_;
  UnixSeconds now_;
};

}  // namespace

Result<std::unique_ptr<Case>> intel_case(ByteSpan bytes, const Source& source, UnixSeconds now) {
  OPENPCC_LET(const tdx::Quote quote, tdx::parse_quote(bytes));
  tdx::Terms terms;
  terms.tee = quote.header.tee_type;
  terms.root_spki = source.intel_root_spki;
  OPENPCC_LET(const tdx::AuthenticQuote authentic, tdx::authenticate(bytes, terms));
  return std::make_unique<IntelCase>(bytes, authentic, terms, source.tcb, now);
}

}  // namespace openpcc::collateral
