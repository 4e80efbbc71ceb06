// Chains and revocation lists, each refusal by a hierarchy that is good but for one thing.
#include "openpcc/x509/der.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

namespace forge = x509::forge;
using test::intel_name;
using test::kNow;
using test::World;
using testkit::hex;

Bytes boolean(uint8_t value) { return forge::tlv(x509::der::kBoolean, Bytes{value}); }

class ChainTest : public testing::Test {
 protected:
  World world_;
};

TEST_F(ChainTest, as_it_should_be) {
  const auto verified = world_.verified();
  ASSERT_OK(verified);
  EXPECT_EQ(verified->revocation(), Revocation::checked);
  EXPECT_EQ(verified->claims().pck.ppid[0], 0x11);
  EXPECT_EQ(verified->claims().pck.components[0], 5);
  EXPECT_EQ(verified->claims().pck.pcesvn, 13);
  EXPECT_EQ(verified->claims().pck.sgx_type, SgxType::scalable);
  EXPECT_EQ(verified->claims().pck.configuration->dynamic_platform, true);
  EXPECT_EQ(verified->claims().pck.configuration->smt_enabled, std::nullopt);
  EXPECT_EQ(verified->window(), (x509::Window{test::kIssued, test::kNextUpdate}));
}

// Names as Intel's, keys of one's own: nothing but the pinned key tells them apart.
TEST_F(ChainTest, a_perfect_chain_of_another_root) {
  EXPECT_RULE(authenticate(world_.quote()), "tdx.pck.root");
  Terms terms;
  EXPECT_RULE(authenticate_collateral(world_.set().view(), terms), "tdx.signer.root");
}

// What was checked of a chain under one root says nothing under another.
TEST_F(ChainTest, a_known_chain_does_not_stand_in_for_the_pinned_key) {
  const auto authentic = authenticate(world_.quote(), world_.terms());
  ASSERT_OK(authentic);
  const test::Set set = world_.set();
  EXPECT_OK(authenticate_collateral(set.view(), world_.terms(), &authentic->chain()));
  EXPECT_RULE(authenticate_collateral(set.view(), {}, &authentic->chain()), "tdx.signer.root");
}

TEST_F(ChainTest, pem) {
  const std::string chain = world_.pck_chain();
  const auto judged = [&](std::string_view text) { return authenticate(world_.quote(text), world_.terms()); };
  EXPECT_OK(judged(chain + std::string(1, '\0')));
  EXPECT_RULE(judged(chain + std::string(2, '\0')), "tdx.pck.pem");
  EXPECT_RULE(judged(chain + "x"), "tdx.pck.pem");
  EXPECT_RULE(judged("subject=CN\n" + chain), "tdx.pck.pem");
  EXPECT_RULE(judged(""), "tdx.pck.pem");
}

TEST_F(ChainTest, certificates_too_many_too_few_or_in_another_order) {
  const std::string pck = forge::pem(world_.pck_der()), ca = forge::pem(world_.ca_der()), root = forge::pem(world_.root_der());
  const auto judged = [&](std::string_view text) { return authenticate(world_.quote(text), world_.terms()); };
  EXPECT_RULE(judged(pck + ca), "tdx.pck.count");
  EXPECT_RULE(judged(pck + ca + root + root), "tdx.pck.count");
  EXPECT_RULE(judged(pck + root + ca), "tdx.pck.name");
  EXPECT_RULE(judged(ca + pck + root), "tdx.pck.name");
  EXPECT_RULE(judged(root + ca + pck), "tdx.pck.root");
}

TEST_F(ChainTest, a_certificate_that_is_none) {
  const std::string rest = forge::pem(world_.ca_der()) + forge::pem(world_.root_der());
  EXPECT_RULE(authenticate(world_.quote(forge::pem(hex("3000")) + rest), world_.terms()), "tdx.pck.syntax");
  const forge::Key p384(x509::Algorithm::ecdsa_sha384);
  EXPECT_RULE(authenticate(world_.quote(forge::pem(forge::certificate(world_.pck, p384)) + rest), world_.terms()), "tdx.pck.syntax");
}

TEST_F(ChainTest, keys_of_another_curve) {
  const forge::Key p384(x509::Algorithm::ecdsa_sha384);
  world_.pck.spki = p384.spki();
  EXPECT_RULE(world_.authenticated(), "tdx.qe_report_signature");
  World with_signer;
  with_signer.signer.spki = p384.spki();
  EXPECT_RULE(with_signer.verified(), "tdx.collateral.signature");
  World with_ca;
  with_ca.ca.spki = forge::tlv(x509::der::kSequence, hex("3000030100"));
  EXPECT_RULE(with_ca.authenticated(), "tdx.pck.syntax");
}

TEST_F(ChainTest, names) {
  world_.ca.subject = world_.pck.issuer = intel_name("Intel SGX PCK Processor CA");
  EXPECT_OK(world_.authenticated());
  world_.ca.subject = world_.pck.issuer = intel_name("Intel SGX PCK Platform CB");
  EXPECT_RULE(world_.authenticated(), "tdx.pck.name");
}

TEST_F(ChainTest, issuers) {
  world_.pck.issuer = intel_name("Intel SGX PCK Processor CA");
  EXPECT_RULE(world_.authenticated(), "tdx.pck.issuer");
  World other;
  other.ca.issuer = intel_name("Intel SGX Root");
  EXPECT_RULE(other.authenticated(), "tdx.pck.issuer");
  World third;
  third.root.issuer = intel_name("Intel SGX Root");
  EXPECT_RULE(third.authenticated(), "tdx.pck.issuer");
}

TEST_F(ChainTest, signatures_of_another_key_under_the_right_names) {
  const std::string ca = forge::pem(world_.ca_der()), root = forge::pem(world_.root_der());
  const auto judged = [&](std::string_view text) { return authenticate(world_.quote(text), world_.terms()); };
  EXPECT_RULE(judged(forge::pem(forge::certificate(world_.pck, world_.root_key)) + ca + root), "tdx.pck.signature");
  const std::string pck = forge::pem(world_.pck_der());
  EXPECT_RULE(judged(pck + forge::pem(forge::certificate(world_.ca, world_.ca_key)) + root), "tdx.pck.signature");
  EXPECT_RULE(judged(pck + ca + forge::pem(forge::certificate(world_.root, world_.ca_key))), "tdx.pck.signature");
}

TEST_F(ChainTest, authorities_that_are_none) {
  World no_ca, too_long, no_usage, no_lists, critical;
  no_ca.ca.extensions[0] = forge::basic_constraints(false);
  EXPECT_RULE(no_ca.authenticated(), "tdx.pck.ca");
  too_long.root.extensions[0] = forge::basic_constraints(true, 0);
  EXPECT_RULE(too_long.authenticated(), "tdx.pck.ca");
  no_usage.ca.extensions[1] = forge::key_usage(forge::kSignsLists);
  EXPECT_RULE(no_usage.authenticated(), "tdx.pck.ca");
  no_lists.ca.extensions[1] = forge::key_usage(forge::kSignsCertificates);
  EXPECT_RULE(no_lists.authenticated(), "tdx.pck.ca");
  critical.pck.extensions.push_back(forge::extension(hex("551d1e"), true, hex("3000")));
  EXPECT_RULE(critical.authenticated(), "tdx.pck.ca");
}

TEST_F(ChainTest, a_leaf_that_is_an_authority_or_not_for_signing) {
  World authority, wrong_usage, no_usage, signer;
  authority.pck.extensions[0] = forge::basic_constraints(true);
  EXPECT_RULE(authority.authenticated(), "tdx.pck.ca");
  wrong_usage.pck.extensions[1] = forge::key_usage(forge::kSignsLists);
  EXPECT_RULE(wrong_usage.authenticated(), "tdx.pck.ca");
  no_usage.pck.extensions = {forge::basic_constraints(false)};
  EXPECT_RULE(no_usage.authenticated(), "tdx.pck.ca");
  signer.signer.extensions[0] = forge::basic_constraints(true);
  EXPECT_RULE(signer.verified(), "tdx.signer.ca");
}

// Each certificate ends before all else in turn.
TEST_F(ChainTest, time_to_the_second) {
  constexpr x509::Window kShort{kNow - 5, kNow + 5};
  World pck, ca, root, signer;
  pck.pck.window = ca.ca.window = root.root.window = signer.signer.window = kShort;
  for (const World* world : {&pck, &ca, &root}) {
    EXPECT_RULE(world->verified(kNow - 6), "tdx.pck.early");
    EXPECT_OK(world->verified(kNow - 5));
    EXPECT_OK(world->verified(kNow + 5));
    EXPECT_RULE(world->verified(kNow + 6), "tdx.pck.expired");
  }
  EXPECT_RULE(signer.verified(kNow - 6), "tdx.signer.early");
  EXPECT_RULE(signer.verified(kNow + 6), "tdx.signer.expired");
  EXPECT_EQ(signer.verified()->window(), kShort);
}

// The SGX extension.

TEST_F(ChainTest, every_member_of_the_extension_must_be_there) {
  for (const uint8_t arc : Bytes{1, 3, 4, 5}) {
    World world;
    world.pck_members.erase(arc);
    EXPECT_RULE(world.authenticated(), "tdx.pck.extension") << int{arc};
  }
  for (uint8_t arc = 1; arc <= 18; ++arc) {
    World world;
    world.pck_tcb.erase(arc);
    EXPECT_RULE(world.authenticated(), "tdx.pck.extension") << int{arc};
  }
}

TEST_F(ChainTest, platform_instance_and_configuration_come_together) {
  world_.pck_members.erase(6);
  EXPECT_RULE(world_.authenticated(), "tdx.pck.extension");
  world_.pck_members.erase(7);
  const auto without = world_.verified();
  ASSERT_OK(without);
  EXPECT_EQ(without->claims().pck.platform_instance_id, std::nullopt);
  World other;
  other.pck_members.erase(7);
  EXPECT_RULE(other.authenticated(), "tdx.pck.extension");
}

TEST_F(ChainTest, members_of_the_extension_that_are_wrong) {
  const auto octets = [](size_t n) { return forge::tlv(x509::der::kOctetString, Bytes(n)); };
  const auto judged = [](uint8_t arc, const Bytes& value) {
    World world;
    world.pck_members[arc] = value;
    return world.authenticated();
  };
  EXPECT_RULE(judged(1, octets(15)), "tdx.pck.extension");
  EXPECT_RULE(judged(3, octets(3)), "tdx.pck.extension");
  EXPECT_RULE(judged(4, forge::integer(6)), "tdx.pck.extension");
  EXPECT_RULE(judged(5, forge::integer(1)), "tdx.pck.extension");
  EXPECT_RULE(judged(5, forge::tlv(x509::der::kEnumerated, Bytes{3})), "tdx.pck.extension");
  EXPECT_RULE(judged(2, octets(16)), "tdx.pck.extension");
  EXPECT_RULE(judged(7, forge::sequence({boolean(0xff)})), "tdx.pck.extension");
  EXPECT_RULE(judged(8, octets(1)), "tdx.pck.extension");
  EXPECT_RULE(judged(0, octets(1)), "tdx.pck.extension");
  const Bytes not_boolean = forge::sequence({forge::tlv(x509::der::kOid, hex("2a864886f84d010d010701")), forge::integer(1)});
  EXPECT_RULE(judged(7, forge::sequence({not_boolean})), "tdx.pck.extension");
}

TEST_F(ChainTest, components_out_of_range) {
  World component, pcesvn, cpusvn;
  component.pck_tcb[16] = forge::integer(255);
  EXPECT_OK(component.authenticated());
  component.pck_tcb[16] = forge::integer(256);
  EXPECT_RULE(component.authenticated(), "tdx.pck.extension");
  pcesvn.pck_tcb[17] = forge::integer(65536);
  EXPECT_RULE(pcesvn.authenticated(), "tdx.pck.extension");
  cpusvn.pck_tcb[18] = forge::integer(1);
  EXPECT_RULE(cpusvn.authenticated(), "tdx.pck.extension");
}

TEST_F(ChainTest, a_member_twice_or_no_extension_at_all) {
  const Bytes ppid =
      forge::sequence({forge::tlv(x509::der::kOid, hex("2a864886f84d010d0101")), forge::tlv(x509::der::kOctetString, Bytes(16))});
  world_.pck.extensions.push_back(forge::extension(hex("2a864886f84d010d01"), false, forge::sequence({ppid, ppid})));
  const std::string rest = forge::pem(world_.ca_der()) + forge::pem(world_.root_der());
  const auto judged = [&] {
    return authenticate(world_.quote(forge::pem(forge::certificate(world_.pck, world_.ca_key)) + rest), world_.terms());
  };
  EXPECT_RULE(judged(), "tdx.pck.extension");
  world_.pck.extensions.pop_back();
  EXPECT_RULE(judged(), "tdx.pck.extension");
}

// The signer of collateral.

TEST_F(ChainTest, a_pck_certificate_is_no_signer) {
  test::Set set = world_.set();
  set.tcb_info.signature_hex = to_hex(world_.pck_key.sign_raw(as_bytes(set.tcb_info.value)));
  set.signing_chain = world_.pck_chain();
  EXPECT_RULE(world_.verified(set), "tdx.signer.count");
  set.signing_chain = forge::pem(world_.pck_der()) + forge::pem(world_.ca_der());
  EXPECT_RULE(world_.verified(set), "tdx.signer.name");
}

TEST_F(ChainTest, signing_chains) {
  const std::string signer = forge::pem(world_.signer_der()), root = forge::pem(world_.root_der());
  const auto judged = [&](std::string_view chain) {
    test::Set set = world_.set();
    set.signing_chain = chain;
    return world_.verified(set);
  };
  EXPECT_OK(judged(signer + root + "\n"));
  EXPECT_RULE(judged(""), "tdx.collateral.missing");
  EXPECT_RULE(judged("-----BEGIN CERTIFICATE-----"), "tdx.signer.pem");
  EXPECT_RULE(judged(signer), "tdx.signer.count");
  EXPECT_RULE(judged(forge::pem(hex("3000")) + root), "tdx.signer.syntax");
  EXPECT_RULE(judged(root + signer), "tdx.signer.name");
  EXPECT_RULE(judged(forge::pem(forge::certificate(world_.signer, world_.ca_key)) + root), "tdx.signer.signature");
  world_.signer.issuer = intel_name("Intel SGX PCK Platform CA");
  EXPECT_RULE(judged(forge::pem(world_.signer_der()) + root), "tdx.signer.issuer");
  // Another root with the pinned names, in this chain alone.
  World other;
  EXPECT_RULE(judged(forge::pem(other.signer_der()) + forge::pem(other.root_der())), "tdx.signer.root");
}

// Revocation.

TEST_F(ChainTest, without_lists_the_terms_decide_and_the_result_says_so) {
  test::Set set = world_.set();
  set.pck_crl.reset();
  EXPECT_RULE(world_.verified(set), "tdx.crl.missing");
  Terms terms = world_.terms();
  terms.revocation_lists_required = false;
  const auto judged = verify(world_.quote(), set.view(), kNow, terms);
  ASSERT_OK(judged);
  EXPECT_EQ(judged->revocation(), Revocation::not_checked);
  set.root_crl.reset();
  EXPECT_RULE(world_.verified(set), "tdx.crl.missing");
  // One that is there counts, whether it is required or not.
  world_.pck_crl.serials = {{3}};
  set = world_.set();
  set.root_crl.reset();
  EXPECT_RULE(verify(world_.quote(), set.view(), kNow, terms), "tdx.pck.revoked");
}

TEST_F(ChainTest, revoked) {
  World pck, ca, signer, others;
  pck.pck_crl.serials = {{1}, {3}};
  EXPECT_RULE(pck.verified(), "tdx.pck.revoked");
  ca.root_crl.serials = {{2}};
  EXPECT_RULE(ca.verified(), "tdx.pck.revoked");
  signer.root_crl.serials = {{4}, {9}};
  EXPECT_RULE(signer.verified(), "tdx.signer.revoked");
  others.root_crl.serials = {{3}};
  others.pck_crl.serials = {{2}, {4}};
  EXPECT_OK(others.verified());
}

TEST_F(ChainTest, lists_that_are_not_the_issuers) {
  test::Set set = world_.set();
  std::swap(set.root_crl, set.pck_crl);
  EXPECT_RULE(world_.verified(set), "tdx.crl.issuer");
  set = world_.set();
  set.pck_crl = forge::crl(world_.pck_crl, world_.root_key);
  EXPECT_RULE(world_.verified(set), "tdx.crl.signature");
  set.pck_crl = hex("3000");
  EXPECT_RULE(world_.verified(set), "tdx.crl.syntax");
  set.pck_crl = forge::crl(world_.pck_crl, forge::Key(x509::Algorithm::ecdsa_sha384));
  EXPECT_RULE(world_.verified(set), "tdx.crl.syntax");
  world_.pck_crl.next_update.reset();
  EXPECT_RULE(world_.verified(), "tdx.crl.syntax");
}

TEST_F(ChainTest, lists_out_of_their_time) {
  for (forge::CrlFields* fields : {&world_.root_crl, &world_.pck_crl}) {
    const forge::CrlFields good = *fields;
    fields->this_update = kNow;
    EXPECT_OK(world_.verified(kNow));
    EXPECT_RULE(world_.verified(kNow - 1), "tdx.crl.early");
    fields->next_update = kNow + 10;
    EXPECT_OK(world_.verified(kNow + 9));
    EXPECT_RULE(world_.verified(kNow + 10), "tdx.crl.expired");
    *fields = good;
  }
}

TEST_F(ChainTest, a_set_without_a_quote) {
  const auto judged = [&](const World& world) { return verify_collateral(world.set().view(), kNow, world.terms()); };
  const auto good = judged(world_);
  ASSERT_OK(good);
  EXPECT_EQ(*good, (x509::Window{test::kIssued, test::kNextUpdate}));
  test::Set set = world_.set();
  Collateral view = set.view();
  view.pck_crl_issuer_chain.reset();
  EXPECT_RULE(verify_collateral(view, kNow, world_.terms()), "tdx.collateral.missing");
  World name, revoked, expired, curve;
  name.ca.subject = intel_name("CA");
  EXPECT_RULE(judged(name), "tdx.pck.name");
  revoked.root_crl.serials = {{2}};
  EXPECT_RULE(judged(revoked), "tdx.pck.revoked");
  expired.ca.window.to = kNow - 1;
  EXPECT_RULE(judged(expired), "tdx.pck.expired");
  curve.ca.spki = hex("3000");
  EXPECT_RULE(judged(curve), "tdx.pck.syntax");
}

}  // namespace
}  // namespace openpcc::tdx
