// Whether a key signed a quote, and whether PCR values are those that it covers: a pure function of bytes. Whose key it is, certificate.h or a
// policy says; what the values mean, appraise.h.
//
//   attestation key --signs--> quote: nonce, selection, digest of PCR values          values --hash--> that digest
#pragma once

#include "openpcc/tpm/ak.h"
#include "openpcc/tpm/quote.h"

namespace openpcc::tpm {

// VerifiedQuote is a quote that a key signed, with the values that it covers and no others. Only verify() makes one.
class VerifiedQuote {
 public:
  const Quote& quote() const { return quote_; }
  const AttestationKey& key() const { return key_; }
  Scheme scheme() const { return scheme_; }
  const Banks& values() const { return values_; }
  // value is that of a PCR in the signed selection; null for any other.
  const Bytes* value(Hash bank, unsigned pcr) const;

 private:
  friend class Verifier;
  VerifiedQuote(Quote quote, AttestationKey key, Scheme scheme, Banks values)
      : quote_(std::move(quote)), key_(std::move(key)), scheme_(scheme), values_(std::move(values)) {}
  Quote quote_;
  AttestationKey key_;
  Scheme scheme_;
  Banks values_;
};

// Verification is a verified quote, or everything that was found to be wrong, in the order of the checks.
struct Verification {
  std::vector<Error> failures;
  std::optional<VerifiedQuote> verified;  // there exactly when nothing failed
};

// verify checks all of it, in this order:
//   tpm.size ... tpm.trailing   of parse_quote
//   tpm.scheme                  the key does not sign by this scheme and digest
//   tpm.signature               the key did not sign this quote
//   tpm.pcrs                    the values are not of exactly the selected PCRs, each as long as its bank's digest: others are nobody's word
//   tpm.digest                  the values are not those that the quote covers
Verification verify(ByteSpan quote, const Signature& signature, const AttestationKey& key, Banks values);

// The same with a TPMT_SIGNATURE.
//   tpm.signature.syntax, tpm.scheme   of parse_signature, in the place of the signature's own checks
Verification verify(ByteSpan quote, ByteSpan signature, const AttestationKey& key, Banks values);

}  // namespace openpcc::tpm
