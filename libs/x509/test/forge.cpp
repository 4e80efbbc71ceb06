#include "forge.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "openpcc/crypto/hash.h"
#include "openpcc/x509/der.h"

namespace openpcc::x509::forge {
namespace {

constexpr UnixSeconds kDay_s = 86'400;

// days_from_civil turned round: the date of a day number.
std::array<int64_t, 3> date_of(int64_t days) {
  int64_t year = 1970;
  const auto length = [](int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365; };
  while (days >= length(year)) days -= length(year++);
  std::array<int64_t, 12> months{31, length(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  size_t month = 0;
  while (days >= months[month]) days -= months[month++];
  return {year, static_cast<int64_t>(month) + 1, days + 1};
}

std::string digits(int64_t value, size_t n) {
  std::string out = std::to_string(value);
  return std::string(n - out.size(), '0') + out;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes bit_string(ByteSpan bits) { return tlv(der::kBitString, concat({Bytes{0}, bits})); }

Bytes sealed(ByteSpan to_be_signed, const Key& signer) {
  return sequence({to_be_signed, algorithm_identifier(signer.algorithm()), bit_string(signer.sign(to_be_signed))});
}

}  // namespace

Bytes tlv(uint8_t tag, ByteSpan content) {
  Bytes head{tag};
  const size_t n = content.size();
  if (n >= 0x10000) {
    head.insert(head.end(), {0x83, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)});
  } else if (n >= 0x100) {
    head.insert(head.end(), {0x82, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)});
  } else if (n >= 0x80) {
    head.insert(head.end(), {0x81, static_cast<uint8_t>(n)});
  } else {
    head.push_back(static_cast<uint8_t>(n));
  }
  return concat({head, content});
}

Bytes sequence(std::initializer_list<ByteSpan> elements) { return tlv(der::kSequence, concat(elements)); }

Bytes integer(uint64_t value) {
  Bytes bytes;
  do bytes.insert(bytes.begin(), static_cast<uint8_t>(value));
  while ((value >>= 8) != 0);
  if (bytes[0] >= 0x80) bytes.insert(bytes.begin(), 0);
  return tlv(der::kInteger, bytes);
}

Bytes time(UnixSeconds at) {
  const auto [year, month, day] = date_of(at / kDay_s);
  const UnixSeconds s = at % kDay_s;
  const std::string text =
      digits(year, 4) + digits(month, 2) + digits(day, 2) + digits(s / 3600, 2) + digits(s / 60 % 60, 2) + digits(s % 60, 2) + "Z";
  return tlv(der::kGeneralizedTime, as_bytes(text));
}

Bytes name(std::string_view common_name) {
  const Bytes attribute = sequence({testkit::hex("0603550403"), tlv(der::kUtf8String, as_bytes(common_name))});
  return sequence({tlv(der::kSet, attribute)});
}

Bytes extension(ByteSpan oid, bool critical, ByteSpan value) {
  return sequence({tlv(der::kOid, oid), critical ? tlv(der::kBoolean, Bytes{0xff}) : Bytes(), tlv(der::kOctetString, value)});
}

Bytes basic_constraints(bool ca, int path_length) {
  const Bytes flag = ca ? tlv(der::kBoolean, Bytes{0xff}) : Bytes();
  const Bytes length = path_length < 0 ? Bytes() : integer(static_cast<uint64_t>(path_length));
  return extension(testkit::hex("551d13"), true, sequence({flag, length}));
}

Bytes key_usage(uint8_t bits) { return extension(testkit::hex("551d0f"), true, tlv(der::kBitString, Bytes{1, bits})); }

Bytes algorithm_identifier(Algorithm algorithm) {
  if (algorithm == Algorithm::ecdsa_sha256) return sequence({testkit::hex("06082a8648ce3d040302")});
  if (algorithm == Algorithm::ecdsa_sha384) return sequence({testkit::hex("06082a8648ce3d040303")});
  if (algorithm == Algorithm::rsa_pkcs1_sha256) return sequence({testkit::hex("06092a864886f70d01010b0500")});
  if (algorithm == Algorithm::rsa_pkcs1_sha384) return sequence({testkit::hex("06092a864886f70d01010c0500")});
  const Bytes digest = testkit::hex("300d06096086480165030402020500");
  const Bytes mask = sequence({testkit::hex("06092a864886f70d010108"), digest});
  const Bytes parameters = sequence({tlv(der::context(0), digest), tlv(der::context(1), mask), tlv(der::context(2), integer(48))});
  return sequence({testkit::hex("06092a864886f70d01010a"), parameters});
}

struct Key::State {
  EVP_PKEY* key = nullptr;
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_PKEY_free(key); }
};

Key::Key(Algorithm algorithm) : algorithm_(algorithm), state_(std::make_unique<State>()) {
  if (algorithm == Algorithm::ecdsa_sha256 || algorithm == Algorithm::ecdsa_sha384) {
    state_->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", algorithm == Algorithm::ecdsa_sha256 ? "P-256" : "P-384");
  } else {
    state_->key = EVP_RSA_gen(2048u);
  }
  OPENPCC_CHECK(state_->key != nullptr);
}
Key::Key(Key&&) noexcept = default;
Key& Key::operator=(Key&&) noexcept = default;
Key::~Key() = default;

Bytes Key::spki() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(state_->key, &der);
  OPENPCC_CHECK(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

Bytes Key::point() const {
  const Bytes whole = spki();
  const size_t n = 2 * crypto::coordinate_bytes(algorithm_ == Algorithm::ecdsa_sha256 ? crypto::Curve::p256 : crypto::Curve::p384);
  return Bytes(whole.end() - static_cast<ptrdiff_t>(n), whole.end());
}

Bytes Key::sign(ByteSpan message) const {
  const bool sha256 = algorithm_ == Algorithm::ecdsa_sha256 || algorithm_ == Algorithm::rsa_pkcs1_sha256;
  const EVP_MD* md = sha256 ? EVP_sha256() : EVP_sha384();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  OPENPCC_CHECK(EVP_DigestSignInit(context, &parameters, md, nullptr, state_->key) == 1);
  if (algorithm_ == Algorithm::rsa_pss_sha384) {
    OPENPCC_CHECK(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1);
    OPENPCC_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48) == 1);
  }
  size_t size = 0;
  OPENPCC_CHECK(EVP_DigestSign(context, nullptr, &size, message.data(), message.size()) == 1);
  Bytes out(size);
  OPENPCC_CHECK(EVP_DigestSign(context, out.data(), &size, message.data(), message.size()) == 1);
  EVP_MD_CTX_free(context);
  out.resize(size);
  return out;
}

Bytes Key::sign_raw(ByteSpan message) const {
  const Bytes der = sign(message);
  const unsigned char* at = der.data();
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  OPENPCC_CHECK(signature != nullptr);
  const size_t n = point().size() / 2;
  Bytes out(2 * n);
  OPENPCC_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out.data(), static_cast<int>(n)) > 0);
  OPENPCC_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out.data() + n, static_cast<int>(n)) > 0);
  ECDSA_SIG_free(signature);
  return out;
}

Bytes certificate(const CertificateFields& fields, const Key& signer) {
  const Bytes version = tlv(der::context(0), integer(2));
  const Bytes serial = tlv(der::kInteger, fields.serial);
  const Bytes validity = sequence({time(fields.window.from), time(fields.window.to)});
  const Bytes extensions = fields.extensions.empty() ? Bytes() : tlv(der::context(3), sequence({joined(fields.extensions)}));
  return sealed(sequence({version, serial, algorithm_identifier(signer.algorithm()), fields.issuer, validity, fields.subject, fields.spki,
                          extensions}),
                signer);
}

Bytes crl(const CrlFields& fields, const Key& signer) {
  std::vector<Bytes> entries;
  for (const Bytes& serial : fields.serials) entries.push_back(sequence({tlv(der::kInteger, serial), time(fields.this_update)}));
  const Bytes revoked = entries.empty() ? Bytes() : sequence({joined(entries)});
  const Bytes next = fields.next_update ? time(*fields.next_update) : Bytes();
  const Bytes extensions = fields.extensions.empty() ? Bytes() : tlv(der::context(0), sequence({joined(fields.extensions)}));
  return sealed(
      sequence({integer(1), algorithm_identifier(signer.algorithm()), fields.issuer, time(fields.this_update), next, revoked, extensions}),
      signer);
}

Bytes revoked(UnixSeconds at, std::optional<uint8_t> reason) {
  const Bytes why = reason ? tlv(der::context(0), tlv(der::kEnumerated, Bytes{*reason})) : Bytes();
  return tlv(der::context(1), concat({time(at), why}));
}

Bytes ocsp(const OcspFields& f, const Key& signer) {
  const auto digest = [&](ByteSpan of) {
    if (!f.sha384) {
      const auto d = crypto::sha256(of);
      return Bytes(d.begin(), d.end());
    }
    const auto d = crypto::sha384(of);
    return Bytes(d.begin(), d.end());
  };
  const size_t point_bytes = f.issuer_spki.size() < 100 ? 65 : 97;  // of P-256 and of P-384
  const ByteSpan key = f.issuer_spki.size() < point_bytes ? ByteSpan(f.issuer_spki) : ByteSpan(f.issuer_spki).last(point_bytes);
  const auto extensions = [](const std::vector<Bytes>& list) {
    return list.empty() ? Bytes() : tlv(der::context(1), sequence({joined(list)}));
  };
  const Bytes id = sequence({sequence({testkit::hex(f.sha384 ? "0609608648016503040202" : "0609608648016503040201")}),
                             tlv(der::kOctetString, digest(f.issuer_name)), tlv(der::kOctetString, digest(key)),
                             tlv(der::kInteger, f.serial.front() < 0x80 ? f.serial : concat({Bytes{0}, f.serial}))});
  const Bytes next = f.next_update ? tlv(der::context(0), time(*f.next_update)) : Bytes();
  const Bytes answer = sequence({id, f.status, time(f.this_update), next, extensions(f.answer_extensions)});
  const Bytes data = sequence(
      {tlv(der::context(1), name("responder")), time(f.produced.value_or(f.this_update)), sequence({answer}), extensions(f.extensions)});
  const Bytes certificates = f.certificates.empty() ? Bytes() : tlv(der::context(0), sequence({joined(f.certificates)}));
  const Bytes basic = sequence({data, algorithm_identifier(signer.algorithm()), bit_string(signer.sign(data)), certificates});
  const Bytes typed = sequence({testkit::hex("06092b0601050507300101"), tlv(der::kOctetString, basic)});
  return sequence({tlv(der::kEnumerated, Bytes{0}), tlv(der::context(0), typed)});
}

std::string pem(ByteSpan der) {
  const std::string base64 = to_base64(der);
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (size_t at = 0; at < base64.size(); at += 64) out += base64.substr(at, 64) + "\n";
  return out + "-----END CERTIFICATE-----\n";
}

}  // namespace openpcc::x509::forge
