#include "openpcc/nitro/appraise.h"

#include "nitro_forge.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::nitro {
namespace {

using appraisal::Aspect;
using appraisal::State;
using forge::kNow;
using forge::Maker;

Bytes pcr(uint8_t byte) { return Bytes(kPcrBytes, byte); }

Demands of_release() {
  Demands out;
  out.pcrs = *ExpectedPcrs::create({{0, {pcr(0x99), pcr(0x10)}}, {1, {pcr(0x11)}}, {2, {pcr(0x12)}}});
  out.nonce = Bytes(32, 0xcc);
  out.public_key = Bytes(90, 0xaa);
  out.user_data = Bytes(64, 0xbb);
  return out;
}

appraisal::Findings findings_of(Maker& maker, const Demands& demands, UnixSeconds now = kNow) {
  const auto verified = maker.verify();
  EXPECT_OK(verified);
  return verified ? appraise(*verified, demands, now) : appraisal::Findings();
}

testing::AssertionResult refused(Maker& maker, const Demands& demands, std::string_view rule, UnixSeconds now = kNow) {
  return testkit::refused(findings_of(maker, demands, now), rule);
}

State state_of(const appraisal::Findings& findings, Aspect aspect) {
  const auto found = std::ranges::find(findings, aspect, &appraisal::Finding::aspect);
  return found == findings.end() ? State::failed : found->state;
}

TEST(NitroAppraise, what_is_demanded_passes) {
  Maker maker;
  const auto findings = findings_of(maker, of_release());
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  for (const Aspect aspect : {Aspect::product, Aspect::debug, Aspect::software, Aspect::bound_data})
    EXPECT_EQ(state_of(findings, aspect), State::passed);
}

TEST(NitroAppraise, nothing_demanded_is_nothing_checked) {
  Maker maker;
  const auto findings = findings_of(maker, {});
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  for (const Aspect aspect : {Aspect::software, Aspect::bound_data, Aspect::revocation, Aspect::identity})
    EXPECT_EQ(state_of(findings, aspect), State::not_checked);
  EXPECT_EQ(state_of(findings, Aspect::tcb), State::not_provable);
}

TEST(NitroAppraise, an_expectation_that_expects_nothing_does_not_exist) {
  EXPECT_RULE(ExpectedPcrs::create({}), "nitro.expected.empty");
  EXPECT_RULE(ExpectedPcrs::create({{0, {}}}), "nitro.expected.empty");
  EXPECT_RULE(ExpectedPcrs::create({{0, {pcr(1)}}, {32, {pcr(1)}}}), "nitro.expected.index");
}

TEST(NitroAppraise, registers) {
  for (uint8_t i = 0; i < 3; ++i) {
    Maker other;
    other.pcrs[i][47] ^= 1;
    EXPECT_TRUE(refused(other, of_release(), "nitro.pcr"));
  }
  Demands more = of_release();
  more.pcrs = *ExpectedPcrs::create({{0, {Bytes(32, 0x10)}}});
  Maker longer;
  EXPECT_TRUE(refused(longer, more, "nitro.pcr"));
  more.pcrs = *ExpectedPcrs::create({{0, {pcr(0x10)}}, {16, {pcr(0)}}});
  Maker maker;
  EXPECT_TRUE(refused(maker, more, "nitro.pcr.missing"));
}

TEST(NitroAppraise, debug) {
  Maker debug;
  for (uint8_t i = 0; i < 3; ++i) debug.pcrs[i] = Bytes(kPcrBytes, 0);
  EXPECT_TRUE(refused(debug, {}, "nitro.debug"));
  debug.pcrs[2] = pcr(1);
  EXPECT_TRUE(refused(debug, {}, "nitro.debug")) << "one of them is measured, the others are not";
  for (uint8_t i = 0; i < 3; ++i) debug.pcrs.erase(i);
  EXPECT_TRUE(refused(debug, {}, "nitro.debug"));
}

TEST(NitroAppraise, an_instance_is_no_enclave) {
  Maker maker;
  maker.pcrs_name = "nitrotpm_pcrs";
  EXPECT_TRUE(refused(maker, of_release(), "nitro.source"));
  Demands instances = of_release();
  instances.sources = {Source::nitro_tpm};
  EXPECT_EQ(state_of(findings_of(maker, instances), Aspect::debug), State::not_provable);
}

TEST(NitroAppraise, made_lately) {
  Maker maker;
  EXPECT_TRUE(refused(maker, of_release(), "nitro.time", kNow + 301));
  EXPECT_TRUE(refused(maker, of_release(), "nitro.time", kNow - 61));
  EXPECT_EQ(appraisal::refusal(findings_of(maker, of_release(), kNow + 300)), nullptr);
  EXPECT_EQ(appraisal::refusal(findings_of(maker, of_release(), kNow - 60)), nullptr);
  maker.set("timestamp", forge::number(UINT64_MAX));
  EXPECT_TRUE(refused(maker, of_release(), "nitro.time"));
}

TEST(NitroAppraise, what_the_document_was_made_for) {
  const std::pair<const char*, const char*> fields[] = {
      {"nonce", "nitro.nonce"}, {"public_key", "nitro.public_key"}, {"user_data", "nitro.user_data"}};
  for (const auto& [name, rule] : fields) {
    Maker absent, longer, shorter;
    absent.set(name, forge::null());
    EXPECT_TRUE(refused(absent, of_release(), rule));
    longer.set(name, forge::bytes(Bytes(91, 0xcc)));
    EXPECT_TRUE(refused(longer, of_release(), rule));
    shorter.set(name, forge::bytes(Bytes(1, 0xcc)));
    EXPECT_TRUE(refused(shorter, of_release(), rule));
  }
  Maker empty;
  empty.set("nonce", forge::bytes({}));
  EXPECT_TRUE(refused(empty, of_release(), "nitro.nonce"));
}

}  // namespace
}  // namespace openpcc::nitro
