// Every document of the shared corpus, judged as its EXPECTED.json says: verdict, fields, each window to the second, and what a strict policy refuses.
#include <boost/json.hpp>

#include "nitro_forge.h"
#include "openpcc/nitro/appraise.h"
#include "openpcc/testkit/json.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::nitro {
namespace {

namespace json = boost::json;
using testkit::text_at;
using testkit::time_of;

Bytes document_of(const json::value& entry) {
  return testkit::read_file(*testkit::shared_file("evidence/" + std::string(entry.at("files").at(0).as_string())));
}

void expect_optional(const json::value& parsed, std::string_view name, const std::optional<ByteSpan>& seen) {
  const json::value& expected = parsed.at(name);
  ASSERT_EQ(expected.is_null(), !seen) << name;
  EXPECT_EQ(seen ? to_hex(*seen) : "", expected.is_null() ? "" : expected.as_string()) << name;
}

void expect_fields(const json::value& entry, const Document& document) {
  const json::value& parsed = entry.at("parsed");
  EXPECT_EQ(text_at(parsed, "module_id"), document.module_id);
  EXPECT_EQ(testkit::int_at(parsed, "timestamp_ms"), document.timestamp_ms);
  EXPECT_EQ(testkit::int_at(parsed, "cabundle_len"), document.cabundle.size());
  EXPECT_EQ(parsed.at("pcrs").as_object().size(), document.pcrs.size());
  for (const auto& [index, value] : document.pcrs) EXPECT_EQ(text_at(parsed.at("pcrs"), std::to_string(index)), to_hex(value));
  expect_optional(parsed, "public_key", document.public_key);
  expect_optional(parsed, "user_data", document.user_data);
  expect_optional(parsed, "nonce", document.nonce);
}

void expect_windows(const json::value& entry, ByteSpan bytes) {
  const UnixSeconds from = time_of(text_at(entry, "valid_from")), to = time_of(text_at(entry, "valid_to"));
  const auto verified = verify(bytes, from);
  ASSERT_OK(verified);
  EXPECT_EQ(verified->window(), (x509::Window{from, to}));
  EXPECT_OK(verify(bytes, to));
  EXPECT_RULE(verify(bytes, from - 1), "nitro.chain.early");
  EXPECT_RULE(verify(bytes, to + 1), "nitro.chain.expired");
  for (const json::value& also : entry.at("also").as_array()) {
    EXPECT_EQ(text_at(also, "verdict"), "invalid");
    EXPECT_RULE(verify(bytes, time_of(text_at(also, "evaluate_at"))), "nitro.chain.expired");
  }
}

void expect_appraisal(const json::value& entry, const VerifiedDocument& verified, UnixSeconds now) {
  const appraisal::Findings findings = appraise(verified, {}, now);
  const appraisal::Finding* refusal = appraisal::refusal(findings);
  const json::array& reasons = entry.at("strict_policy").at("reasons").as_array();
  EXPECT_EQ(refusal != nullptr, !reasons.empty());
  if (refusal == nullptr) return;
  EXPECT_EQ(reasons.at(0).as_string(), "debug enclave: PCR0..2 all zero");
  EXPECT_EQ(refusal->rule.id(), "nitro.debug");
}

TEST(NitroEvidence, every_sample_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "nitro") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    ++judged;
    const Bytes bytes = document_of(entry);
    const UnixSeconds now = time_of(text_at(entry, "evaluate_at"));
    const auto verified = verify(bytes, now);
    if (text_at(entry, "verdict") == "invalid") {
      EXPECT_RULE(verified, "nitro.signature");
      expect_fields(entry, *parse_document(bytes));
      continue;
    }
    ASSERT_OK(verified);
    expect_fields(entry, verified->document());
    expect_windows(entry, bytes);
    expect_appraisal(entry, *verified, now);
  }
  EXPECT_EQ(judged, 10);
}

}  // namespace
}  // namespace openpcc::nitro
