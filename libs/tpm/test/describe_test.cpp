#include "openpcc/tpm/describe.h"

#include <algorithm>

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

std::string value_of(const appraisal::Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &appraisal::Field::name);
  return found == fields.end() ? "absent" : found->value;
}

TEST(Describe, every_byte_of_a_quote_is_in_one_field) {
  const forge::Machine machine(x509::Algorithm::ecdsa_sha256);
  const Bytes bytes = machine.quote();
  const auto fields = describe(*parse_quote(bytes), bytes);
  size_t at = 0;
  for (const auto& field : fields) {
    EXPECT_EQ(field.offset, at) << field.name;
    at += field.size;
  }
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(value_of(fields, "pcrSelect"), "sha256:0,1,2,4,7");
  EXPECT_EQ(value_of(fields, "extraData"), to_hex(machine.nonce));
}

TEST(Describe, a_key) {
  const forge::Machine machine(x509::Algorithm::ecdsa_sha256);
  EXPECT_EQ(value_of(describe(machine.ak()), "key"), to_hex(machine.ak().fingerprint()));
  EXPECT_EQ(value_of(describe(machine.ak()), "name"), to_hex(machine.ak().name()));
  EXPECT_EQ(describe(*AttestationKey::from_spki(machine.key.spki())).size(), 1u);
}

TEST(Describe, a_log_says_what_is_covered) {
  forge::Log made = forge::Log::boot();
  made.events.push_back({9, EventType::ipl, Bytes(200, 7), Bytes{1}});
  made.events.push_back({9, static_cast<EventType>(0x1234), {}, Bytes{1}});
  const auto log = EventLog::parse(made.bytes(), LogForm::tpm);
  const auto fields = describe(*log);
  EXPECT_EQ(value_of(fields, "PCR 7 EV_EFI_VARIABLE_DRIVER_CONFIG"), "covered: SecureBoot = 01");
  EXPECT_EQ(value_of(fields, "PCR 5 EV_EFI_ACTION"), "covered: Exit Boot Services Invocation");
  EXPECT_EQ(value_of(fields, "PCR 8 EV_IPL"), "text covered: g: q");
  EXPECT_TRUE(value_of(fields, "PCR 9 EV_IPL").starts_with("not covered: 0707"));
  EXPECT_EQ(value_of(fields, "PCR 9 0x00001234"), "not covered: ");
  EXPECT_EQ(value_of(fields, "sha256 PCR 4"), to_hex(log->replay(Hash::sha256)->at(4)));
  const auto td = describe(*EventLog::parse(forge::Log::td().bytes(), LogForm::ccel));
  EXPECT_EQ(value_of(td, "RTMR0 EV_SEPARATOR"), "covered: 00000000");
}

TEST(Describe, each_type_has_its_name) {
  for (const uint32_t type :
       {0x01u,       0x03u,       0x04u,       0x05u,       0x06u,       0x07u,       0x08u,       0x09u,       0x0au,       0x0cu,
        0x0du,       0x0fu,       0x10u,       0x11u,       0x80000001u, 0x80000002u, 0x80000003u, 0x80000004u, 0x80000005u, 0x80000006u,
        0x80000007u, 0x80000008u, 0x80000009u, 0x8000000au, 0x8000000bu, 0x8000000cu, 0x80000010u, 0x800000e0u}) {
    EXPECT_TRUE(name_of(static_cast<EventType>(type)).starts_with("EV_")) << type;
  }
}

}  // namespace
}  // namespace openpcc::tpm
