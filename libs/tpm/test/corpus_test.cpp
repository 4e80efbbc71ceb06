// The shared samples, each judged as the corpus expects.
#include <algorithm>

#include "openpcc/core/calendar.h"
#include "openpcc/testkit/json.h"
#include "openpcc/tpm/appraise.h"
#include "openpcc/tpm/boot.h"
#include "openpcc/tpm/runtime_log.h"
#include "openpcc/tpm/transport.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

namespace bj = boost::json;
using testkit::text_at;

constexpr std::string_view kExpected = "evidence/EXPECTED.json";

Bytes file(std::string_view name) { return testkit::read_file(*testkit::shared_file("evidence/" + std::string(name))); }

std::vector<bj::value> of_kind(std::string_view kind) {
  std::vector<bj::value> out;
  const bj::value all = testkit::read_json(*testkit::shared_file(kExpected));
  for (const bj::value& one : all.as_array()) {
    if (text_at(one, "kind") == kind) out.push_back(one);
  }
  return out;
}

Bytes only_file(const bj::value& sample) { return file(sample.at("files").at(0).as_string()); }

// rtmrs_of reads RTMR0 to RTMR3 out of a quote of version 4.
Quoted rtmrs_of(ByteSpan quote) {
  std::array<std::array<uint8_t, 48>, 4> out{};
  for (size_t i = 0; i < 4; ++i) std::ranges::copy(quote.subspan(48 + 328 + 48 * i, 48), out[i].begin());
  return of_rtmrs(out);
}

class Corpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::shared_file(kExpected)) GTEST_SKIP() << "SHARED VECTORS ABSENT: " << kExpected << " is not checked";
  }
};

TEST_F(Corpus, event_logs_replay_to_what_is_expected) {
  size_t replayed = 0;
  for (const bj::value& sample : of_kind("tpm-eventlog")) {
    SCOPED_TRACE(text_at(sample, "id"));
    const Bytes bytes = only_file(sample);
    EXPECT_TRUE(looks_like_log(bytes));
    const auto log = EventLog::parse(bytes, LogForm::tpm);
    ASSERT_OK(log);
    if (sample.at("verdict") != "replayable") continue;
    ++replayed;
    const bj::value& parsed = sample.at("parsed");
    EXPECT_EQ(log->events().size(), testkit::int_at(parsed, "events"));
    ASSERT_EQ(log->algorithms().size(), parsed.at("banks").as_array().size());
    for (const auto& [name, pcrs] : parsed.at("pcrs").as_object()) {
      const auto values = log->replay(*hash_named(name));
      ASSERT_OK(values);
      Bank expected;
      for (const auto& [index, value] : pcrs.as_object())
        expected[static_cast<uint8_t>(std::stoi(std::string(index)))] = testkit::hex(value.as_string());
      EXPECT_EQ(*values, expected) << name;
    }
  }
  EXPECT_EQ(replayed, 18u);
}

TEST_F(Corpus, logs_of_tds) {
  size_t quoted = 0, samples = 0;
  for (const bj::value& sample : of_kind("tdx-ccel")) {
    SCOPED_TRACE(text_at(sample, "id"));
    ++samples;
    const Bytes bytes = only_file(sample);
    EXPECT_EQ(form_of(bytes), LogForm::ccel);
    const auto log = EventLog::parse(bytes, LogForm::ccel);
    ASSERT_OK(log);
    EXPECT_EQ(log->events().size(), testkit::int_at(sample.at("parsed"), "events"));
    const auto values = log->replay(Hash::sha384);
    ASSERT_OK(values);
    for (const auto& [name, value] : sample.at("parsed").at("replayed").as_object()) {
      const auto index = static_cast<uint8_t>(name[4] - '0' + 1);
      EXPECT_EQ(to_hex(values->at(index)), std::string_view(value.as_string())) << name;
    }
    if (sample.at("files").as_array().size() < 2) continue;
    ++quoted;
    const auto findings = appraise_log(*log, rtmrs_of(file(sample.at("files").at(1).as_string())));
    const auto* refusal = appraisal::refusal(findings);
    if (sample.at("verdict") == "valid") {
      EXPECT_EQ(refusal, nullptr) << refusal->rule.id() << refusal->seen;
    } else {
      ASSERT_NE(refusal, nullptr);
      EXPECT_EQ(refusal->rule.id(), "eventlog.replay");
      EXPECT_TRUE(refusal->seen.starts_with("RTMR2 ")) << refusal->seen;
    }
  }
  EXPECT_EQ(samples, 9u);
  EXPECT_EQ(quoted, 3u);
}

TEST_F(Corpus, runtime_logs) {
  size_t samples = 0;
  for (const bj::value& sample : of_kind("tdx-runtime-log")) {
    SCOPED_TRACE(text_at(sample, "id"));
    ++samples;
    const Bytes bytes = only_file(sample);
    EXPECT_TRUE(looks_like_runtime_log(bytes));
    const auto log = RuntimeLog::parse(bytes);
    ASSERT_OK(log);
    EXPECT_EQ(appraisal::refusal(appraise_runtime_log(*log, rtmrs_of(file(sample.at("files").at(1).as_string())))), nullptr);
    std::vector<const RuntimeEvent*> seen;
    for (const RuntimeEvent& event : log->events()) {
      if (event.rtmr == 3) seen.push_back(&event);
    }
    const bj::array& expected = sample.at("parsed").at("rtmr3_events").as_array();
    ASSERT_EQ(seen.size(), expected.size());
    for (size_t i = 0; i < seen.size(); ++i) {
      EXPECT_EQ(seen[i]->name, std::string_view(expected[i].at(0).as_string()));
      // Long payloads are shortened in what is expected.
      EXPECT_TRUE(to_hex(seen[i]->payload).starts_with(std::string_view(expected[i].at(1).as_string())));
    }
    EXPECT_EQ(to_hex(*log->payload("compose-hash")), std::string_view(expected[2].at(1).as_string()));
  }
  EXPECT_EQ(samples, 2u);
}

TEST_F(Corpus, a_quote_of_google_with_its_certificate_and_log) {
  const std::string folder = "tpm/quotes/gce-cos-85-no-nonce/";
  const auto key = AttestationKey::from_public(file(folder + "ak_pub.tpmt"));
  ASSERT_OK(key);
  const auto log = EventLog::parse(file(folder + "eventlog.bin"), LogForm::tpm);
  ASSERT_OK(log);
  for (const Hash bank : {Hash::sha1, Hash::sha256, Hash::sha384}) {
    const std::string name(to_string(bank));
    SCOPED_TRACE(name);
    const auto values = parse_values(file(folder + "pcrs_" + name + ".json"));
    ASSERT_OK(values);
    const auto verification = verify(file(folder + "quote_" + name + ".msg"), file(folder + "quote_" + name + ".sig"), *key, *values);
    ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
    const auto said = appraise(*verification.verified, nullptr);
    ASSERT_NE(appraisal::refusal(said), nullptr) << "it answers no question";
    EXPECT_EQ(appraisal::refusal(said)->rule.id(), "tpm.nonce");
    const auto findings = appraise_log(*log, {bank, verification.verified->values().at(bank)});
    EXPECT_EQ(appraisal::refusal(findings), nullptr) << appraisal::refusal(findings)->seen;
  }
}

TEST_F(Corpus, quotes_under_bare_keys) {
  const std::string folder = "tpm/quotes/trustee-swtpm/";
  const auto key = AttestationKey::from_spki(file(folder + "ak_pub.spki.der"));
  ASSERT_OK(key);
  const auto values = parse_values(file(folder + "pcrs.json"));
  ASSERT_OK(values);
  const auto verification = verify(file(folder + "quote.msg"), file(folder + "quote.sig"), *key, *values);
  ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
  const Quote& quote = verification.verified->quote();
  EXPECT_EQ(quote.clock.reset_count, 2u);
  EXPECT_EQ(quote.clock.milliseconds, 1'913'548'331u);
  EXPECT_TRUE(to_hex(quote.extra_data).starts_with("a04182b506878d4f"));
  const auto only = parse_quote(file("tpm/quotes/dstack-parse-only/quote.msg"));
  ASSERT_OK(only);
  EXPECT_EQ(text_of(only->selections), "sha256:0,1,2");
  EXPECT_EQ(to_hex(only->pcr_digest), "d8de2be2e8a319cddf3d1ce1a310f45e30fd335255278e4fcbd59a5f58887648");
}

TEST_F(Corpus, a_package_of_the_azure_tooling) {
  const auto key = AttestationKey::read(file("azure/kinvolk/akpub.pem"));
  ASSERT_OK(key);
  auto package = parse_package(file("azure/kinvolk/quote.bin"));
  ASSERT_OK(package);
  const auto verification = verify(package->quote, package->signature, *key, package->values);
  ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
  EXPECT_EQ(as_text(verification.verified->quote().extra_data), "challenge");
  std::ranges::reverse(package->signature.value);
  EXPECT_TRUE(forge::refused(verify(package->quote, package->signature, *key, package->values), "tpm.signature"));
}

}  // namespace
}  // namespace openpcc::tpm
