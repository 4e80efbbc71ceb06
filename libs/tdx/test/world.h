// A hierarchy, a platform and collateral of a test's own making, with Intel's names and shapes: good as it is made, and open to change in every part.
#pragma once

#include <map>

#include "forge.h"
#include "openpcc/tdx/verify.h"
#include "openpcc/testkit/json.h"

namespace openpcc::tdx::test {

namespace forge = x509::forge;

inline constexpr UnixSeconds kNow = 1'750'000'000;         // 2025-06-15T15:06:40Z
inline constexpr UnixSeconds kIssued = 1'748'736'000;      // 2025-06-01T00:00:00Z
inline constexpr UnixSeconds kNextUpdate = 1'751'328'000;  // 2025-07-01T00:00:00Z

// intel_name is a Name with all that Intel's have.
Bytes intel_name(std::string_view common_name);

// Signed is JSON with the signature beside it.
struct SignedJson {
  std::string value, signature_hex;
  Document apart() const { return {as_bytes(value), as_bytes(signature_hex)}; }
};

// Set owns what a Collateral shows.
struct Set {
  SignedJson tcb_info, identity;
  std::string signing_chain, issuer_chain;
  std::optional<Bytes> root_crl, pck_crl;
  Collateral view() const;
};

class World {
 public:
  World();

  forge::Key root_key{x509::Algorithm::ecdsa_sha256}, ca_key{x509::Algorithm::ecdsa_sha256}, pck_key{x509::Algorithm::ecdsa_sha256},
      signer_key{x509::Algorithm::ecdsa_sha256}, attestation_key{x509::Algorithm::ecdsa_sha256};
  forge::CertificateFields root, ca, pck, signer;
  // The members of the PCK certificate's extension by their last arc, the value's DER each; 2 holds pck_tcb.
  std::map<uint8_t, Bytes> pck_members, pck_tcb;

  uint16_t version = 4;
  Bytes header;           // 48 bytes, but for the version
  Bytes body, qe_report;  // 584, 648 or 384 bytes; 384 bytes, but for its report data
  Bytes authentication = Bytes(32, 0xa5);
  std::string padding;

  boost::json::object tcb_info, identity;
  forge::CrlFields root_crl, pck_crl;

  // make_sgx turns quote and collateral into those of an enclave; make_td15 the quote into one of version 5 and TD 1.5.
  void make_sgx();
  void make_td15();

  Bytes pck_der() const;
  Bytes ca_der() const { return forge::certificate(ca, root_key); }
  Bytes root_der() const { return forge::certificate(root, root_key); }
  Bytes signer_der() const { return forge::certificate(signer, root_key); }
  std::string pck_chain() const { return forge::pem(pck_der()) + forge::pem(ca_der()) + forge::pem(root_der()); }
  // bound_report is the quoting enclave's report with the report data of this key.
  Bytes bound_report(ByteSpan key) const;
  Bytes quote() const { return quote(pck_chain()); }
  Bytes quote(std::string_view chain) const;
  // quote_of puts parts together whatever they are; `report` is signed by the PCK.
  Bytes quote_of(std::string_view chain, ByteSpan key, ByteSpan report) const;
  SignedJson sign(const boost::json::object& value) const { return sign(boost::json::serialize(value)); }
  SignedJson sign(std::string value) const;
  Set set() const;
  Terms terms() const;

  Result<AuthenticQuote> authenticated() const;
  Result<VerifiedQuote> verified(UnixSeconds now = kNow) const;
  Result<VerifiedQuote> verified(const Set& set, UnixSeconds now = kNow) const;
  Result<TcbResult> evaluated() const;

 private:
  Bytes root_spki_;
};

// level is a TCB level: sixteen components of which the first is `sgx`, TDX components from the third on of `tdx`.
boost::json::object platform_level(uint8_t sgx, uint8_t tdx, uint16_t pcesvn, std::string_view status);
boost::json::object enclave_level(uint16_t isvsvn, std::string_view status);
// put writes bytes at an offset.
void put(Bytes& out, size_t at, ByteSpan bytes);

}  // namespace openpcc::tdx::test
