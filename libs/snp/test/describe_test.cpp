#include "openpcc/snp/describe.h"

#include "snp_forge.h"

namespace openpcc::snp {
namespace {

std::string meaning_of(const appraisal::Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &appraisal::Field::name);
  return found == fields.end() ? "absent" : found->meaning;
}

TEST(SnpDescribe, every_field_once_and_in_order) {
  forge::Machine machine = forge::Machine::of(Product::turin);
  machine.set(0, {5});
  const auto fields = describe(*parse_report(machine.signed_report()));
  EXPECT_EQ(fields.size(), 31u);
  EXPECT_TRUE(std::ranges::is_sorted(fields, {}, &appraisal::Field::offset));
  EXPECT_EQ(meaning_of(fields, "REPORTED_TCB"), "FMC 2, boot loader 4, TEE 1, SNP 24, microcode 219; that of the signing key");
  EXPECT_EQ(meaning_of(fields, "CPUID_FAM_ID"), "Turin");
  EXPECT_EQ(meaning_of(fields, "LAUNCH_MIT_VECTOR"), "mitigations at launch");
}

TEST(SnpDescribe, says_what_matters) {
  forge::Machine machine = forge::Machine::of(Product::milan);
  machine.set(0x0a, {0x0f});
  machine.set(0x30, {1});
  const auto fields = describe(*parse_report(machine.signed_report()));
  EXPECT_NE(meaning_of(fields, "POLICY").find("the host reads all of its memory"), std::string::npos);
  EXPECT_NE(meaning_of(fields, "POLICY").find("migration agent may take it elsewhere"), std::string::npos);
  EXPECT_NE(meaning_of(fields, "VMPL").find("paravisor"), std::string::npos);
  EXPECT_EQ(meaning_of(fields, "HOST_DATA"), "the host gave none");
}

TEST(SnpDescribe, version_2_says_nothing_of_the_cpu) {
  forge::Machine machine = forge::Machine::of(Product::milan);
  machine.set(0, {2});
  machine.set(0x188, {0, 0, 0});
  const Report report = *parse_report(machine.signed_report());
  EXPECT_EQ(meaning_of(describe(report), "CPUID_FAM_ID"), "absent");
  EXPECT_EQ(meaning_of(describe(report), "REPORTED_TCB"), "that of the signing key");
  EXPECT_EQ(meaning_of(describe(report, Product::milan), "REPORTED_TCB").substr(0, 13), "boot loader 4");
}

}  // namespace
}  // namespace openpcc::snp
