#include "openpcc/tpm_collect/tpm.h"

namespace openpcc::tpm_collect {
namespace {

// covers: nothing was extended between the quote and the reading of the values.
Result<bool> covers(const Quoted& quoted, const tpm::Banks& values) {
  const auto quote = tpm::parse_quote(quoted.quote);
  if (!quote) return fail(quote.error().code, "tpm_collect.quote", describe(quote.error()));
  const auto signature = tpm::parse_signature(quoted.signature);
  if (!signature) return fail(signature.error().code, "tpm_collect.quote", describe(signature.error()));
  Bytes joined;
  for (const tpm::Selection& selection : quote->selections) {
    const auto bank = values.find(selection.bank);
    if (bank == values.end()) continue;
    for (const auto& [pcr, value] : bank->second) joined.insert(joined.end(), value.begin(), value.end());
  }
  return equal(tpm::digest(signature->hash, joined), quote->pcr_digest);
}

}  // namespace

Result<Collected> collect_quote(Quoter& quoter, ByteSpan nonce, const tpm::Selections& selections) {
  for (int attempt = 0; attempt < kQuoteTries; ++attempt) {
    OPENPCC_LET(Quoted quoted, quoter.sign_pcrs(nonce, selections));
    OPENPCC_LET(tpm::Banks values, quoter.read_pcrs(selections));
    OPENPCC_LET(const bool covered, covers(quoted, values));
    if (covered) return Collected{std::move(quoted), std::move(values)};
  }
  return fail(Code::unavailable, "tpm_collect.racing", "the PCRs change faster than they can be read");
}

}  // namespace openpcc::tpm_collect
