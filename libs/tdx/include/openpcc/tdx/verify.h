// Whether a quote is genuine and how current its platform is: pure functions of bytes, collateral and time. What a genuine quote says may still be
// unacceptable; a policy judges that.
//
//   pinned root --> PCK certificate --signs--> quoting enclave's report --binds--> attestation key --signs--> quote
//               --> TCB signer      --signs--> TCB info (levels of the platform), QE identity (which enclave may quote)
#pragma once

#include "openpcc/tdx/chain.h"
#include "openpcc/tdx/tcb.h"

namespace openpcc::tdx {

// Terms are what a verification holds to, besides the time. As they are, they are for TDX quotes of Intel's production keys.
struct Terms {
  Tee tee = Tee::tdx;
  ByteSpan root_spki = intel_root_spki();
  // Without it, missing revocation lists are no failure, and the result says that revocation was not checked; those that are there count.
  bool revocation_lists_required = true;
  // A lower tcbEvaluationDataNumber is refused: the policy's minimum, and the highest that was seen for this FMSPC.
  uint32_t tcb_evaluation_data_number_min = 0;
  uint32_t tcb_evaluation_data_number_seen = 0;
  // PEM of a chain known otherwise, leaf first, in place of the quote's own.
  std::optional<ByteSpan> pck_chain;
};

// AuthenticQuote is a quote that genuine hardware signed at some time: chain to the pinned key, quoting enclave's report, attestation key and quote.
// Not whether the certificates were in their time or revoked, nor which enclave quoted: VerifiedQuote says that. Only authenticate() makes one.
class AuthenticQuote {
 public:
  // quote's views live as long as the bytes given to authenticate().
  const Quote& quote() const { return quote_; }
  const PckClaims& pck() const { return pck_; }
  const Chain& chain() const { return chain_; }

 private:
  friend Result<AuthenticQuote> authenticate(ByteSpan quote_bytes, const Terms& terms);
  AuthenticQuote(const Quote& quote, const PckClaims& pck, Chain chain) : quote_(quote), pck_(pck), chain_(std::move(chain)) {}
  Quote quote_;
  PckClaims pck_;
  Chain chain_;
};

//   those of parse_quote; tdx.version also where Terms::tee is another
//   tdx.pck.pem, .count, .syntax, .name, .root, .issuer, .signature, .ca, .extension
//   tdx.qe_report_signature   the PCK did not sign the quoting enclave's report
//   tdx.qe_report_data        the report does not bind attestation key and authentication data, or its other 32 bytes are not zero
//   tdx.attestation_key       not a point on P-256
//   tdx.quote_signature       the attestation key did not sign header and body
Result<AuthenticQuote> authenticate(ByteSpan quote_bytes, const Terms& terms = {});

// AuthenticCollateral is TCB info and QE identity that Intel's signer signed at some time. Only authenticate_collateral() makes one.
class AuthenticCollateral {
 public:
  const TcbInfo& tcb_info() const { return tcb_info_; }
  const QeIdentity& qe_identity() const { return qe_identity_; }
  const Chain& signer() const { return signer_; }
  // periods are those of signer, TCB info and QE identity.
  std::vector<Period> periods() const;

 private:
  friend Result<AuthenticCollateral> authenticate_collateral(const Collateral&, const Terms&, const Chain*);
  AuthenticCollateral(TcbInfo tcb_info, QeIdentity qe_identity, Chain signer)
      : tcb_info_(std::move(tcb_info)), qe_identity_(std::move(qe_identity)), signer_(std::move(signer)) {}
  TcbInfo tcb_info_;
  QeIdentity qe_identity_;
  Chain signer_;
};

// `known`: a chain to the same root, already checked.
//   tdx.collateral.missing      TCB info, QE identity or signing chain
//   tdx.signer.pem, .count, .syntax, .name, .root, .issuer, .signature, .ca
//   tdx.collateral.signature    the signer did not sign TCB info or QE identity, byte for byte as received
//   tdx.collateral.syntax
//   tdx.collateral.id           not of this TEE
//   tdx.collateral.evaluation   the two are of different evaluations
//   tdx.collateral.minimum      of an older one than the terms say
//   tdx.collateral.rollback     of an older one than the terms say was seen
Result<AuthenticCollateral> authenticate_collateral(const Collateral& collateral, const Terms& terms = {}, const Chain* known = nullptr);

// Revocation says whether every certificate was looked up in its issuer's list.
enum class Revocation : uint8_t { checked, not_checked };

// RevocationCheck is what check_revocation found good.
struct RevocationCheck {
  Revocation revocation = Revocation::not_checked;
  std::vector<Period> periods;  // of the lists that are there
};
// RevocationSubjects are the certificates to look up and the keys that signed the lists.
struct RevocationSubjects {
  const x509::Certificate* pck;         // null without a quote
  const x509::Certificate& pck_issuer;  // Platform CA or Processor CA
  const x509::PublicKey& pck_issuer_key;
  const x509::Certificate& root;
  const x509::PublicKey& root_key;
  const x509::Certificate* signer;  // null where there is none to look up
};
// check_revocation looks up the PCK certificate in its issuer's list, its issuer and the signer in the root's. The time of the lists is for the caller.
//   tdx.crl.missing, tdx.crl.syntax, tdx.crl.issuer, tdx.crl.signature, tdx.pck.revoked, tdx.signer.revoked
Result<RevocationCheck> check_revocation(const RevocationSubjects& subjects, const Collateral& collateral, const Terms& terms);

// evaluate_tcb compares the one with the other, whatever the time. Errors: those of evaluate_all.
Result<TcbResult> evaluate_tcb(const AuthenticQuote& quote, const AuthenticCollateral& collateral);

// QuoteClaims is what a quote says, without its signatures.
struct QuoteClaims {
  Header header;
  std::variant<TdReport, SgxReport> body;
  SgxReport qe_report;
  PckClaims pck;
};

// VerifiedQuote is a quote that passed everything but a policy. It owns its bytes. Only verify() makes one.
class VerifiedQuote {
 public:
  const QuoteClaims& claims() const { return claims_; }
  const TcbResult& tcb() const { return tcb_; }
  Revocation revocation() const { return revocation_; }
  // window is when all that was signed holds.
  const x509::Window& window() const { return window_; }

 private:
  friend Result<VerifiedQuote> verify(ByteSpan, const Collateral&, UnixSeconds, const Terms&);
  VerifiedQuote(const QuoteClaims& claims, TcbResult tcb, Revocation revocation, const x509::Window& window)
      : claims_(claims), tcb_(std::move(tcb)), revocation_(revocation), window_(window) {}
  QuoteClaims claims_;
  TcbResult tcb_;
  Revocation revocation_;
  x509::Window window_;
};

// verify refuses by the first rule that applies, in this order:
//   1. authenticate()
//   2. authenticate_collateral()
//   3. check_revocation()
//   4. time: tdx.pck.early, .expired; tdx.signer.early, .expired; tdx.collateral.early, .expired; tdx.crl.early, .expired
//   5. evaluate_tcb()
// A TCB that is not UpToDate is no failure unless it is unsupported or revoked.
Result<VerifiedQuote> verify(ByteSpan quote_bytes, const Collateral& collateral, UnixSeconds now, const Terms& terms = {});

// verify_collateral judges a set without a quote: 2 to 4, with the set's own chain of the revocation list's issuer. Gives the common window.
//   tdx.collateral.missing   also for that chain
Result<x509::Window> verify_collateral(const Collateral& collateral, UnixSeconds now, const Terms& terms = {});

}  // namespace openpcc::tdx
