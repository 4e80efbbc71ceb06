#include "openpcc/snp/appraise.h"

#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using appraisal::Aspect;
using appraisal::Findings;
using appraisal::State;
using forge::Machine;

Findings appraised(const Machine& machine, const Demands& demands = {}) {
  const Verification verification = machine.verify();
  OPENPCC_CHECK(verification.verified.has_value());
  return appraise(*verification.verified, demands);
}

State state_of(const Findings& findings, Aspect aspect) { return std::ranges::find(findings, aspect, &appraisal::Finding::aspect)->state; }

testing::AssertionResult refuses(const Machine& machine, const Demands& demands, std::string_view rule) {
  const Findings findings = appraised(machine, demands);
  const appraisal::Finding* refusal = appraisal::refusal(findings);
  if (refusal == nullptr) return testing::AssertionFailure() << "accepted, expected " << rule;
  if (std::ranges::count(findings, State::failed, &appraisal::Finding::state) != 1) return testing::AssertionFailure() << "more than one";
  if (refusal->expected.empty() || refusal->seen.empty() || refusal->remedy.empty()) return testing::AssertionFailure() << "unexplained";
  return testkit::trips(Result<int>(std::unexpected(Error{Code::rejected, refusal->rule, {}})), rule);
}

Machine with(size_t at, std::initializer_list<uint8_t> bytes) {
  Machine machine = Machine::of(Product::milan);
  machine.set(at, bytes);
  return machine;
}

TEST(SnpAppraise, a_machine_as_it_should_be) {
  const Machine machine = Machine::of(Product::genoa);
  Demands demands;
  demands.min_tcb[Product::genoa] = machine.options.tcb;
  demands.measurements = {Bytes(48, 1), Bytes(48, 0x3e)};
  demands.report_data.emplace().fill(0xd0);
  demands.min_version[Product::genoa] = {1, 55, 29};
  const Findings findings = appraised(machine, demands);
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_EQ(findings.size(), 13u);
  EXPECT_EQ(state_of(findings, Aspect::revocation), State::not_checked);
  for (const Aspect aspect : {Aspect::tcb, Aspect::software, Aspect::bound_data, Aspect::product, Aspect::debug}) {
    EXPECT_EQ(state_of(findings, aspect), State::passed);
  }
}

// What nobody asked for is not passed: it is said to be unchecked.
TEST(SnpAppraise, nothing_to_compare_with_is_not_checked) {
  const Findings findings = appraised(Machine::of(Product::milan));
  EXPECT_EQ(state_of(findings, Aspect::product), State::not_provable) << "Milan's keys can be forged";
  for (const Aspect aspect : {Aspect::revocation, Aspect::identity, Aspect::tcb, Aspect::launch, Aspect::software, Aspect::bound_data}) {
    EXPECT_EQ(state_of(findings, aspect), State::not_checked);
  }
}

TEST(SnpAppraise, revocation_may_be_demanded) {
  Demands demands;
  demands.require_revocation = true;
  const Machine machine = Machine::of(Product::milan);
  EXPECT_TRUE(refuses(machine, demands, "snp.crl.missing"));
  const Verification listed = machine.verify(forge::kNow, machine.line.crl());
  EXPECT_EQ(appraisal::refusal(appraise(*listed.verified, demands)), nullptr);
}

TEST(SnpAppraise, products_and_providers) {
  Demands demands;
  demands.products = {Product::genoa, Product::turin};
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.product.excluded"));
  forge::VekOptions options;
  options.kind = SigningKey::vlek;
  const Machine vlek(forge::Line::one(Product::milan), options);
  demands = {};
  EXPECT_EQ(state_of(appraised(vlek), Aspect::identity), State::not_checked);
  demands.csp_ids = {"CN=another.example"};
  EXPECT_TRUE(refuses(vlek, demands, "snp.csp_id"));
  demands.csp_ids.insert("CN=cc.example");
  EXPECT_EQ(state_of(appraised(vlek, demands), Aspect::identity), State::passed);
}

TEST(SnpAppraise, masked_chips) {
  Machine machine = with(0x48, {2});
  machine.set(0x1a0, Bytes(64, 0));
  EXPECT_TRUE(refuses(machine, {}, "snp.chip_id.masked"));
  Demands demands;
  demands.allow_masked_chip = true;
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::identity), State::not_checked);
}

TEST(SnpAppraise, minimum_tcb_by_component) {
  const Machine machine = Machine::of(Product::milan);
  for (uint8_t Tcb::* component : {&Tcb::boot_loader, &Tcb::tee, &Tcb::snp, &Tcb::microcode}) {
    Demands demands;
    Tcb minimum = machine.options.tcb;
    minimum.*component += 1;
    minimum.snp = std::min<uint8_t>(minimum.snp, component == &Tcb::snp ? 255 : 0);  // a lower one elsewhere does not make up for it
    demands.min_tcb[Product::milan] = minimum;
    EXPECT_TRUE(refuses(machine, demands, "snp.tcb.minimum"));
    demands.min_tcb.clear();
    demands.min_tcb[Product::genoa] = minimum;
    EXPECT_EQ(state_of(appraised(machine, demands), Aspect::tcb), State::not_checked) << "another line's minimum says nothing";
  }
  Demands demands;
  demands.min_tcb[Product::milan] = machine.options.tcb;
  EXPECT_TRUE(refuses(with(0x1f7, {1}), demands, "snp.tcb.launch_minimum"));
}

TEST(SnpAppraise, versions_and_mitigations) {
  Demands demands;
  demands.min_version[Product::milan] = {1, 55, 30};
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.tcb.version"));
  EXPECT_EQ(appraisal::refusal(appraised(Machine::of(Product::genoa), demands)), nullptr) << "another line counts its own versions";
  demands = {};
  demands.mitigations[Product::milan] = 3;
  Machine machine = with(0, {5});
  machine.set(0x1f8, {7});
  machine.set(0x200, {2});
  EXPECT_TRUE(refuses(machine, demands, "snp.tcb.mitigations"));
  machine.set(0x200, {3});
  EXPECT_EQ(appraisal::refusal(appraised(machine, demands)), nullptr);
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.tcb.mitigations")) << "version 3 does not say";
}

TEST(SnpAppraise, firmware_that_can_be_rolled_back) {
  EXPECT_TRUE(refuses(with(0x3f, {220}), {}, "snp.tcb.provisional"));
  EXPECT_TRUE(refuses(with(0x1e8, {30}), {}, "snp.tcb.provisional"));
  Demands demands;
  demands.allow_provisional = true;
  EXPECT_EQ(state_of(appraised(with(0x3f, {220}), demands), Aspect::firmware), State::not_checked);
}

TEST(SnpAppraise, debug_and_migration) {
  EXPECT_TRUE(refuses(with(0x0a, {0x0b}), {}, "snp.policy.debug"));
  EXPECT_TRUE(refuses(with(0x0a, {0x07}), {}, "snp.policy.migration"));
  Demands demands;
  demands.allow_debug = demands.allow_migration = true;
  const Findings findings = appraised(with(0x0a, {0x0f}), demands);
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_EQ(state_of(findings, Aspect::debug), State::not_checked);
  EXPECT_EQ(state_of(findings, Aspect::migration), State::not_checked);
}

TEST(SnpAppraise, the_guests_policy) {
  EXPECT_TRUE(refuses(with(0x0a, {0x01}), {}, "snp.policy.reserved"));
  EXPECT_TRUE(refuses(with(0x0f, {0x80}), {}, "snp.policy.reserved"));
  EXPECT_TRUE(refuses(with(0x0a, {0x23}), {}, "snp.policy.cxl"));
  Demands demands;
  demands.allow_smt = false;
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.policy.smt"));
  demands = {};
  demands.min_abi = {1, 51, 0};
  EXPECT_TRUE(refuses(with(0x08, {50, 1}), demands, "snp.policy.abi"));
  EXPECT_EQ(appraisal::refusal(appraised(with(0x08, {51, 1}), demands)), nullptr);
  demands = {};
  demands.restrictions = uint64_t{1} << 24;
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.policy.restriction"));
  EXPECT_EQ(appraisal::refusal(appraised(with(0x0b, {1}), demands)), nullptr);
}

TEST(SnpAppraise, who_speaks_and_from_where) {
  EXPECT_TRUE(refuses(with(0x30, {1}), {}, "snp.vmpl"));
  EXPECT_TRUE(refuses(with(0x30, {0xff, 0xff, 0xff, 0xff}), {}, "snp.vmpl")) << "a report that the host asked for";
  Demands demands;
  demands.vmpl = 1;
  EXPECT_EQ(appraisal::refusal(appraised(with(0x30, {1}), demands)), nullptr);
  EXPECT_TRUE(refuses(with(0x40, {0x05}), {}, "snp.platform.alias_check"));
  EXPECT_EQ(appraisal::refusal(appraised(with(0x40, {0x65}))), nullptr) << "a bit that we do not know is no reason to refuse";
}

TEST(SnpAppraise, how_the_machine_is_set_up) {
  Demands demands;
  demands.platform_clear = 1;
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.platform.setting")) << "SMT is on";
  EXPECT_EQ(appraisal::refusal(appraised(with(0x40, {0x24}), demands)), nullptr);
  demands = {};
  demands.platform_set = 1 << 4;
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.platform.setting")) << "ciphertext hiding is off";
  EXPECT_EQ(appraisal::refusal(appraised(with(0x40, {0x35}), demands)), nullptr);
}

TEST(SnpAppraise, reports_of_version_2_do_not_say_how_the_machine_is_set_up) {
  Machine machine = with(0, {2});
  machine.set(0x40, {0x01});
  machine.set(0x188, {0, 0, 0});
  EXPECT_EQ(state_of(appraised(machine), Aspect::platform), State::not_checked);
  Demands demands;
  demands.platform_set = 1 << 2;
  EXPECT_TRUE(refuses(machine, demands, "snp.platform.setting")) << "what is demanded and not said is refused";
}

TEST(SnpAppraise, whose_launch_it_is) {
  std::array<uint8_t, 32> host_data;
  std::array<uint8_t, 48> key, other;
  host_data.fill(0xab);
  key.fill(0xcd);
  other.fill(0xce);
  Machine machine = with(0xc0, {});
  machine.set(0xc0, host_data);
  machine.set(0xe0, key);
  EXPECT_EQ(state_of(appraised(machine), Aspect::launch), State::not_checked);
  Demands demands;
  demands.host_data = {{}};
  EXPECT_TRUE(refuses(machine, demands, "snp.host_data"));
  demands.host_data.insert(host_data);
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::launch), State::passed);
  demands.id_keys = {other};
  EXPECT_TRUE(refuses(machine, demands, "snp.id_key"));
  demands.id_keys.insert(key);
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::launch), State::passed);
  demands.author_keys = {key};
  EXPECT_TRUE(refuses(machine, demands, "snp.author_key"));
  machine.set(0x110, key);
  EXPECT_TRUE(refuses(machine, demands, "snp.author_key")) << "AUTHOR_KEY_EN is clear";
  machine.set(0x48, {1});
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::launch), State::passed);
}

// FAMILY_ID, IMAGE_ID and GUEST_SVN are the host's word unless an expected ID key signed them.
TEST(SnpAppraise, what_an_id_key_signed) {
  std::array<uint8_t, 16> family{1}, image{2};
  std::array<uint8_t, 48> key;
  key.fill(0xcd);
  Machine machine = with(0x04, {7});
  machine.set(0x10, family);
  machine.set(0x20, image);
  Demands demands;
  demands.family_ids = {family};
  EXPECT_TRUE(refuses(machine, demands, "snp.id_block")) << "nobody signed it";
  demands.id_keys = {{}};
  EXPECT_TRUE(refuses(machine, demands, "snp.id_block")) << "no key is no key, listed or not";
  demands.id_keys = {key};
  machine.set(0xe0, key);
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::launch), State::passed);
  demands.image_ids = {family};
  EXPECT_TRUE(refuses(machine, demands, "snp.id_block"));
  demands.image_ids = {image};
  demands.min_guest_svn = 7;
  EXPECT_EQ(state_of(appraised(machine, demands), Aspect::launch), State::passed);
  demands.min_guest_svn = 8;
  EXPECT_TRUE(refuses(machine, demands, "snp.guest_svn"));
  demands = {};
  demands.min_guest_svn = 1;
  EXPECT_TRUE(refuses(machine, demands, "snp.guest_svn")) << "without a listed key it is the host's word";
}

TEST(SnpAppraise, software_and_bound_data) {
  Demands demands;
  demands.measurements = {Bytes(48, 0x3f), Bytes(32, 0x3e)};
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.measurement"));
  demands = {};
  demands.report_data.emplace().fill(0xd0);
  demands.report_data->back() = 0;
  EXPECT_TRUE(refuses(Machine::of(Product::milan), demands, "snp.report_data")) << "all 64 bytes count";
}

}  // namespace
}  // namespace openpcc::snp
