// What other verifiers got wrong, each a test named after its row in the list of known faults.
#include "nitro_forge.h"
#include "openpcc/nitro/appraise.h"

namespace openpcc::nitro {
namespace {

using forge::kNow;
using forge::Maker;

Bytes pcr_of(const Document& document, uint8_t index) { return Bytes(document.pcrs.at(index).begin(), document.pcrs.at(index).end()); }

std::string refusal_of(Maker& maker, const Demands& demands) {
  const auto verified = maker.verify();
  if (!verified) return describe(verified.error());
  const appraisal::Findings findings = appraise(*verified, demands, kNow);
  const appraisal::Finding* refusal = appraisal::refusal(findings);
  return refusal == nullptr ? "" : std::string(refusal->rule.id());
}

TEST(Known, row_18_a_debug_enclave_with_a_perfect_signature) {
  Maker maker;
  for (uint8_t i = 0; i < 3; ++i) maker.pcrs[i] = Bytes(kPcrBytes, 0);
  ASSERT_OK(maker.verify());
  EXPECT_EQ(refusal_of(maker, {}), "nitro.debug");
  // Not even where somebody has zeros for the release's registers, as a tool that measured nothing gives them.
  Demands zeros;
  zeros.pcrs = *ExpectedPcrs::create({{0, {Bytes(kPcrBytes, 0)}}, {1, {Bytes(kPcrBytes, 0)}}, {2, {Bytes(kPcrBytes, 0)}}});
  EXPECT_EQ(refusal_of(maker, zeros), "nitro.debug");
}

TEST(Known, row_19_an_expectation_of_nothing_accepts_nothing) {
  EXPECT_RULE(ExpectedPcrs::create({}), "nitro.expected.empty");
  EXPECT_RULE(ExpectedPcrs::create({{0, {Bytes(kPcrBytes, 0)}}, {1, {}}}), "nitro.expected.empty");
}

TEST(Known, row_20_a_genuine_document_of_another_image) {
  const auto folder = testkit::shared_file("evidence/nitro");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const Bytes bytes = testkit::read_file(*folder / "veracruz.cose"), other = testkit::read_file(*folder / "sparsity-2.cose");
  const auto document = parse_document(bytes), release = parse_document(other);
  const auto now = static_cast<UnixSeconds>(document->timestamp_ms / 1000);
  const auto verified = verify(bytes, now);
  ASSERT_OK(verified);
  Demands demands;
  demands.pcrs = *ExpectedPcrs::create({{0, {pcr_of(*release, 0)}}});
  EXPECT_EQ(appraisal::refusal(appraise(*verified, demands, now))->rule.id(), "nitro.pcr");
  demands.pcrs = *ExpectedPcrs::create({{0, {pcr_of(*release, 0), pcr_of(*document, 0)}}});
  EXPECT_EQ(appraisal::refusal(appraise(*verified, demands, now)), nullptr);
}

TEST(Known, row_31_a_register_that_is_demanded_must_be_there) {
  Maker maker;
  maker.pcrs.erase(8);
  Demands demands;
  demands.pcrs = *ExpectedPcrs::create({{0, {maker.pcrs[0]}}, {8, {Bytes(kPcrBytes, 0)}}});
  EXPECT_EQ(refusal_of(maker, demands), "nitro.pcr.missing");
  maker.pcrs[8] = Bytes(kPcrBytes, 0);
  EXPECT_EQ(refusal_of(maker, demands), "");
}

TEST(Known, a_document_relayed_to_somebody_else) {
  Maker maker;
  Demands demands;
  demands.nonce = Bytes(32, 0xcd);
  EXPECT_EQ(refusal_of(maker, demands), "nitro.nonce");
  demands.nonce = Bytes(31, 0xcc);
  EXPECT_EQ(refusal_of(maker, demands), "nitro.nonce");
}

TEST(Known, the_time_of_judging_counts_not_the_documents_own) {
  Maker maker;
  ASSERT_OK(maker.verify());
  EXPECT_RULE(maker.verify(kNow + 4 * 3600), "nitro.chain.expired");
  maker.set("timestamp", forge::number(uint64_t{kNow + 4 * 3600} * 1000));
  EXPECT_RULE(maker.verify(kNow + 4 * 3600), "nitro.chain.expired");
}

TEST(Known, deep_nesting_is_never_followed) {
  for (const uint8_t level : {uint8_t{0x81}, uint8_t{0xa1}, uint8_t{0xd2}, uint8_t{0x9f}, uint8_t{0xbf}}) {
    EXPECT_FALSE(parse_document(Bytes(kDocumentBytesMax, level)));
    const Maker maker;
    EXPECT_FALSE(parse_document(maker.document_of(Bytes(8000, level))));
    Maker inside;
    inside.set("nonce", Bytes(8000, level));
    EXPECT_FALSE(parse_document(inside.document()));
  }
}

}  // namespace
}  // namespace openpcc::nitro
