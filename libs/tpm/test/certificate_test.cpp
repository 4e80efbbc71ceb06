#include "openpcc/tpm/certificate.h"

#include <algorithm>

#include "openpcc/tpm/appraise.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Chain;
using forge::kNow;
using testkit::hex;
using x509::Algorithm;
namespace x = x509::forge;

Chain chain() {
  static const x::Key ak(Algorithm::ecdsa_sha256);
  return Chain(ak.spki());
}

TEST(Certificate, a_chain_as_google_has_them) {
  const auto certified = chain().verify();
  ASSERT_OK(certified);
  EXPECT_EQ(certified->root, "EK/AK CA Root");
  ASSERT_TRUE(certified->instance);
  EXPECT_EQ(certified->instance->zone, "us-central1-a");
  EXPECT_EQ(certified->instance->project_number, 77u);
  EXPECT_EQ(certified->instance->project_id, "a-project");
  EXPECT_EQ(certified->instance->instance_id, 0x5e53e3fbbf8306c5u);
  EXPECT_EQ(certified->instance->instance_name, "a-machine");
  EXPECT_EQ(certified->window, (x509::Window{kNow - 1000, kNow + 1000}));
}

TEST(Certificate, the_genuine_one_of_google) {
  const auto folder = testkit::shared_file("evidence/tpm");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const std::vector<Bytes> files{testkit::read_file(*folder / "quotes/gce-cos-85-no-nonce/ak_cert.der"),
                                 testkit::read_file(*folder / "roots/tpm_ek_intermediate_2.crt"),
                                 testkit::read_file(*folder / "roots/tpm_ek_root_1.cer")};
  const std::vector<ByteSpan> views(files.begin(), files.end());
  const auto certified = verify_chain(views, 1'630'537'865);
  ASSERT_OK(certified);
  EXPECT_EQ(certified->instance->project_id, "google.com:wuale-gcp-testing");
  EXPECT_EQ(certified->instance->instance_name, "cos-test");
  const auto area = AttestationKey::from_public(testkit::read_file(*folder / "quotes/gce-cos-85-no-nonce/ak_pub.tpmt"));
  ASSERT_OK(area);
  EXPECT_EQ(area->fingerprint(), certified->key.fingerprint());
  EXPECT_RULE(verify_chain(views, 1'630'451'464), "tpm.chain.early");
  const std::vector<Bytes> newer{testkit::read_file(*folder / "roots/gcp_ek_ak_ca_root.crt")};
  EXPECT_EQ(crypto::sha256(x509::Certificate::parse(newer[0])->spki()), google_roots()[0]);
}

TEST(Certificate, a_chain_that_is_none) {
  const Chain c = chain();
  std::vector<Bytes> ders = c.ders();
  EXPECT_RULE(c.verify({ders[0]}), "tpm.chain.syntax");
  EXPECT_RULE(c.verify(std::vector<Bytes>(kChainMax + 1, ders[0])), "tpm.chain.syntax");
  EXPECT_RULE(c.verify({ders[0], Bytes(3), ders[2]}), "tpm.chain.syntax");
  EXPECT_RULE(c.verify({ders[0], ders[2]}), "tpm.chain.issuer");
  EXPECT_RULE(c.verify({ders[1], ders[0], ders[2]}), "tpm.chain.issuer");
  EXPECT_RULE(c.verify({ders[0], ders[1]}), "tpm.chain.root");
  const Chain other = chain();
  EXPECT_RULE(c.verify({ders[0], ders[1], other.ders()[2]}), "tpm.chain.root") << "the same names under keys of another's making";
  EXPECT_RULE(c.verify({other.ders()[0], ders[1], ders[2]}), "tpm.chain.signature");
  EXPECT_RULE(c.verify({ders[0], other.ders()[1], ders[2]}), "tpm.chain.signature");
}

TEST(Certificate, each_place_of_the_chain_is_for_something) {
  const auto refused = [](auto change, std::string_view rule) {
    Chain c = chain();
    change(c);
    return testkit::trips(c.verify(), rule);
  };
  constexpr std::string_view kRule = "tpm.chain.ca";
  const Bytes usage = x::key_usage(0x80), purpose = forge::extended_key_usage("6781050801");
  EXPECT_TRUE(refused([](Chain& c) { c.issuer.extensions[0] = x::basic_constraints(false); }, kRule));
  EXPECT_TRUE(refused([](Chain& c) { c.issuer.extensions[1] = x::key_usage(x::kSignsLists); }, kRule));
  EXPECT_TRUE(refused([](Chain& c) { c.root.extensions[0] = x::basic_constraints(true, 0); }, kRule)) << "too long below";
  EXPECT_TRUE(refused([](Chain& c) { c.issuer.extensions.push_back(x::extension(hex("551d11"), true, hex("3000"))); }, kRule));
  EXPECT_TRUE(refused([](Chain& c) { c.leaf.extensions.push_back(x::extension(hex("551d1e"), true, hex("3000"))); }, kRule));
  EXPECT_TRUE(refused([](Chain& c) { c.leaf.extensions.push_back(x::basic_constraints(true)); }, kRule)) << "a CA's";
  EXPECT_TRUE(refused([](Chain& c) { c.leaf.extensions[0] = x::key_usage(0x84); }, kRule)) << "that may sign certificates too";
  EXPECT_TRUE(refused([&](Chain& c) { c.leaf.extensions = {purpose}; }, kRule));
  EXPECT_TRUE(refused([&](Chain& c) { c.leaf.extensions = {usage}; }, kRule));
  EXPECT_TRUE(refused([&](Chain& c) { c.leaf.extensions = {usage, forge::extended_key_usage("2b06010505070301")}; }, kRule)) << "for TLS";
  EXPECT_TRUE(refused([&](Chain& c) { c.leaf.extensions = {usage, x::extension(hex("551d25"), false, hex("0500"))}; }, kRule));
  EXPECT_TRUE(refused([&](Chain& c) { c.leaf.extensions = {usage, x::extension(hex("551d25"), false, hex("30020500"))}; }, kRule));
  Chain c = chain();
  c.leaf.extensions = {usage, forge::extended_key_usage("6781050803"), x::basic_constraints(false)};
  const auto certified = c.verify();
  ASSERT_OK(certified);
  EXPECT_FALSE(certified->instance);
}

TEST(Certificate, an_instance_that_cannot_be_read) {
  Chain c = chain();
  c.leaf.extensions.back() = x::extension(hex("2b06010401d679020115"), false, hex("30020500"));
  EXPECT_RULE(c.verify(), "tpm.chain.syntax");
  c.leaf.extensions.back() = x::extension(hex("2b06010401d679020115"), false, x::sequence({x::tlv(0x0c, Bytes(300, 'a'))}));
  EXPECT_RULE(c.verify(), "tpm.chain.syntax");
}

TEST(Certificate, time_to_the_second) {
  const Chain c = chain();
  EXPECT_RULE(c.verify(kNow - 1001), "tpm.chain.early");
  EXPECT_OK(c.verify(kNow - 1000));
  EXPECT_OK(c.verify(kNow + 1000));
  EXPECT_RULE(c.verify(kNow + 1001), "tpm.chain.expired");
}

TEST(Certificate, a_key_that_is_too_short) {
  Chain c = chain();
  c.leaf.spki = hex("301a300d06092a864886f70d01010105000309003006020101020103");
  EXPECT_RULE(c.verify(), "tpm.ak.key");
}

}  // namespace
}  // namespace openpcc::tpm
