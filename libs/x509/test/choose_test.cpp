#include "openpcc/x509/choose.h"

#include "forge.h"

namespace openpcc::x509 {
namespace {

const Bytes kName = forge::name("the issuer");

class ChooseTest : public testing::Test {
 protected:
  forge::Key key_{Algorithm::ecdsa_sha256}, other_{Algorithm::ecdsa_sha256};
  Certificate subject_ = made(forge::name("the subject"), kName, key_, 0, other_);

  // made is a certificate of `of`, signed by `signer`.
  static Certificate made(const Bytes& subject, const Bytes& issuer, const forge::Key& signer, UnixSeconds later, const forge::Key& of) {
    forge::CertificateFields fields;
    fields.subject = subject;
    fields.issuer = issuer;
    fields.window.from += later;
    fields.spki = of.spki();
    return *Certificate::parse(forge::certificate(fields, signer));
  }
  static Certificate issuer(const Bytes& name, const forge::Key& of, UnixSeconds later) { return made(name, name, of, later, of); }
  static Crl list(const Bytes& name, const forge::Key& signer, UnixSeconds later) {
    forge::CrlFields fields;
    fields.issuer = name;
    fields.this_update += later;
    return *Crl::parse(forge::crl(fields, signer));
  }
};

TEST_F(ChooseTest, the_best_is_the_first_of_the_highest_rank) {
  const std::vector<int> numbers{1, 7, 3, 7, 8};
  const auto odd = [](int n) { return n % 2 == 1 ? std::optional(n) : std::nullopt; };
  EXPECT_EQ(best_of(numbers, odd), &numbers[1]);
  EXPECT_EQ(best_of(numbers, [](int) { return std::optional<int>(); }), nullptr);
  EXPECT_EQ(best_of(std::vector<int>(), odd), nullptr);
}

TEST_F(ChooseTest, an_issuer_is_who_signed_before_a_newer_namesake) {
  const Certificate older = issuer(kName, key_, 1), newer = issuer(kName, key_, 2), namesake = issuer(kName, other_, 3),
                    stranger = issuer(forge::name("another"), key_, 4);
  const std::vector<const Certificate*> all{&older, &namesake, &newer, &stranger};
  EXPECT_EQ(issuer_of(subject_, all), &newer);
  EXPECT_TRUE(issued(newer, subject_));
  EXPECT_EQ(issuer_of(subject_, std::vector{&namesake, &stranger}), &namesake);
  EXPECT_FALSE(issued(namesake, subject_));
  EXPECT_EQ(issuer_of(subject_, std::vector{&stranger}), nullptr);
  EXPECT_FALSE(issued(stranger, subject_)) << "its key signed, under another name";
}

TEST_F(ChooseTest, a_list_is_the_newest_that_the_issuer_signed) {
  const Certificate issuer_certificate = issuer(kName, key_, 0);
  const Crl older = list(kName, key_, 1), newer = list(kName, key_, 2), forged = list(kName, other_, 3),
            others = list(forge::name("x"), key_, 4);
  const std::vector<CrlView> all{{&older, {}}, {&forged, {}}, {&newer, {}}, {&others, {}}};
  EXPECT_EQ(list_of(issuer_certificate, all), &all[2]);
  EXPECT_TRUE(issued(issuer_certificate, newer));
  const std::vector<CrlView> worse{all[3], all[1]};
  EXPECT_EQ(list_of(issuer_certificate, worse), &worse[1]);
  EXPECT_FALSE(issued(issuer_certificate, forged) || issued(issuer_certificate, others));
  EXPECT_EQ(list_of(issuer_certificate, std::span(worse).first(1)), nullptr);
}

}  // namespace
}  // namespace openpcc::x509
