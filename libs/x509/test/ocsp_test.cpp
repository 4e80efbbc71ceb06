// No signed answer of a vendor's responder is published, so these are of our own making.
#include "openpcc/x509/ocsp.h"

#include "forge.h"
#include "openpcc/x509/der.h"

namespace openpcc::x509 {
namespace {

using forge::OcspFields;

constexpr UnixSeconds kNow = 1'800'000'000;

// World is an issuer, a certificate of its own, and an answer about that.
struct World {
  forge::Key issuer_key{Algorithm::ecdsa_sha384}, subject_key{Algorithm::ecdsa_sha384}, responder_key{Algorithm::ecdsa_sha384};
  forge::CertificateFields issuer{
      forge::name("issuer"),      forge::name("issuer"), {1},
      {kNow - 1000, kNow + 1000}, issuer_key.spki(),     {forge::basic_constraints(true), forge::key_usage(forge::kSignsCertificates)}};
  forge::CertificateFields subject{forge::name("leaf"), forge::name("issuer"), {7, 8}, {kNow - 1000, kNow + 1000}, subject_key.spki(), {}};
  forge::CertificateFields responder{forge::name("responder"), forge::name("issuer"), {9},
                                     {kNow - 50, kNow + 50},   responder_key.spki(),  {for_ocsp()}};
  OcspFields answer{.issuer_spki = issuer_key.spki(), .serial = {7, 8}, .this_update = kNow - 100, .next_update = kNow + 100};

  static Bytes for_ocsp() {
    return forge::extension(testkit::hex("551d25"), false, forge::sequence({testkit::hex("06082b06010505070309")}));
  }
  Certificate issuer_certificate() const { return *Certificate::parse(forge::certificate(issuer, issuer_key)); }
  Certificate subject_certificate() const { return *Certificate::parse(forge::certificate(subject, issuer_key)); }
  Result<Window> check(const forge::Key& signer, UnixSeconds now = kNow) const {
    const auto response = OcspResponse::parse(forge::ocsp(answer, signer));
    if (!response) return std::unexpected(response.error());
    const Certificate by = issuer_certificate();
    return check_ocsp(*response, by, *by.key(), now);
  }
  Result<Window> check_appointed(UnixSeconds now = kNow) {
    answer.certificates = {forge::certificate(responder, issuer_key)};
    return check(responder_key, now);
  }
};

TEST(Ocsp, an_answer_of_the_issuer_itself) {
  const World world;
  EXPECT_EQ(*world.check(world.issuer_key), (Window{kNow - 100, kNow + 99}));
  EXPECT_RULE(world.check(world.issuer_key, kNow - 101), "x509.ocsp.early");
  EXPECT_RULE(world.check(world.issuer_key, kNow + 100), "x509.ocsp.stale");
  EXPECT_RULE(world.check(world.responder_key), "x509.signature.wrong");
}

TEST(Ocsp, an_answer_of_whom_the_issuer_appointed) {
  World world;
  world.answer.this_update = kNow - 40;
  EXPECT_EQ(*world.check_appointed(), (Window{kNow - 40, kNow + 50}));
  EXPECT_RULE(world.check_appointed(kNow + 51), "x509.ocsp.responder");
  world.responder.extensions.clear();
  EXPECT_RULE(world.check_appointed(), "x509.ocsp.responder");
  world.responder.extensions = {forge::extension(testkit::hex("551d25"), false, forge::sequence({testkit::hex("06082b06010505070301")}))};
  EXPECT_RULE(world.check_appointed(), "x509.ocsp.responder");
  world.responder.extensions = {World::for_ocsp()};
  world.answer.certificates = {forge::certificate(world.responder, world.responder_key)};
  EXPECT_RULE(world.check(world.responder_key), "x509.ocsp.responder") << "whoever likes may call itself a responder";
  world.answer.certificates = {forge::certificate(world.responder, world.issuer_key)};
  EXPECT_RULE(world.check(world.subject_key), "x509.signature.wrong");
}

TEST(Ocsp, the_responders_key_and_time) {
  World world;
  world.answer.this_update = kNow - 40;
  const auto with = [&](const std::vector<Bytes>& more) {
    world.responder.extensions = {World::for_ocsp()};
    world.responder.extensions.insert(world.responder.extensions.end(), more.begin(), more.end());
    return world.check_appointed();
  };
  EXPECT_OK(with({forge::key_usage(0x80)}));
  EXPECT_RULE(with({forge::key_usage(forge::kSignsLists)}), "x509.ocsp.responder");
  EXPECT_RULE(with({forge::key_usage(0x80), forge::basic_constraints(true)}), "x509.ocsp.responder") << "a CA";
  EXPECT_OK(with({forge::extension(testkit::hex("2b0601050507300105"), false, testkit::hex("0500"))})) << "id-pkix-ocsp-nocheck";
  EXPECT_RULE(with({forge::extension(testkit::hex("551d1e"), true, testkit::hex("3000"))}), "x509.ocsp.responder")
      << "what is not understood";
  world.responder.extensions = {forge::extension(testkit::hex("551d25"), true, forge::sequence({testkit::hex("06082b06010505070309")}))};
  EXPECT_OK(world.check_appointed()) << "critical, and understood";
  // It signed before it was appointed, though it is appointed now.
  world.answer.this_update = kNow - 51;
  EXPECT_RULE(world.check_appointed(), "x509.ocsp.responder");
  world.answer.produced = kNow - 50;
  EXPECT_OK(world.check_appointed());
  world.answer.produced = kNow + 1;
  EXPECT_RULE(world.check_appointed(), "x509.ocsp.early");
}

// A responder that one further down appointed, or one of another branch, speaks for nobody.
TEST(Ocsp, a_responder_that_the_issuer_did_not_appoint_itself) {
  World world;
  world.answer.this_update = kNow - 40;
  const forge::CertificateFields between{
      forge::name("between"),     forge::name("issuer"),    {10},
      {kNow - 1000, kNow + 1000}, world.subject_key.spki(), {forge::basic_constraints(true), forge::key_usage(forge::kSignsCertificates)}};
  world.responder.issuer = between.subject;
  world.answer.certificates = {forge::certificate(world.responder, world.subject_key), forge::certificate(between, world.issuer_key)};
  EXPECT_RULE(world.check(world.responder_key), "x509.ocsp.responder");
}

TEST(Ocsp, is_about_one_certificate) {
  World world;
  for (const bool sha384 : {false, true}) {
    world.answer.sha384 = sha384;
    const auto response = OcspResponse::parse(forge::ocsp(world.answer, world.issuer_key));
    ASSERT_OK(response);
    EXPECT_TRUE(response->is_about(world.subject_certificate(), world.issuer_certificate()));
    EXPECT_FALSE(response->is_about(world.issuer_certificate(), world.issuer_certificate())) << "another serial";
    World other;
    EXPECT_FALSE(response->is_about(world.subject_certificate(), other.issuer_certificate())) << "another key";
    other = World();
    other.issuer.subject = forge::name("other");
    other.issuer.spki = world.issuer_key.spki();
    EXPECT_FALSE(response->is_about(world.subject_certificate(), other.issuer_certificate())) << "another name";
  }
}

TEST(Ocsp, what_it_says) {
  World world;
  const auto status = [&](Bytes encoded) {
    world.answer.status = std::move(encoded);
    return OcspResponse::parse(forge::ocsp(world.answer, world.issuer_key))->status();
  };
  EXPECT_EQ(status({0x80, 0}), OcspResponse::Status::good);
  EXPECT_EQ(status({0x82, 0}), OcspResponse::Status::unknown);
  EXPECT_EQ(status(forge::revoked(kNow)), OcspResponse::Status::revoked);
  EXPECT_EQ(status(forge::revoked(kNow, 1)), OcspResponse::Status::revoked);
  EXPECT_EQ(status(forge::revoked(kNow, 6)), OcspResponse::Status::held);
  EXPECT_EQ(to_string(OcspResponse::Status::held), "held");
}

TEST(Ocsp, what_is_no_answer) {
  const World world;
  const auto parse = [&](auto change) {
    OcspFields fields = world.answer;
    change(fields);
    return OcspResponse::parse(forge::ocsp(fields, world.issuer_key));
  };
  EXPECT_RULE(parse([](OcspFields& f) { f.next_update.reset(); }), "x509.ocsp.syntax");
  EXPECT_RULE(parse([](OcspFields& f) { f.status = {0x83, 0}; }), "x509.ocsp.syntax");
  const Bytes critical = forge::extension(testkit::hex("551d1e"), true, testkit::hex("3000"));
  EXPECT_RULE(parse([&](OcspFields& f) { f.extensions = {critical}; }), "x509.ocsp.syntax");
  EXPECT_RULE(parse([&](OcspFields& f) { f.answer_extensions = {critical}; }), "x509.ocsp.syntax");
  EXPECT_RULE(parse([&](OcspFields& f) { f.certificates.assign(5, forge::certificate(world.issuer, world.issuer_key)); }),
              "x509.ocsp.syntax");
  const Bytes nonce = forge::extension(testkit::hex("2b0601050507300102"), false, testkit::hex("0401aa"));
  EXPECT_OK(parse([&](OcspFields& f) { f.extensions = {nonce}; }));
  EXPECT_RULE(OcspResponse::parse(testkit::hex("30030a0103")), "x509.ocsp.syntax") << "the responder says: try later";
  EXPECT_RULE(OcspResponse::parse(Bytes(kOcspBytesMax + 1, 0x30)), "x509.ocsp.too_large");
}

TEST(Ocsp, every_cut_is_refused) {
  const World world;
  const Bytes whole = forge::ocsp(world.answer, world.issuer_key);
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(OcspResponse::parse(ByteSpan(whole).first(n))) << n;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_RULE(OcspResponse::parse(longer), "x509.der");
}

TEST(Ocsp, every_bit_of_a_signed_answer_counts) {
  const World world;
  const Bytes whole = forge::ocsp(world.answer, world.issuer_key);
  const Certificate issuer = world.issuer_certificate(), subject = world.subject_certificate();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const uint8_t bits : {uint8_t{0x01}, uint8_t{0xff}}) {
      Bytes changed = whole;
      changed[at] = static_cast<uint8_t>(changed[at] ^ bits);
      const auto response = OcspResponse::parse(changed);
      EXPECT_FALSE(response && response->is_about(subject, issuer) && check_ocsp(*response, issuer, *issuer.key(), kNow)) << at;
    }
  }
}

}  // namespace
}  // namespace openpcc::x509
