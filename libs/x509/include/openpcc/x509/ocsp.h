// OCSP responses (RFC 6960) that somebody stapled: read strictly, about one certificate each, and judged without a network. Nobody's nonce is in
// them, so that what makes them fresh is their window.
#pragma once

#include <optional>

#include "openpcc/x509/x509.h"

namespace openpcc::x509 {

inline constexpr size_t kOcspBytesMax = 32u << 10;
inline constexpr size_t kOcspCertificatesMax = 4;

// OcspResponse owns its bytes. Moving it keeps what its views show.
class OcspResponse {
 public:
  enum class Status : uint8_t { good, revoked, held, unknown };

  //   x509.ocsp.too_large   over kOcspBytesMax (limit)
  //   x509.ocsp.syntax      no successful basic response, another number of answers than one, no nextUpdate, a certificate identified by another
  //                         digest than SHA-256 or SHA-384, a critical extension
  //   x509.certificate.*, x509.der
  static Result<OcspResponse> parse(ByteSpan der);

  OcspResponse(OcspResponse&&) noexcept = default;
  OcspResponse& operator=(OcspResponse&&) noexcept = default;

  // is_about: the answer is of this certificate, issued by that one.
  bool is_about(const Certificate& subject, const Certificate& issuer) const;
  Status status() const { return status_; }
  // window begins at thisUpdate, and ends one second before nextUpdate.
  const Window& window() const { return window_; }
  // produced is when it was signed.
  UnixSeconds produced() const { return produced_; }
  const Signed& signature() const { return signed_; }
  // responders are the certificates that came along, at most kOcspCertificatesMax.
  const std::vector<Certificate>& responders() const { return responders_; }

 private:
  OcspResponse() = default;
  Result<> read(ByteSpan der);
  Result<> read_responders(ByteSpan explicit_list);
  Result<> read_data(ByteSpan content);
  Result<> read_answer(ByteSpan content);
  Result<> read_certificate_id(ByteSpan content);

  Bytes der_;
  Signed signed_{};
  bool sha384_ = false;  // else SHA-256, of what identifies the certificate
  ByteSpan issuer_name_digest_, issuer_key_digest_, serial_;
  Status status_ = Status::unknown;
  Window window_{};
  UnixSeconds produced_ = 0;
  std::vector<Certificate> responders_;
};
std::string_view to_string(OcspResponse::Status status);

// check_ocsp says that the response was signed by the certificate's issuer, or by whom it appointed for that (RFC 6960 s4.2.2.2), and is in its
// time. It gives the window in which all of that holds. Whether who was appointed was revoked since is not looked at, id-pkix-ocsp-nocheck or not:
// nobody staples an answer about it, and its certificate's end is what bounds it.
//   x509.ocsp.responder   the first certificate that came along was not issued by the issuer itself, is not for OCSP or for digital signatures, or was
//                         not valid when the response was signed, or is not now
//   x509.ocsp.early, x509.ocsp.stale        x509.signature.*
Result<Window> check_ocsp(const OcspResponse& response, const Certificate& issuer, const PublicKey& issuer_key, UnixSeconds now);

}  // namespace openpcc::x509
