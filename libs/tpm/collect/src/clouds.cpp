#include "openpcc/tpm_collect/clouds.h"

#include "openpcc/x509/der.h"

namespace openpcc::tpm_collect {
namespace {

class Paravisor final : public AzureTpm {
 public:
  explicit Paravisor(Tpm tpm) : tpm_(std::move(tpm)) {}
  Result<size_t> size(uint32_t index) override { return tpm_.size(index); }
  Result<Bytes> read(uint32_t index) override { return tpm_.read(index); }
  Result<> write(uint32_t index, ByteSpan bytes) override { return tpm_.write(index, bytes); }
  Result<Quoted> sign_pcrs(ByteSpan nonce, const tpm::Selections& selections) override {
    OPENPCC_LET(const Tpm::Key key, tpm_.key_at(kAzureKeyHandle));
    return tpm_.sign(key, nonce, selections);
  }
  Result<tpm::Banks> read_pcrs(const tpm::Selections& selections) override { return tpm_.read_pcrs(selections); }

 private:
  Tpm tpm_;
};

}  // namespace

Result<GoogleKey> google_key(Tpm& tpm, KeyKind kind) {
  const uint32_t index = kind == KeyKind::rsa_2048 ? kGoogleRsaCertificate : kGoogleEccCertificate;
  OPENPCC_LET(const Bytes stored, tpm.read(index));
  const auto certificate = x509::der::Reader(stored).next();
  if (!certificate) return fail(Code::malformed, "tpm_collect.nv", "no certificate in it");
  OPENPCC_LET(const Bytes key_template, tpm.read(index + 1));
  OPENPCC_LET(Tpm::Key key, tpm.create_key_like(key_template, Hierarchy::endorsement));
  return GoogleKey{std::move(key), Bytes(certificate->whole.begin(), certificate->whole.end())};
}

Result<std::unique_ptr<AzureTpm>> open_azure(const std::string& tcti) {
  OPENPCC_LET(Tpm tpm, Tpm::open(tcti));
  return std::unique_ptr<AzureTpm>(new Paravisor(std::move(tpm)));
}

}  // namespace openpcc::tpm_collect
