#include "openpcc/collateral/plan.h"

#include "openpcc/testkit/testkit.h"
#include "snp_forge.h"
#include "world.h"

namespace openpcc::collateral {
namespace {

using snp::Product;
using snp::forge::Machine;

snp::Report report_of(const Machine& machine) { return *snp::parse_report(machine.signed_report()); }

std::vector<std::string> targets(const Plan& plan) {
  std::vector<std::string> out;
  for (const Unit& unit : plan) {
    for (const Request& request : unit.requests) out.push_back(request.target);
  }
  return out;
}

TEST(PlanSnp, vcek_by_chip_and_reported_tcb) {
  const Machine machine = Machine::of(Product::genoa);
  const std::string chip = to_hex(machine.options.hwid);
  EXPECT_EQ(targets(plan_snp(report_of(machine), Product::genoa)),
            (std::vector<std::string>{"/vcek/v1/Genoa/" + chip + "?blSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219", "/vcek/v1/Genoa/cert_chain",
                                      "/vcek/v1/Genoa/crl"}));
}

TEST(PlanSnp, reported_tcb_and_not_the_current_one) {
  Machine machine = Machine::of(Product::milan);
  machine.set(0x38, snp::forge::raw_tcb({0, 9, 9, 99, 250}, Product::milan));
  EXPECT_TRUE(targets(plan_snp(report_of(machine), Product::milan))[0].ends_with("?blSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219"));
}

TEST(PlanSnp, turin_has_fmc_and_a_chip_id_of_eight_bytes) {
  EXPECT_EQ(targets(plan_snp(report_of(Machine::of(Product::turin)), Product::turin))[0],
            "/vcek/v1/Turin/5a5a5a5a5a5a5a5a?fmcSPL=02&blSPL=04&teeSPL=01&snpSPL=24&ucodeSPL=219");
}

TEST(PlanSnp, a_vlek_is_served_by_nobody) {
  snp::forge::VekOptions options;
  options.kind = snp::SigningKey::vlek;
  const Machine machine(snp::forge::Line::one(Product::milan), options);
  const Plan plan = plan_snp(report_of(machine), Product::milan);
  EXPECT_EQ(targets(plan), (std::vector<std::string>{"/vlek/v1/Milan/cert_chain", "/vlek/v1/Milan/crl"}));
  EXPECT_RULE(Result<>(std::unexpected(*plan[kSnpVek].unobtainable)), "collateral.vlek.missing");
}

TEST(PlanSnp, a_chip_that_is_not_shown_cannot_be_asked_about) {
  for (const bool masked : {true, false}) {
    Machine machine = Machine::of(Product::milan);
    machine.set(0x1a0, Bytes(64, 0));
    if (masked) machine.set(0x48, {2});
    const Plan plan = plan_snp(report_of(machine), Product::milan);
    EXPECT_RULE(Result<>(std::unexpected(*plan[kSnpVek].unobtainable)), "collateral.chip_id.masked");
    EXPECT_EQ(targets(plan).size(), 2u);
  }
}

TEST(PlanSnp, keys_differ_by_what_is_kept_under_them) {
  const Plan milan = plan_snp(report_of(Machine::of(Product::milan)), Product::milan);
  const Plan genoa = plan_snp(report_of(Machine::of(Product::genoa)), Product::genoa);
  Machine other = Machine::of(Product::milan);
  other.set(0x1a0, {1, 2, 3});
  const Plan chip = plan_snp(report_of(other), Product::milan);
  for (size_t unit = 0; unit < 3; ++unit) {
    EXPECT_NE(milan[unit].key, genoa[unit].key);
    EXPECT_EQ(milan[unit].key == chip[unit].key, unit != kSnpVek);
    EXPECT_EQ(milan[unit].key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string::npos);
  }
}

// PlanIntel is a quote of a test's own making.
class PlanIntel : public testing::Test {
 protected:
  Plan plan(const TcbChoice& choice = TcbUpdate::standard) {
    quote_ = world_.quote();
    const auto authentic = tdx::authenticate(quote_, world_.terms());
    OPENPCC_CHECK(authentic.has_value());
    return plan_intel(world_.terms().tee, *authentic, choice);
  }
  tdx::test::World world_;
  Bytes quote_;
};

TEST_F(PlanIntel, of_a_td) {
  const Plan units = plan();
  EXPECT_EQ(targets(units), (std::vector<std::string>{"/tdx/certification/v4/tcb?fmspc=90c06f000000", "/tdx/certification/v4/qe/identity",
                                                      "/sgx/certification/v4/pckcrl?ca=platform&encoding=der", "/IntelSGXRootCA.der"}));
  EXPECT_EQ(units[kIntelPckCrl].requests[0].service, Service::intel_pcs);
  EXPECT_EQ(units[kIntelRootCrl].requests[0].service, Service::intel_certificates);
}

TEST_F(PlanIntel, of_an_enclave) {
  world_.make_sgx();
  const auto asked = targets(plan());
  EXPECT_EQ(asked[0], "/sgx/certification/v4/tcb?fmspc=90c06f000000");
  EXPECT_EQ(asked[1], "/sgx/certification/v4/qe/identity");
}

TEST_F(PlanIntel, by_the_cas_name) {
  world_.ca.subject = world_.pck.issuer = tdx::test::intel_name("Intel SGX PCK Processor CA");
  EXPECT_EQ(targets(plan())[2], "/sgx/certification/v4/pckcrl?ca=processor&encoding=der");
}

TEST_F(PlanIntel, early_and_by_number) {
  EXPECT_EQ(targets(plan(TcbUpdate::early))[0], "/tdx/certification/v4/tcb?fmspc=90c06f000000&update=early");
  EXPECT_EQ(targets(plan(TcbUpdate::early))[1], "/tdx/certification/v4/qe/identity?update=early");
  EXPECT_EQ(targets(plan(uint32_t{17}))[0], "/tdx/certification/v4/tcb?fmspc=90c06f000000&tcbEvaluationDataNumber=17");
  EXPECT_EQ(targets(plan(uint32_t{17}))[1], "/tdx/certification/v4/qe/identity?tcbEvaluationDataNumber=17");
  EXPECT_EQ(plan(TcbUpdate::early)[kIntelTcb].key, plan()[kIntelTcb].key);
}

TEST(Services, have_urls) {
  EXPECT_EQ(default_url(Service::amd_kds), "https://kdsintf.amd.com");
  EXPECT_EQ(default_url(Service::intel_pcs), "https://api.trustedservices.intel.com");
  EXPECT_EQ(default_url(Service::intel_certificates), "https://certificates.trustedservices.intel.com");
}

}  // namespace
}  // namespace openpcc::collateral
