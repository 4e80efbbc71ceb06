// Mistakes that verifiers of TPM evidence are known to have made, each by its name.
#include <algorithm>

#include "openpcc/tpm/appraise.h"
#include "openpcc/tpm/boot.h"
#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Log;
using forge::Machine;
using forge::refused;
using x509::Algorithm;

Demands demands_for(const Machine& machine, std::initializer_list<uint8_t> pcrs) {
  Demands::Terms terms;
  terms.nonce = machine.nonce;
  for (const uint8_t pcr : pcrs) terms.pcrs[pcr] = {Bytes(32, static_cast<uint8_t>(0xa0 + pcr))};
  return *Demands::create(std::move(terms));
}

// attestation-rs #69: PCR 8 was taken from a list of values although the quote covers PCR 0 to 7 alone.
TEST(Known, a_value_outside_the_signed_selection) {
  Machine machine(Algorithm::ecdsa_sha256);
  machine.pcrs = forge::values(Hash::sha256, {0, 1, 2, 3, 4, 5, 6, 7});
  machine.selections = {{Hash::sha256, 0xff}};
  const Bytes quote = machine.quote(), signature = machine.signature_of(quote);
  Banks more = machine.pcrs;
  more[Hash::sha256][8] = Bytes(32, 0xa8);
  EXPECT_TRUE(refused(verify(quote, signature, machine.ak(), more), "tpm.pcrs"));
  // Nor does it help to leave it out: what is demanded of PCR 8 is not met.
  const auto verification = verify(quote, signature, machine.ak(), machine.pcrs);
  ASSERT_TRUE(verification.verified);
  EXPECT_EQ(verification.verified->value(Hash::sha256, 8), nullptr);
  const Demands demands = demands_for(machine, {0, 8});
  EXPECT_TRUE(refused(appraise(*verification.verified, &demands), "tpm.selection.unexpected"));
  // And a log's events of PCR 8 are told to be nobody's word.
  const auto log = EventLog::parse(Log::boot().bytes(), LogForm::tpm);
  Quoted quoted{Hash::sha256, *log->replay(Hash::sha256)};
  quoted.values.erase(8);
  const auto findings = appraise_log(*log, quoted);
  EXPECT_TRUE(std::ranges::any_of(findings, [](const auto& finding) {
    return finding.state == appraisal::State::not_checked && finding.seen.contains("PCR 8, which were not quoted");
  }));
}

// CVE-2024-29038: the magic number was not looked at, so that an unrestricted key could sign a structure of the attacker's own.
TEST(Known, a_structure_that_no_tpm_made) {
  Machine machine(Algorithm::ecdsa_sha256);
  machine.magic = 0xff544348;
  const auto key = AttestationKey::from_spki(machine.key.spki());
  EXPECT_TRUE(refused(verify(machine.quote(), machine.signature(), *key, machine.pcrs), "tpm.magic"));
  machine = Machine(Algorithm::ecdsa_sha256);
  machine.attributes &= ~(1u << 16);
  EXPECT_RULE(AttestationKey::from_public(machine.public_area()), "tpm.ak.attributes");
}

// CVE-2024-29039: the selection in the quote was not compared with the one that was asked for.
TEST(Known, another_bank_than_was_asked_for) {
  Machine machine(Algorithm::ecdsa_sha256);
  machine.selections = {{Hash::sha1, 0x97}};
  machine.pcrs = forge::values(Hash::sha1, {0, 1, 2, 4, 7});
  const Demands demands = demands_for(machine, {0, 1, 2, 4, 7});
  EXPECT_TRUE(refused(appraise(*machine.verify().verified, &demands), "tpm.selection.unexpected"));
}

// CVE-2022-0317: values and log were believed although the quote covered other PCRs, and event types although nothing covers them.
TEST(Known, a_type_that_was_changed) {
  const auto folder = testkit::shared_file("evidence/tpm/eventlogs");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  Bytes bytes = testkit::read_file(*folder / "ubuntu-2404-amd-sevsnp.bin");
  const auto genuine = EventLog::parse(bytes, LogForm::tpm);
  ASSERT_OK(genuine);
  EXPECT_EQ(secure_boot(*genuine), false);
  const Quoted quoted{Hash::sha256, *genuine->replay(Hash::sha256)};
  const auto setting = std::ranges::find_if(
      genuine->events(), [](const Event& event) { return event.index == 7 && event.type == EventType::efi_variable_driver_config; });
  ASSERT_NE(setting, genuine->events().end());
  bytes[setting->offset + 4] = 0x0d;  // EV_IPL, which those who read settings pass over
  bytes[setting->offset + 7] = 0;
  const auto tampered = EventLog::parse(bytes, LogForm::tpm);
  ASSERT_OK(tampered);
  EXPECT_EQ(*tampered->replay(Hash::sha256), quoted.values) << "the replay cannot see it";
  EXPECT_EQ(secure_boot(*tampered), false) << "and nothing rests on the type";
  // The other way round: an event becomes a setting by its type, and its data was not measured.
  bytes = testkit::read_file(*folder / "ubuntu-2404-amd-sevsnp.bin");
  const auto application = std::ranges::find(genuine->events(), EventType::efi_boot_services_application, &Event::type);
  bytes[application->offset + 4] = 0x01;
  const auto invented = EventLog::parse(bytes, LogForm::tpm);
  ASSERT_OK(invented);
  EXPECT_TRUE(refused(appraise_log(*invented, quoted), "eventlog.digest"));
  // And data under its right type: the digest is still that of what was measured.
  bytes = testkit::read_file(*folder / "ubuntu-2404-amd-sevsnp.bin");
  bytes[static_cast<size_t>(setting->data.data() - genuine->events().front().data.data()) +
        static_cast<size_t>(std::ranges::search(bytes, genuine->events().front().data).begin() - bytes.begin()) + setting->data.size() -
        1] ^= 1;
  const auto switched = EventLog::parse(bytes, LogForm::tpm);
  ASSERT_OK(switched);
  EXPECT_EQ(secure_boot(*switched), std::nullopt);
  EXPECT_TRUE(refused(appraise_log(*switched, quoted), "eventlog.digest"));
}

// safeboot #53 and #36: wrong PCRs passed all tests, and the key's attributes were not looked at.
TEST(Known, other_values_than_the_reference) {
  Machine machine(Algorithm::ecdsa_sha256);
  const Demands demands = demands_for(machine, {0, 1, 2, 4, 7});
  machine.pcrs[Hash::sha256][4] = Bytes(32, 1);
  const auto verification = machine.verify();
  ASSERT_TRUE(verification.verified) << "the TPM quoted what it holds";
  EXPECT_TRUE(refused(appraise(*verification.verified, &demands), "tpm.pcr"));
}

// dstack #1267: selections were taken apart before the signature, however many there were.
TEST(Known, the_same_bank_a_thousand_times) {
  Machine machine(Algorithm::ecdsa_sha256);
  for (const size_t times : {2u, 17u, 1000u}) {
    ByteWriter raw;
    raw.u32(static_cast<uint32_t>(times));
    for (size_t i = 0; i < std::min<size_t>(times, 100); ++i) raw.u16(0x000b).u8(3).u8(0x97).u8(0).u8(0);
    machine.raw_selections = raw.take();
    EXPECT_RULE(parse_quote(machine.quote()), times == 2 ? "tpm.selection.duplicate" : "tpm.selection");
  }
}

// canonical/tdx #418: a CCEL may have several events that measure nothing, some of register -1.
TEST(Known, events_of_register_minus_one) {
  Log log = Log::td();
  const auto plain = EventLog::parse(log.bytes(), LogForm::ccel);
  for (const uint32_t index : {0u, 0xffffffffu, 7u})
    log.events.insert(log.events.begin() + 1, {index, EventType::no_action, Bytes(20, 1), {}});
  const auto parsed = EventLog::parse(log.bytes(), LogForm::ccel);
  ASSERT_OK(parsed);
  EXPECT_EQ(*parsed->replay(Hash::sha384), *plain->replay(Hash::sha384));
}

}  // namespace
}  // namespace openpcc::tpm
