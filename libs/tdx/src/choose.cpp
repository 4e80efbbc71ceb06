#include "openpcc/tdx/choose.h"

#include "openpcc/x509/choose.h"

namespace openpcc::tdx {
namespace {

// value_of is what of a document is signed, which may be all of it.
ByteSpan value_of(ByteSpan text, std::string_view member) {
  const auto document = open_document({text, {}}, member);
  return document ? document->value : text;
}

}  // namespace

const ByteSpan* tcb_info_of(const PckClaims& platform, Tee tee, std::span<const ByteSpan> texts) {
  return x509::best_of(texts, [&](ByteSpan text) -> std::optional<UnixSeconds> {
    const auto info = parse_tcb_info(value_of(text, "tcbInfo"));
    if (!info || info->head.id != (tee == Tee::tdx ? "TDX" : "SGX")) return std::nullopt;
    if (info->fmspc != platform.fmspc || info->pceid != platform.pceid) return std::nullopt;
    return info->head.window.from;
  });
}

const ByteSpan* qe_identity_of(Tee tee, std::span<const ByteSpan> texts) {
  return x509::best_of(texts, [&](ByteSpan text) -> std::optional<UnixSeconds> {
    const auto identity = parse_qe_identity(value_of(text, "enclaveIdentity"));
    if (!identity || identity->head.id != (tee == Tee::tdx ? "TD_QE" : "QE")) return std::nullopt;
    return identity->head.window.from;
  });
}

bool is_tcb_signer(const x509::Certificate& certificate) { return certificate.common_name() == "Intel SGX TCB Signing"; }

}  // namespace openpcc::tdx
