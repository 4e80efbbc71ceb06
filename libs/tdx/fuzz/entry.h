// What the fuzz targets do with their input, apart so that a test can do it with the shared samples.
#pragma once

#include "openpcc/tdx/verify.h"

namespace openpcc::tdx::fuzz {

inline bool within(ByteSpan part, ByteSpan whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// A quote: nothing crashes, what parses shows its own bytes alone, and what is authentic of any root has its sizes.
inline void look_at_quote(ByteSpan input) {
  const auto quote = parse_quote(input);
  if (!quote) return;
  for (const ByteSpan part : {quote->signed_bytes, quote->signature, quote->attestation_key, quote->qe_report_bytes,
                              quote->qe_report_signature, quote->qe_authentication_data, quote->pck_chain}) {
    OPENPCC_CHECK(within(part, input));
  }
  const size_t wrapper = quote->header.version == 3 ? 0 : 6;
  const size_t parts = quote->signed_bytes.size() + 4 + kSignatureBytes + kAttestationKeyBytes + wrapper + kSgxReportBytes +
                       kSignatureBytes + 2 + quote->qe_authentication_data.size() + 6 + quote->pck_chain.size() + quote->padding_bytes;
  OPENPCC_CHECK(parts == input.size());
  const auto chain = x509::Certificate::parse_pem(quote->pck_chain, 3);
  if (!chain) return;
  // Its own root is pinned, so that what stands behind the chain is reached.
  Terms terms;
  terms.tee = quote->header.tee_type;
  terms.root_spki = chain->back().spki();
  if (const auto authentic = authenticate(input, terms)) OPENPCC_CHECK(authentic->chain().certificates().size() == 3);
}

inline void look_at_levels(const std::vector<EnclaveLevel>& levels) {
  for (const EnclaveLevel& level : levels) OPENPCC_CHECK(!to_string(level.level.status).empty());
}

// Signed JSON of either kind and form, or a revocation list.
inline void look_at_collateral(ByteSpan input) {
  for (const std::string_view member : {"tcbInfo", "enclaveIdentity"}) {
    const auto opened = open_document({input, {}}, member);
    if (opened) OPENPCC_CHECK(within(opened->value, input) && opened->value.front() == '{' && opened->value.back() == '}');
    const ByteSpan value = opened ? opened->value : input;
    if (const auto info = parse_tcb_info(value)) {
      OPENPCC_CHECK(info->levels.size() <= value.size());
      PckClaims pck;
      pck.components.fill(0xff);
      pck.pcesvn = 0xffff;
      Svn16 svn;
      svn.fill(0xff);
      OPENPCC_CHECK(evaluate_platform(pck, &svn, *info).has_value() == !info->levels.empty());
      for (const TdxModuleIdentity& module : info->tdx_module_identities) look_at_levels(module.levels);
    }
    if (const auto identity = parse_qe_identity(value)) look_at_levels(identity->levels);
  }
  static_cast<void>(parse_time(as_text(input)));
}

}  // namespace openpcc::tdx::fuzz
