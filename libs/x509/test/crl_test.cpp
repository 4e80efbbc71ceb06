#include "forge.h"

namespace openpcc::x509 {
namespace {

using testkit::hex;

class CrlTest : public testing::Test {
 protected:
  forge::Key key_{Algorithm::ecdsa_sha256};
  forge::CrlFields fields_;

  Certificate certificate(Bytes serial, std::string_view subject) {
    forge::CertificateFields f;
    f.serial = std::move(serial);
    f.subject = forge::name(subject);
    f.spki = key_.spki();
    return *Certificate::parse(forge::certificate(f, key_));
  }
  Result<Crl> parsed() { return Crl::parse(forge::crl(fields_, key_)); }
  Result<> checked(UnixSeconds now) {
    const Certificate issuer = certificate({9}, "issuer");
    const auto crl = parsed();
    OPENPCC_CHECK(crl.has_value());
    return check_crl(*crl, issuer, *issuer.key(), now);
  }
};

TEST_F(CrlTest, names_serials) {
  fields_.serials = {hex("0200"), hex("05"), hex("00ff")};
  const auto crl = parsed();
  ASSERT_OK(crl);
  EXPECT_EQ(crl->size(), 3u);
  EXPECT_RULE(check_not_revoked(certificate({5}, "a"), *crl), "x509.crl.revoked");
  EXPECT_RULE(check_not_revoked(certificate(hex("00ff"), "a"), *crl), "x509.crl.revoked");
  EXPECT_OK(check_not_revoked(certificate({2}, "a"), *crl));
  EXPECT_OK(check_not_revoked(certificate({6}, "a"), *crl));
}

TEST_F(CrlTest, time_to_the_second) {
  fields_.this_update = 1'700'000'000;
  fields_.next_update = 1'700'000'100;
  EXPECT_RULE(checked(1'699'999'999), "x509.crl.early");
  EXPECT_OK(checked(1'700'000'000));
  EXPECT_OK(checked(1'700'000'099));
  EXPECT_RULE(checked(1'700'000'100), "x509.crl.stale");
}

TEST_F(CrlTest, of_another_issuer_or_key) {
  fields_.issuer = forge::name("another");
  EXPECT_RULE(checked(1'800'000'000), "x509.crl.issuer");
  fields_.issuer = forge::name("issuer");
  const auto crl = parsed();
  const Certificate issuer = certificate({9}, "issuer");
  forge::CertificateFields other;
  other.spki = forge::Key(Algorithm::ecdsa_sha256).spki();
  const auto other_key = Certificate::parse(forge::certificate(other, key_))->key();
  EXPECT_RULE(check_crl(*crl, issuer, *other_key, 1'800'000'000), "x509.signature.wrong");
}

TEST_F(CrlTest, odd_shapes) {
  fields_.next_update = std::nullopt;
  EXPECT_RULE(parsed(), "x509.crl.syntax");
  fields_ = {};
  fields_.extensions = {forge::extension(hex("551d1c"), true, hex("3000"))};  // issuing distribution point
  EXPECT_RULE(parsed(), "x509.crl.critical");
  fields_.extensions = {forge::extension(hex("551d14"), false, hex("020101"))};
  EXPECT_OK(parsed());
  EXPECT_RULE(Crl::parse(Bytes(kCrlBytesMax + 1)), "x509.crl.too_large");
  EXPECT_RULE(Crl::parse(hex("3000")), "x509.der");
}

TEST_F(CrlTest, of_the_makers) {
  const auto folder = testkit::shared_file("evidence/snp/crl");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const auto ark = Certificate::parse(testkit::read_file(*testkit::shared_file("evidence/snp/roots/genoa/ark.der")));
  const auto crl = Crl::parse(testkit::read_file(*folder / "genoa-2026-08-19.crl.der"));
  ASSERT_OK(ark);
  ASSERT_OK(crl);
  EXPECT_OK(check_crl(*crl, *ark, *ark->key(), crl->window().to));
  EXPECT_RULE(check_crl(*crl, *ark, *ark->key(), crl->window().to + 1), "x509.crl.stale");
  EXPECT_TRUE(crl->revokes(hex("020001")));
  EXPECT_FALSE(crl->revokes(hex("020002")));
}

}  // namespace
}  // namespace openpcc::x509
