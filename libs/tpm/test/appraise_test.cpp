#include "openpcc/tpm/appraise.h"

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using appraisal::State;
using forge::Machine;
using testkit::refused;
using x509::Algorithm;

class AppraiseTest : public testing::Test {
 protected:
  Machine machine_{Algorithm::ecdsa_sha256};
  Demands::Terms terms_;

  AppraiseTest() {
    terms_.nonce = machine_.nonce;
    for (const auto& [pcr, value] : machine_.pcrs.at(Hash::sha256)) terms_.pcrs[pcr] = {value};
  }
  appraisal::Findings judged() const {
    const auto demands = Demands::create(terms_);
    OPENPCC_CHECK(demands.has_value());
    return appraise(*machine_.verify().verified, &*demands);
  }
};

TEST_F(AppraiseTest, what_is_demanded) {
  EXPECT_EQ(appraisal::refusal(judged()), nullptr);
  terms_.pcrs[4].insert(terms_.pcrs[4].begin(), Bytes(32, 9));
  EXPECT_EQ(appraisal::refusal(judged()), nullptr) << "any of the values";
}

TEST_F(AppraiseTest, a_policy_that_demands_nothing_does_not_construct) {
  const auto with = [&](auto change) {
    Demands::Terms terms = terms_;
    change(terms);
    return Demands::create(terms);
  };
  EXPECT_OK(Demands::create(terms_));
  EXPECT_RULE(with([](auto& t) { t.pcrs = {}; }), "tpm.pcr");
  EXPECT_RULE(with([](auto& t) { t.pcrs[4] = {}; }), "tpm.pcr");
  EXPECT_RULE(with([](auto& t) { t.pcrs[4] = {Bytes(20)}; }), "tpm.pcr");
  EXPECT_RULE(with([](auto& t) { t.pcrs[24] = {Bytes(32)}; }), "tpm.pcr");
  EXPECT_RULE(with([](auto& t) { t.nonce = {}; }), "tpm.nonce");
  EXPECT_RULE(with([](auto& t) { t.nonce = Bytes(67); }), "tpm.nonce");
  EXPECT_RULE(with([](auto& t) { t.selection = 0x87; }), "tpm.selection.unexpected") << "without PCR 4";
  EXPECT_RULE(with([](auto& t) { t.selection = 0x1000097; }), "tpm.selection.unexpected");
  EXPECT_OK(with([](auto& t) { t.selection = 0xffffff; }));
}

TEST_F(AppraiseTest, another_nonce) {
  terms_.nonce.back() ^= 1;
  EXPECT_TRUE(refused(judged(), "tpm.nonce"));
  terms_.nonce = Bytes(31, 0x4e);
  EXPECT_TRUE(refused(judged(), "tpm.nonce")) << "shorter";
}

TEST_F(AppraiseTest, another_value) {
  terms_.pcrs[7] = {Bytes(32, 1), Bytes(32, 2)};
  EXPECT_TRUE(refused(judged(), "tpm.pcr"));
}

TEST_F(AppraiseTest, exactly_the_demanded_selection) {
  terms_.pcrs.erase(7);
  EXPECT_TRUE(refused(judged(), "tpm.selection.unexpected")) << "more than was asked for";
  terms_.selection = 0x97;
  EXPECT_EQ(appraisal::refusal(judged()), nullptr);
  machine_.selections.push_back({Hash::sha1, 1});
  machine_.pcrs.merge(forge::values(Hash::sha1, {0}));
  EXPECT_TRUE(refused(judged(), "tpm.selection.unexpected")) << "another bank as well";
}

TEST_F(AppraiseTest, another_bank_than_the_demanded_one) {
  machine_.selections = {{Hash::sha1, 0x97}};
  machine_.pcrs = forge::values(Hash::sha1, {0, 1, 2, 4, 7});
  EXPECT_TRUE(refused(judged(), "tpm.selection.unexpected"));
  const auto findings = judged();
  EXPECT_EQ(std::ranges::count(findings, State::failed, &appraisal::Finding::state), 2) << "nor has it the values";
}

TEST_F(AppraiseTest, without_demands_a_nonce_there_must_be) {
  const auto findings = appraise(*machine_.verify().verified, nullptr);
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_EQ(std::ranges::count(findings, State::not_checked, &appraisal::Finding::state), 4);
  machine_.nonce = {};
  machine_.safe = 0;
  const auto old = appraise(*machine_.verify().verified, nullptr);
  EXPECT_TRUE(refused(old, "tpm.nonce"));
  EXPECT_NE(old.back().seen.find("boots 7, resumptions 1, clock 123456 ms, which may"), std::string::npos);
}

TEST_F(AppraiseTest, whose_key) {
  const AttestationKey key = machine_.ak();
  EXPECT_TRUE(refused(appraise_key(key, nullptr, {}), "tpm.ak.unlisted"));
  EXPECT_TRUE(refused(appraise_key(key, nullptr, {crypto::Sha256Digest{}}), "tpm.ak.unlisted"));
  EXPECT_EQ(appraisal::refusal(appraise_key(key, nullptr, {key.fingerprint()})), nullptr);
  const auto certified = forge::Chain(machine_.key.spki()).verify();
  ASSERT_OK(certified);
  const auto findings = appraise_key(key, &*certified, {});
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_TRUE(refused(appraise_key(key, &*certified, {crypto::Sha256Digest{}}), "tpm.ak.unlisted")) << "a list of others";
  EXPECT_NE(findings[2].seen.find("a-machine"), std::string::npos);
  const auto other = forge::Chain(Machine(Algorithm::ecdsa_sha256).key.spki()).verify();
  EXPECT_TRUE(refused(appraise_key(key, &*other, {key.fingerprint()}), "tpm.ak.certificate"));
  const auto bare = AttestationKey::from_spki(machine_.key.spki());
  const auto of_bare = appraise_key(*bare, nullptr, {bare->fingerprint()});
  EXPECT_EQ(of_bare.back().state, State::not_checked);
  EXPECT_EQ(appraise_key(key, nullptr, {key.fingerprint()}).back().state, State::not_checked) << "a fingerprint covers no attributes";
  EXPECT_EQ(appraise_key(key, &*certified, {}).back().state, State::passed);
}

// What a file says of a key's restrictions is its author's word, where nobody says whose key it is.
TEST_F(AppraiseTest, a_public_area_that_nobody_vouches_for) {
  for (const std::set<crypto::Sha256Digest>& others : {std::set<crypto::Sha256Digest>(), {crypto::Sha256Digest{}}}) {
    const appraisal::Finding restriction = appraise_key(machine_.ak(), nullptr, others).back();
    EXPECT_EQ(restriction.rule.id(), "tpm.ak.attributes");
    EXPECT_EQ(restriction.state, State::not_checked);
    EXPECT_NE(restriction.seen.find("nobody vouches for"), std::string::npos);
  }
}

}  // namespace
}  // namespace openpcc::tpm
