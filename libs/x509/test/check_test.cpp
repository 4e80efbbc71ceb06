#include "forge.h"
#include "openpcc/x509/usage.h"

namespace openpcc::x509 {
namespace {

using testkit::hex;

class CheckTest : public testing::Test {
 protected:
  forge::Key issuer_key_{Algorithm::ecdsa_sha384};
  forge::CertificateFields issuer_;
  forge::CertificateFields subject_;

  CheckTest() {
    issuer_.subject = forge::name("issuer");
    issuer_.spki = issuer_key_.spki();
    issuer_.extensions = {forge::basic_constraints(true, 0), forge::key_usage(forge::kSignsCertificates)};
    subject_.spki = issuer_key_.spki();
  }
  Result<> issued(size_t below = 0) {
    const auto issuer = Certificate::parse(forge::certificate(issuer_, issuer_key_));
    const auto subject = Certificate::parse(forge::certificate(subject_, issuer_key_));
    OPENPCC_CHECK(issuer && subject);
    return check_issued(*subject, *issuer, *issuer->key(), below);
  }
};

TEST_F(CheckTest, a_chain_as_it_should_be) { EXPECT_OK(issued()); }

TEST_F(CheckTest, another_issuer) {
  subject_.issuer = forge::name("Issuer");
  EXPECT_RULE(issued(), "x509.issuer.name");
}

TEST_F(CheckTest, the_right_name_and_another_key) {
  const auto issuer = Certificate::parse(forge::certificate(issuer_, issuer_key_));
  const auto subject = Certificate::parse(forge::certificate(subject_, forge::Key(Algorithm::ecdsa_sha384)));
  EXPECT_RULE(check_issued(*subject, *issuer, *issuer->key(), 0), "x509.signature.wrong");
}

// A digest vouches for the bytes that it is of, and for nothing else of the link.
TEST_F(CheckTest, a_known_certificate_needs_no_signature) {
  const auto issuer = Certificate::parse(forge::certificate(issuer_, issuer_key_));
  const auto subject = Certificate::parse(forge::certificate(subject_, forge::Key(Algorithm::ecdsa_sha384)));
  const std::vector<crypto::Sha256Digest> known{crypto::sha256(subject->der())}, another{crypto::sha256(issuer->der())};
  EXPECT_OK(check_issued(*subject, *issuer, *issuer->key(), 0, known));
  EXPECT_RULE(check_issued(*subject, *issuer, *issuer->key(), 0, another), "x509.signature.wrong");
  EXPECT_RULE(check_issued(*subject, *issuer, *issuer->key(), 1, known), "x509.issuer.not_ca");
  subject_.issuer = forge::name("Issuer");
  const auto stranger = Certificate::parse(forge::certificate(subject_, issuer_key_));
  const std::vector<crypto::Sha256Digest> itself{crypto::sha256(stranger->der())};
  EXPECT_RULE(check_issued(*stranger, *issuer, *issuer->key(), 0, itself), "x509.issuer.name");
}

TEST_F(CheckTest, who_signs_data) {
  const auto checked = [&](const std::vector<Bytes>& extensions) {
    subject_.extensions = extensions;
    return check_signs_data(*Certificate::parse(forge::certificate(subject_, issuer_key_)));
  };
  EXPECT_OK(checked({forge::key_usage(0x80)}));
  EXPECT_OK(checked({forge::key_usage(0xc0), forge::basic_constraints(false)}));
  EXPECT_RULE(checked({forge::key_usage(0x80), forge::basic_constraints(true)}), "x509.leaf.ca");
  EXPECT_RULE(checked({}), "x509.leaf.key_usage");
  EXPECT_RULE(checked({forge::key_usage(0x7f)}), "x509.leaf.key_usage");
}

TEST_F(CheckTest, who_signs_lists) {
  const auto checked = [&] { return check_signs_lists(*Certificate::parse(forge::certificate(issuer_, issuer_key_))); };
  EXPECT_RULE(checked(), "x509.crl.key_usage");
  issuer_.extensions[1] = forge::key_usage(forge::kSignsLists);
  EXPECT_OK(checked());
}

TEST_F(CheckTest, no_ca) {
  issuer_.extensions = {forge::key_usage(forge::kSignsCertificates)};
  EXPECT_RULE(issued(), "x509.issuer.not_ca");
  issuer_.extensions = {forge::basic_constraints(false), forge::key_usage(forge::kSignsCertificates)};
  EXPECT_RULE(issued(), "x509.issuer.not_ca");
}

TEST_F(CheckTest, too_long_a_chain) {
  EXPECT_RULE(issued(1), "x509.issuer.not_ca");
  issuer_.extensions[0] = forge::basic_constraints(true);
  EXPECT_OK(issued(1));
}

TEST_F(CheckTest, a_key_for_something_else) {
  issuer_.extensions = {forge::basic_constraints(true), forge::key_usage(forge::kSignsLists)};
  EXPECT_RULE(issued(), "x509.issuer.key_usage");
  issuer_.extensions = {forge::basic_constraints(true)};
  EXPECT_RULE(issued(), "x509.issuer.key_usage");
}

TEST_F(CheckTest, unknown_critical_extensions) {
  subject_.extensions = {forge::extension(hex("551d1e"), true, hex("3000"))};  // name constraints
  EXPECT_RULE(issued(), "x509.extension.critical");
  subject_.extensions = {forge::extension(hex("551d1e"), false, hex("3000"))};
  EXPECT_OK(issued());
  issuer_.extensions.push_back(forge::extension(hex("551d1e"), true, hex("3000")));
  EXPECT_RULE(issued(), "x509.extension.critical");
}

TEST_F(CheckTest, a_critical_extension_that_the_caller_understands) {
  const Bytes names = hex("551d11");
  const ByteSpan understood[] = {names};
  subject_.extensions = {forge::extension(names, true, hex("3000"))};
  const auto issuer = Certificate::parse(forge::certificate(issuer_, issuer_key_));
  const auto subject = Certificate::parse(forge::certificate(subject_, issuer_key_));
  EXPECT_RULE(check_issued(*subject, *issuer, *issuer->key(), 0), "x509.extension.critical");
  EXPECT_OK(check_issued(*subject, *issuer, *issuer->key(), 0, {}, understood));
}

TEST_F(CheckTest, time_to_the_second) {
  subject_.window = {1'700'000'000, 1'700'000'100};
  const auto subject = Certificate::parse(forge::certificate(subject_, issuer_key_));
  EXPECT_RULE(check_time(*subject, 1'699'999'999), "x509.time.early");
  EXPECT_OK(check_time(*subject, 1'700'000'000));
  EXPECT_OK(check_time(*subject, 1'700'000'100));
  EXPECT_RULE(check_time(*subject, 1'700'000'101), "x509.time.expired");
}

TEST_F(CheckTest, windows_intersect) {
  EXPECT_EQ((Window{1, 5}.intersect({3, 9})), (Window{3, 5}));
  EXPECT_FALSE((Window{1, 2}.intersect({3, 9})).contains(2));
}

}  // namespace
}  // namespace openpcc::x509
