#include "openpcc/tpm/runtime_log.h"

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using testkit::hex;

std::string event(std::string_view name, std::string_view payload = "", std::string_view digest = "", int rtmr = 3,
                  uint32_t type = 0x08000001) {
  return R"({"imr":)" + std::to_string(rtmr) + R"(,"event_type":)" + std::to_string(type) + R"(,"digest":")" + std::string(digest) +
         R"(","event":")" + std::string(name) + R"(","event_payload":")" + std::string(payload) + R"("})";
}

Result<RuntimeLog> parsed(std::initializer_list<std::string> events) {
  std::string out;
  for (const std::string& one : events) out += (out.empty() ? "[" : ",") + one;
  return RuntimeLog::parse(as_bytes(out.empty() ? "[]" : out + "]"));
}

const std::string kReady = event("system-ready");
const std::string kDigest(96, 'a');

TEST(RuntimeLog, digests_are_computed) {
  const Bytes computed = digest(Hash::sha384, concat({hex("01000008"), as_bytes(":app-id:"), hex("0102")}));
  const auto log = parsed({event("app-id", "0102"), kReady});
  ASSERT_OK(log);
  EXPECT_EQ(log->events()[0].digest, computed);
  EXPECT_OK(parsed({event("app-id", "0102", to_hex(computed)), kReady}));
  EXPECT_RULE(parsed({event("app-id", "0102", kDigest), kReady}), "eventlog.runtime.digest");
  const auto payload = log->payload("app-id");
  ASSERT_OK(payload);
  EXPECT_EQ(to_hex(*payload), "0102");
}

TEST(RuntimeLog, replays_each_register) {
  const auto log = parsed({event("", "", kDigest, 0, 4), event("", "00", kDigest, 1, 4), kReady});
  ASSERT_OK(log);
  const Bytes once = extended(Hash::sha384, Bytes(48), Bytes(48, 0xaa));
  const Bank replayed = log->replay();
  EXPECT_EQ(replayed.at(1), once);
  EXPECT_EQ(replayed.at(2), once);
  EXPECT_EQ(replayed.at(3), Bytes(48));
  EXPECT_EQ(replayed.at(4), extended(Hash::sha384, Bytes(48), log->events()[2].digest));
}

TEST(RuntimeLog, what_the_workload_adds_is_not_the_systems_word) {
  const auto log = parsed({event("app-id", "01"), kReady, event("app-id", "02"), event("compose-hash", "03")});
  ASSERT_OK(log);
  EXPECT_EQ(to_hex(*log->payload("app-id")), "01");
  EXPECT_RULE(log->payload("compose-hash"), "eventlog.runtime.late");
  EXPECT_RULE(log->payload("key-provider"), "eventlog.runtime.missing");
}

TEST(RuntimeLog, names_are_unique_up_to_the_marker) {
  EXPECT_RULE(parsed({event("app-id", "01"), event("app-id", "01"), kReady}), "eventlog.runtime.duplicate");
  EXPECT_RULE(parsed({event("app-id", "01"), kReady, kReady}), "eventlog.runtime.duplicate");
  EXPECT_OK(parsed({kReady, event("x", "01"), event("x", "02")}));
  EXPECT_RULE(parsed({event("app-id", "01")}), "eventlog.runtime.missing");
  EXPECT_RULE(parsed({event("system-ready", "", kDigest, 2)}), "eventlog.runtime.missing") << "a marker in another register";
}

// type ":" name ":" payload has one reading only where no name has a colon.
TEST(RuntimeLog, a_name_cannot_reach_into_the_payload) {
  EXPECT_RULE(parsed({event("app-id:x", "01"), kReady}), "eventlog.runtime.syntax");
  EXPECT_RULE(parsed({event("", "01"), kReady}), "eventlog.runtime.syntax");
}

TEST(RuntimeLog, each_form_that_is_none) {
  constexpr std::string_view kRule = "eventlog.runtime.syntax";
  EXPECT_RULE(RuntimeLog::parse(as_bytes("{}")), kRule);
  EXPECT_RULE(RuntimeLog::parse(as_bytes("[1]")), kRule);
  EXPECT_RULE(RuntimeLog::parse(as_bytes("[")), kRule);
  EXPECT_RULE(parsed({event("x", "", "", 4), kReady}), kRule);
  EXPECT_RULE(parsed({event("x", "0", "", 3), kReady}), kRule);
  EXPECT_RULE(parsed({event("x", "", "aa", 0), kReady}), kRule);
  EXPECT_RULE(parsed({event("x", "", "", 0), kReady}), kRule) << "a digest that nothing computes";
  EXPECT_RULE(parsed({event("x", "", "", 3, 4), kReady}), kRule);
  EXPECT_RULE(parsed({event(std::string(kRuntimeNameBytesMax + 1, 'x')), kReady}), kRule);
  EXPECT_RULE(RuntimeLog::parse(Bytes(kLogBytesMax + 1, ' ')), "eventlog.size");
  std::string many = "[";
  for (size_t i = 0; i <= kEventsMax; ++i) many += (i == 0 ? "" : ",") + std::string("1");
  EXPECT_RULE(RuntimeLog::parse(as_bytes(many + "]")), "eventlog.size");
}

TEST(RuntimeLog, is_of_the_quoted_boot_or_not) {
  const auto log = parsed({event("app-id", "01"), kReady, event("workload", "02")});
  ASSERT_OK(log);
  Quoted quoted{Hash::sha384, log->replay()};
  const auto findings = appraise_runtime_log(*log, quoted);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].state, appraisal::State::passed);
  EXPECT_NE(findings[0].seen.find("app-id 01"), std::string::npos);
  EXPECT_EQ(findings[0].seen.find("workload"), std::string::npos);
  for (const uint8_t index : {uint8_t{1}, uint8_t{4}}) {
    Quoted other = quoted;
    other.values[index][0] ^= 1;
    const auto refused = appraise_runtime_log(*log, other);
    ASSERT_NE(appraisal::refusal(refused), nullptr);
    EXPECT_EQ(appraisal::refusal(refused)->rule.id(), "eventlog.replay");
    other.values.erase(index);
    EXPECT_NE(appraisal::refusal(appraise_runtime_log(*log, other)), nullptr);
  }
}

TEST(RuntimeLog, files_are_told_apart) {
  EXPECT_TRUE(looks_like_runtime_log(as_bytes("[" + kReady + "]")));
  EXPECT_FALSE(looks_like_runtime_log(as_bytes(kReady)));
  EXPECT_FALSE(looks_like_runtime_log(as_bytes("[]")));
}

}  // namespace
}  // namespace openpcc::tpm
