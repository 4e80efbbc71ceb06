#include <algorithm>

#include "forge.h"
#include "openpcc/x509/der.h"

namespace openpcc::x509 {
namespace {

using testkit::hex;

// One key of each kind for the whole program: RSA keys are slow to make.
const forge::Key& key_of(Algorithm algorithm) {
  static const auto all = [] {
    std::vector<forge::Key> out;
    for (size_t i = 0; i <= static_cast<size_t>(Algorithm::rsa_pkcs1_sha384); ++i) out.emplace_back(static_cast<Algorithm>(i));
    return out;
  }();
  return all[static_cast<size_t>(algorithm)];
}
constexpr Algorithm kAll[] = {Algorithm::ecdsa_sha256, Algorithm::ecdsa_sha384, Algorithm::rsa_pss_sha384, Algorithm::rsa_pkcs1_sha256,
                              Algorithm::rsa_pkcs1_sha384};
bool is_rsa(Algorithm algorithm) { return algorithm != Algorithm::ecdsa_sha256 && algorithm != Algorithm::ecdsa_sha384; }

forge::CertificateFields fields(Algorithm algorithm = Algorithm::ecdsa_sha256) {
  forge::CertificateFields out;
  out.spki = key_of(algorithm).spki();
  return out;
}
Bytes made(const forge::CertificateFields& f, Algorithm algorithm = Algorithm::ecdsa_sha256) {
  return forge::certificate(f, key_of(algorithm));
}

TEST(Certificate, fields_come_back) {
  forge::CertificateFields f = fields();
  f.serial = hex("00abcd");
  f.window = {1'709'210'096, 2'147'483'648};  // 2024-02-29 12:34:56, 2038-01-19 03:14:08
  f.extensions = {forge::basic_constraints(true, 0), forge::extension(hex("2b0601"), false, hex("0500"))};
  const Bytes der = made(f);
  const auto certificate = Certificate::parse(der);
  ASSERT_OK(certificate);
  EXPECT_EQ(to_hex(certificate->der()), to_hex(der));
  EXPECT_EQ(to_hex(certificate->serial()), "abcd");
  EXPECT_EQ(certificate->common_name(), "leaf");
  EXPECT_EQ(to_hex(certificate->issuer()), to_hex(forge::name("issuer")));
  EXPECT_EQ(certificate->window(), f.window);
  EXPECT_EQ(to_hex(certificate->spki()), to_hex(f.spki));
  ASSERT_EQ(certificate->extensions().size(), 2u);
  ASSERT_NE(certificate->extension(hex("2b0601")), nullptr);
  EXPECT_FALSE(certificate->extension(hex("2b0601"))->critical);
  EXPECT_EQ(certificate->extension(hex("2b0602")), nullptr);
}

TEST(Certificate, stays_what_it_is_when_moved) {
  auto parsed = Certificate::parse(made(fields()));
  ASSERT_OK(parsed);
  std::vector<Certificate> kept;
  kept.push_back(std::move(*parsed));
  kept.push_back(*Certificate::parse(made(fields())));
  EXPECT_EQ(kept[0].common_name(), "leaf");
  EXPECT_OK(kept[0].signature().check(*kept[0].key()));
}

TEST(Certificate, every_kind_of_signature_and_key) {
  for (const Algorithm algorithm : kAll) {
    const auto certificate = Certificate::parse(made(fields(algorithm), algorithm));
    ASSERT_OK(certificate);
    const auto key = certificate->key();
    ASSERT_OK(key);
    EXPECT_OK(certificate->signature().check(*key));
    for (const Algorithm other : kAll) {
      if (other == algorithm) continue;
      const auto foreign = *Certificate::parse(made(fields(other), other))->key();
      if (is_rsa(algorithm) && is_rsa(other)) {
        EXPECT_RULE(certificate->signature().check(foreign), "x509.signature.wrong");
      } else {
        EXPECT_RULE(certificate->signature().check(foreign), "x509.signature.algorithm");
      }
    }
    const forge::Key another(algorithm);
    forge::CertificateFields f = fields();
    f.spki = another.spki();
    EXPECT_RULE(certificate->signature().check(*Certificate::parse(made(f))->key()), "x509.signature.wrong");
  }
}

TEST(Certificate, an_altered_byte_breaks_shape_or_signature) {
  const Bytes der = made(fields());
  const auto key = Certificate::parse(der)->key();
  for (size_t at = 0; at < der.size(); ++at) {
    Bytes altered = der;
    altered[at] ^= 1;
    const auto certificate = Certificate::parse(altered);
    EXPECT_FALSE(certificate && certificate->signature().check(*key)) << at;
  }
}

TEST(Certificate, truncated_and_extended) {
  const Bytes der = made(fields());
  for (size_t n = 0; n < der.size(); ++n) EXPECT_FALSE(Certificate::parse(ByteSpan(der).first(n))) << n;
  EXPECT_RULE(Certificate::parse(concat({der, Bytes{0}})), "x509.der");
  EXPECT_RULE(Certificate::parse(Bytes(kCertificateBytesMax + 1)), "x509.certificate.too_large");
}

TEST(Certificate, odd_shapes) {
  forge::CertificateFields f = fields();
  f.extensions = {forge::basic_constraints(true), forge::basic_constraints(true)};
  EXPECT_RULE(Certificate::parse(made(f)), "x509.certificate.syntax");
  f = fields();
  f.extensions.assign(kExtensionsMax + 1, {});
  for (size_t i = 0; i <= kExtensionsMax; ++i) f.extensions[i] = forge::extension(Bytes{0x2b, static_cast<uint8_t>(i)}, false, {});
  EXPECT_RULE(Certificate::parse(made(f)), "x509.certificate.syntax");
  f = fields();
  f.window = {2'000'000'000, 1'999'999'999};
  EXPECT_RULE(Certificate::parse(made(f)), "x509.certificate.syntax");
  f = fields();
  f.serial = Bytes(kSerialBytesMax + 1, 1);
  EXPECT_RULE(Certificate::parse(made(f)), "x509.certificate.syntax");
  f = fields();
  const Bytes attribute = forge::sequence({hex("0603550403"), forge::tlv(der::kUtf8String, as_bytes("x"))});
  f.subject = forge::sequence({forge::tlv(der::kSet, attribute), forge::tlv(der::kSet, attribute)});
  EXPECT_RULE(Certificate::parse(made(f)), "x509.certificate.syntax");
}

// replaced puts one piece of a certificate in place of another; what it signs does not matter to the parser.
Bytes replaced(const Bytes& der, const Bytes& from, const Bytes& to) {
  Bytes out = der;
  for (auto at = std::ranges::search(out, from).begin(); at != out.end(); at = std::ranges::search(out, from).begin()) {
    std::ranges::copy(to, at);
  }
  return out;
}

TEST(Certificate, other_algorithms_are_unsupported) {
  const Bytes ecdsa = made(fields());
  const Bytes name = hex("06082a8648ce3d040302");
  EXPECT_RULE(Certificate::parse(replaced(ecdsa, name, hex("06082a8648ce3d040304"))), "x509.certificate.algorithm");  // SHA-512
  Bytes once = ecdsa;
  *(std::ranges::search(once, name).begin() + 9) = 3;
  EXPECT_RULE(Certificate::parse(once), "x509.certificate.algorithm");  // another one inside than outside
  const Bytes pss = made(fields(Algorithm::rsa_pss_sha384), Algorithm::rsa_pss_sha384);
  EXPECT_RULE(Certificate::parse(replaced(pss, hex("a203020130"), hex("a203020120"))), "x509.certificate.algorithm");
  EXPECT_RULE(Certificate::parse(replaced(pss, hex("6086480165030402020500"), hex("6086480165030402010500"))),
              "x509.certificate.algorithm");
  EXPECT_RULE(Certificate::parse(replaced(pss, hex("2a864886f70d010108"), hex("2a864886f70d010109"))), "x509.certificate.algorithm");
  const Bytes pkcs1 = made(fields(Algorithm::rsa_pkcs1_sha256), Algorithm::rsa_pkcs1_sha256);
  EXPECT_RULE(Certificate::parse(replaced(pkcs1, hex("2a864886f70d01010b0500"), hex("2a864886f70d0101050500"))),
              "x509.certificate.algorithm");  // SHA-1
  EXPECT_RULE(Certificate::parse(replaced(pkcs1, hex("2a864886f70d01010b0500"), hex("2a864886f70d01010b0400"))),
              "x509.certificate.algorithm");
}

TEST(Certificate, other_keys_are_unsupported) {
  const auto key_of_spki = [](const Bytes& spki) {
    forge::CertificateFields f = fields();
    f.spki = spki;
    return Certificate::parse(made(f))->key();
  };
  const Bytes p256 = key_of(Algorithm::ecdsa_sha256).spki();
  EXPECT_RULE(key_of_spki(replaced(p256, hex("2a8648ce3d030107"), hex("2a8648ce3d030106"))), "x509.key.algorithm");
  EXPECT_RULE(key_of_spki(replaced(p256, hex("2a8648ce3d0201"), hex("2a8648ce3d0202"))), "x509.key.algorithm");
  EXPECT_RULE(key_of_spki(replaced(p256, hex("03420004"), hex("03420002"))), "x509.key.algorithm");
  Bytes off_curve = p256;
  off_curve.back() ^= 1;
  EXPECT_RULE(key_of_spki(off_curve), "crypto.ecdsa.point");
  const Bytes rsa = key_of(Algorithm::rsa_pss_sha384).spki();
  EXPECT_RULE(key_of_spki(replaced(rsa, hex("0203010001"), hex("0203010003"))), "crypto.rsa.key");
}

TEST(Certificate, times) {
  // The window's times as they stand in the certificate, put in place of the forged ones, which are as long.
  const auto with_time = [](std::string_view text) {
    const std::string forged = "20231114221320Z";
    OPENPCC_CHECK(text.size() == forged.size());
    return Certificate::parse(replaced(made(fields()), Bytes(forged.begin(), forged.end()), Bytes(text.begin(), text.end())));
  };
  EXPECT_EQ(with_time("20200229235959Z")->window().from, 1'583'020'799);
  EXPECT_EQ(with_time("20000301000000Z")->window().from, 951'868'800);
  for (const char* bad : {"20230229000000Z", "20231314221320Z", "20231100221320Z", "20231131221320Z", "20231114241320Z", "20231114226020Z",
                          "20231114221360Z", "20231114221320X", "2023111422132 Z", "19691231235959Z"}) {
    EXPECT_RULE(with_time(bad), "x509.der") << bad;
  }
}

TEST(Pem, blocks_and_nothing_else) {
  const std::string one = forge::pem(made(fields()));
  EXPECT_EQ(Certificate::parse_pem(as_bytes(one + one), 2)->size(), 2u);
  EXPECT_EQ(Certificate::parse_pem(as_bytes(one + std::string(1, '\0')), 1)->size(), 1u);
  EXPECT_EQ(Certificate::parse_pem(as_bytes("\r\n" + one + "\n\n"), 1)->size(), 1u);
  const std::string two_nuls = one + std::string(2, '\0');
  for (const std::string& bad : {std::string(), std::string("x"), "x" + one, one + "x", two_nuls, one.substr(0, one.size() - 3),
                                 one.substr(0, 40) + "!" + one.substr(41), one + one}) {
    EXPECT_RULE(Certificate::parse_pem(as_bytes(bad), 1), "x509.pem.syntax");
  }
  EXPECT_RULE(Certificate::parse_pem(Bytes(2 * kCertificateBytesMax + 1, '\n'), 1), "x509.pem.syntax");
}

// Certificates of AMD and Intel, with the digests, names and windows that the corpus states.
TEST(Certificate, of_the_makers) {
  const auto root = testkit::shared_file("evidence/snp/roots");
  if (!root) GTEST_SKIP() << "no shared evidence";
  for (const char* product : {"milan", "genoa", "turin"}) {
    const auto read = [&](const char* file) { return Certificate::parse(testkit::read_file(*root / product / file)); };
    const auto ark = read("ark.der");
    ASSERT_OK(ark);
    const auto key = ark->key();
    ASSERT_OK(key);
    EXPECT_OK(check_issued(*ark, *ark, *key, 1));
    for (const char* file : {"ask.der", "asvk.der"}) {
      const auto intermediate = read(file);
      ASSERT_OK(intermediate);
      EXPECT_OK(check_issued(*intermediate, *ark, *key, 1));
    }
  }
  const auto intel = Certificate::parse(testkit::read_file(*testkit::shared_file("evidence/tdx/roots/intel_sgx_root_ca.der")));
  ASSERT_OK(intel);
  EXPECT_EQ(intel->common_name(), "Intel SGX Root CA");
  EXPECT_EQ(intel->window(), (Window{1'526'899'510, 2'524'607'999}));
  EXPECT_OK(check_issued(*intel, *intel, *intel->key(), 1));
}

}  // namespace
}  // namespace openpcc::x509
