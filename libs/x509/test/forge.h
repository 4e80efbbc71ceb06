// Certificates and revocation lists of a test's own making: whatever names and fields it likes, signed by keys that it holds.
#pragma once

#include <initializer_list>
#include <memory>

#include "openpcc/testkit/testkit.h"
#include "openpcc/x509/x509.h"

namespace openpcc::x509::forge {

Bytes tlv(uint8_t tag, ByteSpan content);
Bytes sequence(std::initializer_list<ByteSpan> elements);
Bytes integer(uint64_t value);
// time is a GeneralizedTime.
Bytes time(UnixSeconds at);
// name is a Name with this one CN.
Bytes name(std::string_view common_name);
Bytes extension(ByteSpan oid, bool critical, ByteSpan value);
// basic_constraints and key_usage are extensions as CAs have them; path_length below 0: none.
Bytes basic_constraints(bool ca, int path_length = -1);
Bytes key_usage(uint8_t bits);
inline constexpr uint8_t kSignsCertificates = 0x04;
inline constexpr uint8_t kSignsLists = 0x02;
// algorithm_identifier is the whole AlgorithmIdentifier.
Bytes algorithm_identifier(Algorithm algorithm);

// Key signs. Its kind follows the algorithm: P-256, P-384 or RSA of 2048 bits, which is quick to make.
class Key {
 public:
  explicit Key(Algorithm algorithm);
  Key(Key&&) noexcept;
  Key& operator=(Key&&) noexcept;
  ~Key();

  Algorithm algorithm() const { return algorithm_; }
  Bytes spki() const;
  // point is x ‖ y of a curve's key.
  Bytes point() const;
  // sign gives what stands in a certificate: DER of r and s for a curve; sign_raw gives r ‖ s.
  Bytes sign(ByteSpan message) const;
  Bytes sign_raw(ByteSpan message) const;

 private:
  struct State;
  Algorithm algorithm_;
  std::unique_ptr<State> state_;
};

struct CertificateFields {
  Bytes subject = name("leaf");
  Bytes issuer = name("issuer");
  Bytes serial = {1};
  Window window{1'700'000'000, 2'000'000'000};
  Bytes spki;
  std::vector<Bytes> extensions;
};
Bytes certificate(const CertificateFields& fields, const Key& signer);

struct CrlFields {
  Bytes issuer = name("issuer");
  UnixSeconds this_update = 1'700'000'000;
  std::optional<UnixSeconds> next_update = 2'000'000'000;
  std::vector<Bytes> serials;
  std::vector<Bytes> extensions;
};
Bytes crl(const CrlFields& fields, const Key& signer);

// OcspFields are an answer about one certificate; whoever signs it need not be who issued that.
struct OcspFields {
  Bytes issuer_name = name("issuer");
  Bytes issuer_spki{};  // its key identifies the issuer
  Bytes serial = {1};
  bool sha384 = true;           // of what identifies the certificate
  Bytes status = {0x80, 0x00};  // good; forge::revoked of another
  UnixSeconds this_update = 1'700'000'000;
  std::optional<UnixSeconds> next_update = 2'000'000'000;
  std::optional<UnixSeconds> produced{};  // none: at this_update
  std::vector<Bytes> certificates{};      // that come along
  std::vector<Bytes> extensions{};        // of the response
  std::vector<Bytes> answer_extensions{};
};
Bytes revoked(UnixSeconds at, std::optional<uint8_t> reason = std::nullopt);
Bytes ocsp(const OcspFields& fields, const Key& signer);

// pem is the block of one certificate.
std::string pem(ByteSpan der);

}  // namespace openpcc::x509::forge
