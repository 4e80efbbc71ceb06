#include "openpcc/tdx/appraise.h"

#include "corpus.h"
#include "world.h"

namespace openpcc::tdx {
namespace {

using appraisal::Aspect;
using appraisal::Findings;
using appraisal::State;
using test::kNow;
using test::World;

QuoteClaims claims_of(World& world) {
  const auto verified = world.verified();
  OPENPCC_CHECK(verified.has_value());
  return verified->claims();
}

// A TD that nothing is wrong with; a test changes one thing of what it says.
QuoteClaims good() {
  World world;
  world.make_td15();
  QuoteClaims claims = claims_of(world);
  auto& td = std::get<TdReport>(claims.body);
  td.mrsignerseam = {};
  td.seamattributes = 0;
  td.tdattributes = uint64_t{1} << 28;
  td.xfam = 0xe7;
  td.td15->mrservicetd = {};
  return claims;
}
const QuoteClaims& shared_good() {
  static const QuoteClaims claims = good();
  return claims;
}

TdReport& td_of(QuoteClaims& claims) { return std::get<TdReport>(claims.body); }
State state_of(const Findings& findings, Aspect aspect) { return std::ranges::find(findings, aspect, &appraisal::Finding::aspect)->state; }

testing::AssertionResult refuses(const Findings& findings, std::string_view rule) {
  const appraisal::Finding* refusal = appraisal::refusal(findings);
  if (refusal == nullptr) return testing::AssertionFailure() << "accepted, expected " << rule;
  if (std::ranges::count(findings, State::failed, &appraisal::Finding::state) != 1) return testing::AssertionFailure() << "more than one";
  if (refusal->expected.empty() || refusal->seen.empty() || refusal->remedy.empty()) return testing::AssertionFailure() << "unexplained";
  return testkit::trips(Result<int>(std::unexpected(Error{Code::rejected, refusal->rule, {}})), rule);
}

template <class Change>
Findings changed(Change change, const Demands& demands = {}) {
  QuoteClaims claims = shared_good();
  change(td_of(claims));
  return appraise(claims, demands);
}

TEST(TdxAppraise, a_td_as_it_should_be) {
  QuoteClaims claims = shared_good();
  const Findings bare = appraise(claims, {});
  EXPECT_EQ(appraisal::refusal(bare), nullptr);
  for (const Aspect aspect : {Aspect::identity, Aspect::firmware, Aspect::launch, Aspect::software, Aspect::bound_data}) {
    EXPECT_EQ(state_of(bare, aspect), State::not_checked) << "nobody said what to expect";
  }
  Demands demands;
  const TdReport& td = td_of(claims);
  demands.platforms = {claims.pck.ppid};
  demands.mrseam = {td.mrseam};
  demands.measurements = {Bytes(td.mrtd.begin(), td.mrtd.end())};
  demands.rtmr = td.rtmr;
  demands.mrconfigid = {td.mrconfigid};
  demands.mrowner = {td.mrowner};
  demands.mrownerconfig = {td.mrownerconfig};
  demands.report_data = td.reportdata;
  for (const appraisal::Finding& finding : appraise(claims, demands)) EXPECT_EQ(finding.state, State::passed) << finding.rule.id();
}

TEST(TdxAppraise, debug) {
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.tdattributes |= 1; }), "tdx.attributes.debug"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.tdattributes |= 0x80; }), "tdx.attributes.debug")) << "all of TUD counts";
  Demands demands;
  demands.allow_debug = true;
  EXPECT_EQ(state_of(changed([](TdReport& td) { td.tdattributes |= 1; }, demands), Aspect::debug), State::not_checked);
}

TEST(TdxAppraise, migration) {
  const auto migratable = [](TdReport& td) { td.tdattributes |= uint64_t{1} << 29; };
  EXPECT_TRUE(refuses(changed(migratable), "tdx.attributes.migratable"));
  Demands demands;
  demands.allow_migratable = true;
  EXPECT_EQ(state_of(changed(migratable, demands), Aspect::migration), State::not_checked);
  const auto bound = [&](TdReport& td) {
    migratable(td);
    td.td15->mrservicetd.fill(7);
  };
  EXPECT_TRUE(refuses(changed(bound), "tdx.mrservicetd"));
  demands = {};
  Measurement service;
  service.fill(7);
  demands.mrservicetd = {service};
  EXPECT_EQ(state_of(changed(bound, demands), Aspect::migration), State::passed);
}

TEST(TdxAppraise, the_tds_attributes) {
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.tdattributes = 0; }), "tdx.attributes.sept_ve_disable"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.tdattributes |= uint64_t{1} << 63; }), "tdx.attributes.perfmon"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.tdattributes |= uint64_t{1} << 40; }), "tdx.attributes.reserved"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.xfam = 1; }), "tdx.xfam"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.xfam |= 0x100; }), "tdx.xfam"));
  Demands demands;
  demands.allow_sept_ve = true;
  EXPECT_EQ(state_of(changed([](TdReport& td) { td.tdattributes = 0; }, demands), Aspect::guest_policy), State::not_checked);
}

TEST(TdxAppraise, the_module) {
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.mrsignerseam[47] = 1; }), "tdx.seam.mrsigner"));
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.seamattributes = 1; }), "tdx.seam.attributes"));
  Demands demands;
  demands.mrseam = {Measurement{}};
  EXPECT_TRUE(refuses(changed([](TdReport& td) { td.mrseam[0] ^= 1; }, demands), "tdx.seam.mrseam"));
}

TEST(TdxAppraise, firmware_alone_is_no_release) {
  QuoteClaims claims = shared_good();
  Demands demands;
  demands.measurements = {Bytes(td_of(claims).mrtd.begin(), td_of(claims).mrtd.end())};
  EXPECT_EQ(state_of(appraise(claims, demands), Aspect::software), State::not_checked);
}

TEST(TdxAppraise, what_was_measured) {
  const auto same = [](TdReport&) {};
  Measurement other;
  other.fill(0xee);
  Demands demands;
  demands.measurements = {Bytes(48, 0xee)};
  EXPECT_TRUE(refuses(changed(same, demands), "tdx.mrtd"));
  demands = {};
  demands.rtmr = td_of(const_cast<QuoteClaims&>(shared_good())).rtmr;
  (*demands.rtmr)[3] = other;
  EXPECT_TRUE(refuses(changed(same, demands), "tdx.rtmr"));
  demands = {};
  demands.report_data.emplace().fill(0xee);
  EXPECT_TRUE(refuses(changed(same, demands), "tdx.report_data"));
  demands = {};
  demands.platforms = {{}};
  EXPECT_TRUE(refuses(changed(same, demands), "tdx.platform.unlisted"));
}

TEST(TdxAppraise, whose_launch_it_is) {
  Measurement other;
  other.fill(0xee);
  const std::pair<std::string_view, std::pair<std::set<Measurement> Demands::*, Measurement TdReport::*>> all[] = {
      {"tdx.mrconfigid", {&Demands::mrconfigid, &TdReport::mrconfigid}},
      {"tdx.mrowner", {&Demands::mrowner, &TdReport::mrowner}},
      {"tdx.mrownerconfig", {&Demands::mrownerconfig, &TdReport::mrownerconfig}}};
  for (const auto& [rule, members] : all) {
    const auto& [wanted, value] = members;
    const auto none = [&](TdReport& td) { td.*value = {}; };
    const auto set = [&](TdReport& td) { td.*value = other; };
    Demands demands;
    demands.*wanted = {{}};
    EXPECT_EQ(state_of(changed(none, demands), Aspect::launch), State::passed);
    EXPECT_TRUE(refuses(changed(set, demands), rule));
    (demands.*wanted).insert(other);
    EXPECT_EQ(state_of(changed(set, demands), Aspect::launch), State::passed);
  }
}

TEST(TdxAppraise, an_enclave) {
  World world;
  world.make_sgx();
  QuoteClaims claims = claims_of(world);
  auto& enclave = std::get<SgxReport>(claims.body);
  enclave.attributes[0] &= 0xfd;
  EXPECT_EQ(appraisal::refusal(appraise(claims, {})), nullptr);
  Demands demands;
  demands.measurements = {Bytes(32, 0xee)};
  EXPECT_TRUE(refuses(appraise(claims, demands), "tdx.mrtd"));
  demands = {};
  demands.rtmr.emplace();
  EXPECT_TRUE(refuses(appraise(claims, demands), "tdx.tee_type")) << "an enclave cannot stand in for a TD";
  enclave.attributes[0] |= 2;
  EXPECT_TRUE(refuses(appraise(claims, {}), "tdx.attributes.debug"));
}

TEST(TdxAppraise, how_current_the_platform_is) {
  World world;
  const auto current = world.verified();
  ASSERT_OK(current);
  const Findings findings = appraise_tcb(*current, {}, kNow);
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_EQ(state_of(findings, Aspect::revocation), State::passed);
  EXPECT_EQ(state_of(findings, Aspect::tcb), State::passed);
  Demands demands;
  demands.tcb_exceptions = {{TcbStatus::up_to_date, {}, kNow + 1}};
  EXPECT_EQ(accepted_window(*current, demands, kNow), current->window()) << "what needs no exception does not end with one";
}

// Of the samples, each with the collateral that finds it out of date: exceptions name status, advisories and an end.
TEST(TdxAppraise, exceptions_name_status_advisories_and_an_end) {
  OPENPCC_NEED_CORPUS();
  const auto sample = std::ranges::find(corpus::samples(), "tdx-v4-trustee-debug", &corpus::Sample::id);
  ASSERT_NE(sample, corpus::samples().end());
  Terms terms = sample->terms();
  terms.revocation_lists_required = false;
  const UnixSeconds now = corpus::time("2026-03-20T00:00:00Z");
  const auto verified = verify(sample->quote, corpus::sets().at("lunal-50806f000000").view(), now, terms);
  ASSERT_OK(verified);
  EXPECT_EQ(verified->tcb().status, TcbStatus::out_of_date);
  EXPECT_TRUE(refuses(appraise_tcb(*verified, {}, now), "tdx.tcb.status"));
  Demands demands;
  const std::set<std::string> all(verified->tcb().advisory_ids.begin(), verified->tcb().advisory_ids.end());
  demands.tcb_exceptions = {{TcbStatus::out_of_date, all, now + 1}};
  EXPECT_EQ(state_of(appraise_tcb(*verified, demands, now), Aspect::tcb), State::not_checked);
  EXPECT_TRUE(refuses(appraise_tcb(*verified, demands, now + 1), "tdx.tcb.status")) << "its end has come";
  // The verdict holds no longer than the exception, the last of those that take the status.
  EXPECT_EQ(accepted_window(*verified, {}, now), verified->window());
  EXPECT_EQ(accepted_window(*verified, demands, now), (x509::Window{verified->window().from, now}));
  EXPECT_EQ(accepted_window(*verified, demands, now + 1), verified->window()) << "nothing takes it any more";
  demands.tcb_exceptions.push_back({TcbStatus::out_of_date, all, now + 100});
  demands.tcb_exceptions.push_back({TcbStatus::configuration_needed, all, now + 1000});
  EXPECT_EQ(accepted_window(*verified, demands, now).to, now + 99);
  demands.tcb_exceptions.push_back({TcbStatus::out_of_date, all, verified->window().to + 1000});
  EXPECT_EQ(accepted_window(*verified, demands, now), verified->window());
  demands.tcb_exceptions = {{TcbStatus::out_of_date, {*all.begin()}, now + 1}};
  EXPECT_TRUE(refuses(appraise_tcb(*verified, demands, now), "tdx.tcb.status")) << "an advisory that it does not name";
  demands.tcb_exceptions = {{TcbStatus::configuration_needed, all, now + 1}};
  EXPECT_TRUE(refuses(appraise_tcb(*verified, demands, now), "tdx.tcb.status")) << "another status";
}

// What the corpus says that a strict relying party must refuse of genuine quotes, and the rules that say the same.
const std::map<std::string, std::string, std::less<>> kStrictReasons{
    {"TD DEBUG attribute set", "tdx.attributes.debug"},
    {"SGX DEBUG attribute set", "tdx.attributes.debug"},
    {"SEPT_VE_DISABLE clear (reject unless policy allows, e.g. paravisor)", "tdx.attributes.sept_ve_disable"},
    {"MRSERVICETD non-zero (a service or migration TD is bound; reject unless the policy lists it)", "tdx.mrservicetd"},
};

TEST(TdxAppraise, every_sample_as_a_strict_party_must) {
  OPENPCC_NEED_CORPUS();
  for (const corpus::Sample& sample : corpus::samples()) {
    SCOPED_TRACE(sample.id);
    const auto authentic = authenticate(sample.quote, sample.terms());
    ASSERT_OK(authentic);
    std::set<std::string> wanted, seen;
    for (const auto& reason : sample.expected.at("strict_policy").at("reasons").as_array()) {
      wanted.insert(kStrictReasons.at(std::string(reason.as_string())));
    }
    const Quote& quote = authentic->quote();
    for (const auto& finding : appraise({quote.header, quote.body, quote.qe_report, authentic->pck()}, {})) {
      if (finding.state == State::failed) seen.emplace(finding.rule.id());
    }
    EXPECT_EQ(seen, wanted);
  }
}

}  // namespace
}  // namespace openpcc::tdx
