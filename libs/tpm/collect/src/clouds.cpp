#include "openpcc/tpm_collect/clouds.h"

#include "openpcc/x509/der.h"

namespace openpcc::tpm_collect {

Result<GoogleKey> google_key(Tpm& tpm, KeyKind kind) {
  const uint32_t index = kind == KeyKind::rsa_2048 ? kGoogleRsaCertificate : kGoogleEccCertificate;
  OPENPCC_LET(const Bytes stored, tpm.read(index));
  const auto certificate = x509::der::Reader(stored).next();
  if (!certificate) return fail(Code::malformed, "tpm_collect.nv", "no certificate in it");
  OPENPCC_LET(const Bytes key_template, tpm.read(index + 1));
  OPENPCC_LET(Tpm::Key key, tpm.create_key_like(key_template, Hierarchy::endorsement));
  return GoogleKey{std::move(key), Bytes(certificate->whole.begin(), certificate->whole.end())};
}

Result<Bytes> azure_report(Nv& nv, const std::optional<std::array<uint8_t, 64>>& user_data) {
  if (user_data) {
    OPENPCC_TRY(nv.write(kAzureUserData, *user_data));
  }
  return nv.read(kAzureReport);
}

}  // namespace openpcc::tpm_collect
