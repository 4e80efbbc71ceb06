#include "openpcc/tpm/boot.h"

#include <algorithm>

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using appraisal::State;
using forge::Log;
using testkit::refused;

EventLog parsed(const Log& log, LogForm form = LogForm::tpm) {
  auto out = EventLog::parse(log.bytes(), form);
  OPENPCC_CHECK(out.has_value());
  return std::move(*out);
}

// quoted is what a machine that booted like this would quote: all PCRs.
Quoted quoted(const EventLog& log, Hash bank = Hash::sha256) {
  Quoted out{bank, *log.replay(bank)};
  const uint8_t count = log.form() == LogForm::tpm ? kPcrs : 5;
  for (uint8_t index = log.form() == LogForm::tpm ? 0 : 1; index < count; ++index) out.values.try_emplace(index, Bytes(digest_bytes(bank)));
  return out;
}

testing::AssertionResult good(const appraisal::Findings& findings) {
  const auto* refusal = appraisal::refusal(findings);
  if (refusal == nullptr) return testing::AssertionSuccess();
  return testing::AssertionFailure() << refusal->rule.id() << ": " << refusal->seen;
}

std::string told(const appraisal::Findings& findings, State state) {
  std::string out;
  for (const auto& finding : findings) {
    if (finding.state == state) out += std::string(finding.rule.id()) + " " + finding.seen + "\n";
  }
  return out;
}

class BootTest : public testing::Test {
 protected:
  Log boot_ = Log::boot();
  Log td_ = Log::td();

  appraisal::Findings of_boot() const {
    const EventLog log = parsed(boot_);
    return appraise_log(log, quoted(log));
  }
  appraisal::Findings of_td() const {
    const EventLog log = parsed(td_, LogForm::ccel);
    return appraise_log(log, quoted(log, Hash::sha384));
  }
  forge::LogEvent& event(EventType type, uint32_t index) {
    const auto found = std::ranges::find_if(boot_.events, [&](const auto& e) { return e.type == type && e.index == index; });
    OPENPCC_CHECK(found != boot_.events.end());
    return *found;
  }
};

TEST_F(BootTest, as_it_should_be) {
  EXPECT_TRUE(good(of_boot()));
  EXPECT_TRUE(good(of_td()));
  EXPECT_NE(told(of_boot(), State::passed).find("PCR 0, PCR 1"), std::string::npos);
  EXPECT_NE(told(of_boot(), State::not_checked).find("secure boot is on"), std::string::npos);
  EXPECT_NE(told(of_td(), State::passed).find("RTMR0, RTMR1, RTMR2"), std::string::npos);
  EXPECT_NE(told(of_td(), State::not_checked).find("secure boot is off"), std::string::npos);
}

TEST_F(BootTest, another_boots_log) {
  const EventLog log = parsed(boot_);
  Quoted other = quoted(log);
  other.values[4][0] ^= 1;
  EXPECT_TRUE(refused(appraise_log(log, other), "eventlog.replay"));
  other = quoted(log);
  other.bank = Hash::sha384;
  EXPECT_TRUE(refused(appraise_log(log, other), "eventlog.bank"));
  other = quoted(log);
  other.values = {};
  EXPECT_TRUE(refused(appraise_log(log, other), "eventlog.replay"));
}

TEST_F(BootTest, a_firmware_register_without_events_must_be_untouched) {
  std::erase_if(boot_.events, [](const auto& e) { return e.index == 3; });
  const EventLog log = parsed(boot_);
  Quoted values = quoted(log);
  values.values[3] = Bytes(32, 1);
  EXPECT_TRUE(refused(appraise_log(log, values), "eventlog.replay")) << "events of PCR 3 were left out of the log";
}

// The PCRs beyond the firmware's may be extended after the log's end, and those that were not quoted are nobody's word.
TEST_F(BootTest, what_is_not_in_the_log_or_not_quoted_is_told) {
  const EventLog log = parsed(boot_);
  Quoted values = quoted(log);
  values.values[10] = Bytes(32, 1);
  values.values[17] = Bytes(32, 0xff);
  values.values.erase(8);
  const auto findings = appraise_log(log, values);
  EXPECT_TRUE(good(findings));
  EXPECT_NE(told(findings, State::not_checked).find("events of PCR 8, which were not quoted"), std::string::npos);
  EXPECT_NE(told(findings, State::not_checked).find("PCR 10 were extended"), std::string::npos);
  EXPECT_EQ(told(findings, State::not_checked).find("PCR 17"), std::string::npos);
}

TEST_F(BootTest, data_that_was_not_measured) {
  event(EventType::efi_action, 5).measured = Bytes{1};
  EXPECT_TRUE(refused(of_boot(), "eventlog.digest"));
}

TEST_F(BootTest, separators) {
  boot_.events.push_back(forge::separator(3));
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator")) << "two";
  boot_ = Log::boot();
  event(EventType::separator, 3).data = {1, 0, 0, 0};
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator")) << "an error";
  boot_ = Log::boot();
  event(EventType::separator, 3).data = Bytes(4, 0xff);
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator"));
  boot_ = Log::boot();
  std::erase_if(boot_.events, [](const auto& e) { return e.index == 7 && e.type == EventType::separator; });
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator")) << "none";
  std::erase_if(td_.events, [](const auto& e) { return e.index == 2 && e.type == EventType::separator; });
  td_.events.push_back(forge::separator(3));
  EXPECT_TRUE(refused(of_td(), "eventlog.separator")) << "RTMR2 is not the firmware's";
}

TEST_F(BootTest, a_separator_under_another_type_is_still_one) {
  boot_.events.push_back({3, EventType::ipl, Bytes(4), {}});
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator"));
  boot_.events.back() = {3, EventType::ipl, Bytes{'x'}, Bytes(4)};
  EXPECT_TRUE(refused(of_boot(), "eventlog.separator")) << "whatever data stands beside the digest";
  boot_ = Log::boot();
  event(EventType::separator, 3).type = EventType::compact_hash;
  EXPECT_TRUE(good(of_boot())) << "the type is nobody's word";
  boot_.events.push_back({5, EventType::ipl, {}, Bytes{'E'}});
  EXPECT_TRUE(good(of_boot()));
  boot_.events.push_back(forge::action(5, "Exit Boot Services Invocation"));
  boot_.events.back().type = EventType::ipl;
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services"));
}

TEST_F(BootTest, the_end_of_the_boot) {
  const auto is_exit = [](const forge::LogEvent& e) { return e.type == EventType::efi_action; };
  std::erase_if(boot_.events, is_exit);
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services")) << "never";
  boot_ = Log::boot();
  boot_.events.push_back(forge::action(5, "Exit Boot Services Returned with Success"));
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services")) << "twice";
  boot_ = Log::boot();
  std::swap(boot_.events[boot_.events.size() - 1], boot_.events[boot_.events.size() - 2]);
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services")) << "in another order";
  boot_ = Log::boot();
  for (auto& e : boot_.events) e.index = is_exit(e) ? 4 : e.index;
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services")) << "in another register";
  boot_ = Log::boot();
  std::vector<forge::LogEvent> turned;
  for (const bool exits : {true, false}) {
    std::ranges::copy_if(boot_.events, std::back_inserter(turned), [&](const auto& e) { return is_exit(e) == exits; });
  }
  boot_.events = std::move(turned);
  EXPECT_TRUE(refused(of_boot(), "eventlog.boot_services")) << "before the separators";
  boot_ = Log::boot();
  boot_.events.insert(boot_.events.end() - 2, forge::action(5, "Exit Boot Services Returned with Failure"));
  EXPECT_TRUE(good(of_boot())) << "a call that failed was tried again";
}

TEST_F(BootTest, firmware_that_goes_on_after_its_separator) {
  for (const EventType type : {EventType::s_crtm_version, EventType::s_crtm_contents, EventType::efi_platform_firmware_blob,
                               EventType::efi_platform_firmware_blob2, EventType::efi_variable_driver_config}) {
    boot_ = Log::boot();
    boot_.events.push_back({1, type, {1}, {}});
    EXPECT_TRUE(refused(of_boot(), "eventlog.late")) << name_of(type);
  }
  boot_ = Log::boot();
  boot_.events.push_back({9, EventType::efi_variable_driver_config, {1}, {}});
  EXPECT_TRUE(good(of_boot())) << "no register of the firmware";
}

TEST_F(BootTest, secure_boot_rests_on_digests_alone) {
  EXPECT_EQ(secure_boot(parsed(boot_)), true);
  // The type is not measured: whatever it says, the variable is what it is.
  event(EventType::efi_variable_driver_config, 7).type = static_cast<EventType>(0x99);
  EXPECT_EQ(secure_boot(parsed(boot_)), true);
  // Data that was not measured says nothing, under whichever type.
  boot_.events[2].measured = Bytes{1};
  EXPECT_EQ(secure_boot(parsed(boot_)), std::nullopt);
  boot_ = Log::boot();
  boot_.events.push_back(forge::variable(7, EventType::efi_variable_driver_config, "SecureBoot", Bytes{0}));
  EXPECT_EQ(secure_boot(parsed(boot_)), std::nullopt) << "which of the two";
  boot_ = Log::boot();
  boot_.events[2] = forge::variable(7, EventType::efi_variable_driver_config, "SecureBoot", Bytes{1}, false);
  EXPECT_EQ(secure_boot(parsed(boot_)), std::nullopt) << "another vendor's variable";
  boot_.events[2] = forge::variable(1, EventType::efi_variable_driver_config, "SecureBoot", Bytes{1});
  EXPECT_EQ(secure_boot(parsed(boot_)), std::nullopt) << "another register";
  boot_.events[2] = forge::variable(7, EventType::efi_variable_driver_config, "SecureBoot", Bytes{1, 1});
  EXPECT_EQ(secure_boot(parsed(boot_)), std::nullopt);
}

TEST_F(BootTest, rtmrs_stand_one_further_in_the_log) {
  std::array<std::array<uint8_t, 48>, 4> rtmrs{};
  for (uint8_t i = 0; i < 4; ++i) rtmrs[i].fill(i);
  const Quoted values = of_rtmrs(rtmrs);
  EXPECT_EQ(values.bank, Hash::sha384);
  EXPECT_EQ(values.values.at(4), Bytes(48, 3));
  EXPECT_FALSE(values.values.contains(0));
}

}  // namespace
}  // namespace openpcc::tpm
