// Quotes of TPMs and event logs among a platform's files.
#include <algorithm>

#include "openpcc/attest/platform.h"
#include "tpm_forge.h"

namespace openpcc::attest {
namespace {

using appraisal::State;
using tpm::forge::Machine;
using x509::Algorithm;

std::string json_of(const tpm::Banks& banks) {
  std::string out;
  for (const auto& [pcr, value] : banks.begin()->second)
    out += (out.empty() ? "{\"" : ",\"") + std::to_string(pcr) + "\":\"" + to_hex(value) + "\"";
  return out + "}";
}

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

class PlatformTpm : public testing::Test {
 protected:
  Machine machine_{Algorithm::ecdsa_sha256};
  PlatformDemands demands_;

  PlatformTpm() { demands_.attestation_keys.insert(machine_.ak().fingerprint()); }
  std::vector<Bytes> items() const {
    return {machine_.quote(), machine_.signature(), machine_.public_area(), bytes_of(json_of(machine_.pcrs))};
  }
  Result<PlatformVerdict> judged(const std::vector<Bytes>& items) const { return verify_platform(items, tpm::forge::kNow, demands_); }
  // refused: the first finding that failed is by this rule.
  testing::AssertionResult refused(const std::vector<Bytes>& items, std::string_view rule) const {
    const auto verdict = judged(items);
    if (!verdict) return testing::AssertionFailure() << describe(verdict.error());
    const auto* refusal = appraisal::refusal(verdict->findings);
    if (refusal == nullptr || verdict->outcome == Outcome::accept) return testing::AssertionFailure() << "accepted";
    if (refusal->rule.id() != rule) return testing::AssertionFailure() << refusal->rule.id() << ": " << refusal->seen;
    return testing::AssertionSuccess();
  }
  // boot makes the machine quote what this log replays to.
  void boot(const tpm::forge::Log& log) {
    const auto parsed = tpm::EventLog::parse(log.bytes(), tpm::LogForm::tpm);
    machine_.pcrs = {{tpm::Hash::sha256, *parsed->replay(tpm::Hash::sha256)}};
    uint32_t pcrs = 0;
    for (const auto& [pcr, value] : machine_.pcrs.at(tpm::Hash::sha256)) pcrs |= 1u << pcr;
    machine_.selections = {{tpm::Hash::sha256, pcrs}};
  }
};

TEST_F(PlatformTpm, an_enrolled_key_in_any_order_of_files) {
  auto files = items();
  std::ranges::reverse(files);
  const auto verdict = judged(files);
  ASSERT_OK(verdict);
  EXPECT_EQ(verdict->outcome, Outcome::accept) << verdict->text(true);
  EXPECT_TRUE(verdict->genuine);
  EXPECT_EQ(verdict->kind, "TPM 2.0 quote, ECDSA");
  EXPECT_FALSE(verdict->window);
}

TEST_F(PlatformTpm, a_key_that_nobody_vouches_for) {
  demands_.attestation_keys.clear();
  EXPECT_TRUE(refused(items(), "tpm.ak.unlisted"));
  const auto verdict = judged(items());
  EXPECT_FALSE(verdict->genuine);
  const auto restriction = std::ranges::find(verdict->findings, appraisal::Aspect::privilege, &appraisal::Finding::aspect);
  ASSERT_NE(restriction, verdict->findings.end());
  EXPECT_EQ(restriction->state, State::not_checked);
  EXPECT_TRUE(verdict->text(false).starts_with("NOT SHOWN TO BE GENUINE: its signatures are good"));
}

TEST_F(PlatformTpm, a_chain_that_leads_to_no_root_of_ours) {
  auto files = items();
  const tpm::forge::Chain chain(machine_.key.spki());
  for (const Bytes& der : chain.ders()) files.push_back(der);
  EXPECT_TRUE(refused(files, "tpm.chain.root")) << "also of an enrolled key: what is given must be good";
}

TEST_F(PlatformTpm, each_part_must_be_there) {
  const auto without = [&](size_t which) {
    auto files = items();
    files.erase(files.begin() + static_cast<ptrdiff_t>(which));
    return files;
  };
  EXPECT_RULE(judged(without(0)), "platform.none");
  EXPECT_TRUE(refused(without(1), "tpm.signature.syntax"));
  EXPECT_TRUE(refused(without(2), "tpm.ak.syntax"));
  EXPECT_TRUE(refused(without(3), "tpm.pcrs"));
}

TEST_F(PlatformTpm, what_is_demanded_is_judged) {
  tpm::Demands::Terms terms;
  terms.nonce = machine_.nonce;
  for (const auto& [pcr, value] : machine_.pcrs.at(tpm::Hash::sha256)) terms.pcrs[pcr] = {value};
  demands_.tpm = *tpm::Demands::create(terms);
  EXPECT_EQ(judged(items())->outcome, Outcome::accept);
  terms.nonce = Bytes{1};
  demands_.tpm = *tpm::Demands::create(terms);
  EXPECT_TRUE(refused(items(), "tpm.nonce"));
}

TEST_F(PlatformTpm, forms_have_outcomes_of_their_own) {
  machine_.safe = 2;
  EXPECT_EQ(judged(items())->outcome, Outcome::malformed);
  machine_.safe = 1;
  machine_.type = 0x8017;
  EXPECT_EQ(judged(items())->outcome, Outcome::unsupported);
  machine_.type = 0x8018;
  auto files = items();
  files[1] = Machine(Algorithm::ecdsa_sha256).signature_of(machine_.quote());
  EXPECT_TRUE(refused(files, "tpm.signature"));
  EXPECT_EQ(judged(files)->outcome, Outcome::reject);
}

TEST_F(PlatformTpm, the_log_must_be_of_the_quoted_boot) {
  tpm::forge::Log log = tpm::forge::Log::boot();
  boot(log);
  auto files = items();
  files.push_back(log.bytes());
  auto verdict = judged(files);
  ASSERT_OK(verdict);
  EXPECT_EQ(verdict->outcome, Outcome::accept) << verdict->text(true);
  log.events[0].data.push_back(9);
  files.back() = log.bytes();
  EXPECT_TRUE(refused(files, "eventlog.replay"));
  files.back() = log.bytes();
  files.back().resize(files.back().size() - 3);
  EXPECT_TRUE(refused(files, "eventlog.syntax"));
}

TEST_F(PlatformTpm, what_this_evidence_has_no_use_for) {
  auto files = items();
  files.push_back(bytes_of(R"([{"imr":3,"event_type":134217729,"digest":"","event":"system-ready","event_payload":""}])"));
  EXPECT_EQ(recognise(files.back()), PlatformItem::runtime_log);
  EXPECT_RULE(judged(files), "platform.unknown_item");
  EXPECT_EQ(recognise(machine_.key.spki()), PlatformItem::tpm_key);
  machine_.attributes = 0x00040072;
  EXPECT_EQ(recognise(machine_.public_area()), PlatformItem::tpm_key) << "which is then refused for what it is";
  EXPECT_TRUE(
      refused({machine_.quote(), machine_.signature(), machine_.public_area(), bytes_of(json_of(machine_.pcrs))}, "tpm.ak.attributes"));
}

}  // namespace
}  // namespace openpcc::attest
