#include "openpcc/tdx/appraise.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

namespace bj = boost::json;
using test::enclave_level;
using test::platform_level;
using test::World;

class TcbTest : public testing::Test {
 protected:
  World world_;

  bj::array& platform_levels() { return world_.tcb_info.at("tcbLevels").as_array(); }
  bj::array& qe_levels() { return world_.identity.at("tcbLevels").as_array(); }
  bj::object& module(size_t i) { return world_.tcb_info.at("tdxModuleIdentities").at(i).as_object(); }
  TcbStatus status() {
    const auto tcb = world_.evaluated();
    EXPECT_OK(tcb);
    return tcb ? tcb->status : TcbStatus::revoked;
  }
};

TEST_F(TcbTest, up_to_date) {
  platform_levels()[0].as_object()["advisoryIDs"] = bj::array{"INTEL-SA-2", "INTEL-SA-1"};
  qe_levels()[0].as_object()["advisoryIDs"] = bj::array{"INTEL-SA-2"};
  module(1).at("tcbLevels").at(0).as_object()["advisoryIDs"] = bj::array{"INTEL-SA-3"};
  const auto tcb = world_.evaluated();
  ASSERT_OK(tcb);
  EXPECT_EQ(tcb->status, TcbStatus::up_to_date);
  EXPECT_EQ(tcb->module->id, "TDX_01");
  EXPECT_EQ(tcb->platform.tcb_date, *parse_time("2024-03-13T00:00:00Z"));
  EXPECT_EQ(tcb->tcb_evaluation_data_number, 17u);
  EXPECT_EQ(tcb->advisory_ids, (std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"}));
  EXPECT_EQ(tcb->platform.advisory_ids, (std::vector<std::string>{"INTEL-SA-2", "INTEL-SA-1"}));
}

TEST_F(TcbTest, the_first_level_that_matches_decides) {
  platform_levels().insert(platform_levels().begin(), platform_level(6, 0, 0, "UpToDate"));
  platform_levels()[1] = platform_level(5, 4, 13, "SWHardeningNeeded");
  EXPECT_EQ(status(), TcbStatus::sw_hardening_needed);
}

TEST_F(TcbTest, one_component_below_is_below) {
  world_.pck_tcb[1] = testkit::hex("020104");  // an SGX component
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.pck_tcb[1] = testkit::hex("020105");
  world_.pck_tcb[17] = testkit::hex("02010c");  // PCESVN
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.pck_tcb[17] = testkit::hex("02010d");
  world_.body[2] = 3;  // a TDX component
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.body[2] = 1;
  EXPECT_RULE(world_.evaluated(), "tdx.tcb.unsupported");
}

TEST_F(TcbTest, a_platform_below_every_level_or_of_no_levels) {
  world_.pck_tcb[1] = testkit::hex("020102");
  EXPECT_RULE(world_.evaluated(), "tdx.tcb.unsupported");
  World none;
  none.tcb_info["tcbLevels"] = bj::array();
  EXPECT_RULE(none.evaluated(), "tdx.tcb.unsupported");
}

TEST_F(TcbTest, before_modules_had_versions_all_components_count) {
  world_.body[1] = 0;
  platform_levels()[0].at("tcb").at("tdxtcbcomponents").at(0) = bj::object{{"svn", 5}};
  auto tcb = world_.evaluated();
  ASSERT_OK(tcb);
  EXPECT_EQ(tcb->status, TcbStatus::up_to_date);
  EXPECT_EQ(tcb->module->id, "");
  EXPECT_FALSE(tcb->module->level);
  platform_levels()[0].at("tcb").at("tdxtcbcomponents").at(0) = bj::object{{"svn", 6}};
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.tcb_info.at("tdxModule").as_object()["mrsigner"] = std::string(96, '1');
  EXPECT_RULE(world_.evaluated(), "tdx.module.mrsigner");
}

TEST_F(TcbTest, modules) {
  world_.body[0] = 4;
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.body[0] = 2;
  EXPECT_RULE(world_.evaluated(), "tdx.module.unsupported");
  world_.body[1] = 3;
  world_.body[0] = 5;
  EXPECT_EQ(world_.evaluated()->module->id, "TDX_03");
  world_.body[1] = 2;
  EXPECT_RULE(world_.evaluated(), "tdx.module.unknown");
  world_.body[1] = 0xab;
  module(0)["id"] = "TDX_AB";
  EXPECT_EQ(status(), TcbStatus::up_to_date);
}

TEST_F(TcbTest, a_module_of_another_signer_or_with_other_attributes) {
  world_.body[64] = 1;
  EXPECT_RULE(world_.evaluated(), "tdx.module.mrsigner");
  world_.body[64] = 0;
  world_.body[119] = 0x80;
  EXPECT_RULE(world_.evaluated(), "tdx.module.attributes");
  module(1)["attributesMask"] = "FFFFFFFFFFFFFF7F";
  EXPECT_EQ(status(), TcbStatus::up_to_date);
}

TEST_F(TcbTest, quoting_enclaves) {
  world_.qe_report[258] = 3;
  EXPECT_EQ(status(), TcbStatus::out_of_date);
  world_.qe_report[258] = 1;
  EXPECT_RULE(world_.evaluated(), "tdx.qe.unsupported");
  world_.qe_report[259] = 1;  // 257, little-endian
  EXPECT_EQ(status(), TcbStatus::up_to_date);
}

TEST_F(TcbTest, other_enclaves_are_no_quoting_enclaves) {
  const auto judged = [](size_t at, uint8_t value) {
    World world;
    world.qe_report[at] = value;
    return world.evaluated();
  };
  EXPECT_RULE(judged(19, 0x80), "tdx.qe.miscselect");
  EXPECT_RULE(judged(48, 0x10), "tdx.qe.attributes");
  EXPECT_RULE(judged(48, 0x13), "tdx.qe.attributes");  // its debug bit, which the mask covers
  EXPECT_OK(judged(48, 0x15));                         // a bit that the mask leaves open
  EXPECT_OK(judged(56, 0xe7));
  EXPECT_RULE(judged(159, 0), "tdx.qe.mrsigner");
  EXPECT_RULE(judged(256, 1), "tdx.qe.isvprodid");
}

TEST_F(TcbTest, a_debuggable_quoting_enclave_whatever_the_mask) {
  world_.qe_report[48] = 0x13;
  world_.identity["attributesMask"] = "F9FFFFFFFFFFFFFF0000000000000000";
  EXPECT_RULE(world_.evaluated(), "tdx.qe.debug");
}

TEST_F(TcbTest, miscselect_under_its_mask_in_memory_order) {
  world_.qe_report[16] = 0xa1;
  world_.identity["miscselect"] = "A1000000";
  EXPECT_EQ(status(), TcbStatus::up_to_date);
  world_.identity["miscselect"] = "000000A1";
  EXPECT_RULE(world_.evaluated(), "tdx.qe.miscselect");
  world_.identity["miscselectMask"] = "00FFFF00";
  EXPECT_EQ(status(), TcbStatus::up_to_date);
}

TEST_F(TcbTest, collateral_of_another_platform) {
  world_.tcb_info["fmspc"] = "90C06F000001";
  EXPECT_RULE(world_.evaluated(), "tdx.collateral.fmspc");
  World pceid;
  pceid.tcb_info["pceId"] = "0001";
  EXPECT_RULE(pceid.evaluated(), "tdx.collateral.pceid");
}

TEST_F(TcbTest, revoked_anywhere) {
  World platform, module, qe;
  platform.tcb_info.at("tcbLevels").at(0).as_object()["tcbStatus"] = "Revoked";
  EXPECT_RULE(platform.verified(), "tdx.tcb.revoked");
  module.tcb_info.at("tdxModuleIdentities").at(1).at("tcbLevels").at(0).as_object()["tcbStatus"] = "Revoked";
  EXPECT_RULE(module.verified(), "tdx.tcb.revoked");
  qe.identity.at("tcbLevels").at(0).as_object()["tcbStatus"] = "Revoked";
  EXPECT_RULE(qe.verified(), "tdx.tcb.revoked");
}

TEST_F(TcbTest, sgx_has_no_module_and_no_tdx_components) {
  world_.make_sgx();
  for (bj::value& level : platform_levels()) level.at("tcb").as_object().erase("tdxtcbcomponents");
  world_.tcb_info.erase("tdxModule");
  world_.tcb_info.erase("tdxModuleIdentities");
  platform_levels()[0].as_object()["tcbStatus"] = "ConfigurationAndSWHardeningNeeded";
  const auto verified = world_.verified();
  ASSERT_OK(verified);
  EXPECT_EQ(verified->tcb().status, TcbStatus::configuration_and_sw_hardening_needed);
  EXPECT_FALSE(verified->tcb().module);
}

// "Convergence": platform, module or enclave, result.
TEST(Converge, table) {
  using enum TcbStatus;
  for (const TcbStatus platform : {up_to_date, sw_hardening_needed, configuration_needed, configuration_and_sw_hardening_needed,
                                   out_of_date, out_of_date_configuration_needed}) {
    EXPECT_EQ(converge(platform, up_to_date, up_to_date), platform);
    EXPECT_EQ(converge(platform, std::nullopt, up_to_date), platform);
    EXPECT_EQ(converge(platform, revoked, up_to_date), revoked);
    EXPECT_EQ(converge(platform, up_to_date, revoked), revoked);
    TcbStatus expected = platform;
    if (platform == up_to_date || platform == sw_hardening_needed) expected = out_of_date;
    if (platform == configuration_needed || platform == configuration_and_sw_hardening_needed) expected = out_of_date_configuration_needed;
    EXPECT_EQ(converge(platform, out_of_date, up_to_date), expected);
    EXPECT_EQ(converge(platform, up_to_date, out_of_date), expected);
    EXPECT_EQ(converge(platform, std::nullopt, out_of_date), expected);
  }
  EXPECT_EQ(converge(revoked, up_to_date, up_to_date), revoked);
}

class RelaunchTest : public TcbTest {
 protected:
  RelaunchTest() {
    world_.make_td15();
    world_.body[0] = 3;    // launched by a module that is out of date
    world_.body[584] = 5;  // now another runs
  }
  bool advised() {
    const auto tcb = world_.evaluated();
    EXPECT_OK(tcb);
    return tcb && tcb->relaunch_advised;
  }
};

TEST_F(RelaunchTest, advised_where_the_new_module_would_be_up_to_date) {
  EXPECT_TRUE(advised());
  EXPECT_EQ(status(), TcbStatus::out_of_date);
}

// A policy may take it as it takes any platform that is out of date: by advisories and an end date.
TEST_F(RelaunchTest, is_refused_by_a_rule_of_its_own) {
  const auto verified = world_.verified();
  ASSERT_OK(verified);
  const auto refused = [&](const Demands& demands) {
    const appraisal::Findings findings = appraise_tcb(*verified, demands, test::kNow);
    const appraisal::Finding* refusal = appraisal::refusal(findings);
    return refusal == nullptr ? Result<>() : Result<>(std::unexpected(Error{Code::rejected, refusal->rule, {}}));
  };
  EXPECT_RULE(refused({}), "tdx.tcb.relaunch");
  Demands demands;
  const auto& advisories = verified->tcb().advisory_ids;
  demands.tcb_exceptions = {{TcbStatus::out_of_date, {advisories.begin(), advisories.end()}, test::kNow + 1}};
  EXPECT_OK(refused(demands));
}

TEST_F(RelaunchTest, not_without_a_newer_module) {
  world_.body[584] = 3;
  EXPECT_FALSE(advised());
  world_.body[584] = 4;
  EXPECT_FALSE(advised());
}

// Updates that keep TDs alive go forward alone.
TEST_F(RelaunchTest, a_module_that_went_back_is_refused) {
  world_.body[586] = 3;
  EXPECT_RULE(world_.evaluated(), "tdx.tcb.svn");
  world_.make_td15();
  world_.body[584] = 2;
  EXPECT_RULE(world_.evaluated(), "tdx.tcb.svn");
  world_.make_td15();
  world_.body[584] = 200;
  world_.body[585] = 0;
  EXPECT_RULE(world_.evaluated(), "tdx.tcb.svn") << "a new minor version of an older major one";
  world_.body[584] = 0;
  world_.body[585] = 2;
  EXPECT_OK(world_.evaluated()) << "a new major version counts minor ones anew";
}

TEST_F(RelaunchTest, not_where_something_else_is_out_of_date) {
  world_.qe_report[258] = 3;
  EXPECT_FALSE(advised());
  world_.qe_report[258] = 6;
  world_.pck_tcb[17] = testkit::hex("02010c");
  EXPECT_FALSE(advised());
}

TEST_F(RelaunchTest, not_for_a_module_that_is_unknown) {
  world_.body[585] = 2;
  EXPECT_FALSE(advised());
}

TEST_F(RelaunchTest, not_where_nothing_is_wrong) {
  world_.body[0] = 5;
  world_.body[584] = 6;
  EXPECT_FALSE(advised());
}

}  // namespace
}  // namespace openpcc::tdx
