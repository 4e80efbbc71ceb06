// Whether what a verified quote says is acceptable. Every check gives a finding, so that nothing is left out unseen.
#pragma once

#include <set>

#include "openpcc/appraisal/finding.h"
#include "openpcc/tpm/certificate.h"
#include "openpcc/tpm/verify.h"

namespace openpcc::tpm {

// Demands are what a quote must say: which PCRs of which bank it covers, what each may hold, and for which question it was made. There are none
// without values and none without a nonce.
class Demands {
 public:
  struct Terms {
    Hash bank = Hash::sha256;
    std::map<uint8_t, std::vector<Bytes>> pcrs;  // any of the values, by index
    std::optional<uint32_t> selection;           // exactly this one, of all banks; none: exactly the PCRs above
    Bytes nonce;
  };
  //   tpm.pcr                    no PCR, one without a value, or a value that is not as long as the bank's digest
  //   tpm.nonce                  empty, or longer than a TPM takes
  //   tpm.selection.unexpected   a selection that leaves out one of the PCRs
  static Result<Demands> create(Terms terms);

  const Terms& terms() const { return terms_; }
  uint32_t selection() const { return *terms_.selection; }

 private:
  explicit Demands(Terms terms) : terms_(std::move(terms)) {}
  Terms terms_;
};

// appraise judges, in this order; without demands the quote's nonce must still not be empty, and the rest is told and left:
//   tpm.nonce   tpm.selection.unexpected   tpm.pcr
// and tells the clock's counters, which a policy that keeps state can compare.
appraisal::Findings appraise(const VerifiedQuote& verified, const Demands* demands);

// appraise_key judges whose the key is: Google's where a chain says so, enrolled where the policy lists its fingerprint.
//   tpm.ak.certificate   the certificate is for another key
//   tpm.ak.unlisted      neither certified nor enrolled
// and says by tpm.ak.attributes whether it is a restricted key, which no file alone shows.
appraisal::Findings appraise_key(const AttestationKey& key, const CertifiedKey* certified, const std::set<crypto::Sha256Digest>& enrolled);

}  // namespace openpcc::tpm
