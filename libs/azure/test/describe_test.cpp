#include "openpcc/azure/describe.h"

#include "azure_forge.h"

namespace openpcc::azure {
namespace {

const appraisal::Field* find(const appraisal::Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &appraisal::Field::name);
  return found == fields.end() ? nullptr : &*found;
}

TEST(AzureDescribe, hardware_and_paravisor) {
  forge::Vm vm;
  vm.set_user_data(Bytes(64, 0xab));
  const Bytes bytes = vm.evidence().hcl;
  const auto fields = describe(*parse_hcl(bytes), bytes);
  EXPECT_EQ(find(fields, "SNP.MEASUREMENT")->offset, kHeaderBytes + 0x90);
  EXPECT_EQ(find(fields, "hash type")->meaning, "SHA-256");
  EXPECT_EQ(find(fields, "runtime data")->meaning, "REPORT_DATA is its hash");
  EXPECT_EQ(find(fields, "user-data")->value, to_hex(Bytes(64, 0xab)));
  EXPECT_EQ(find(fields, "secure-boot")->value, "true");
  EXPECT_EQ(find(fields, "HCLAkPub")->value, to_hex(vm.tpm.ak().fingerprint()));
}

TEST(AzureDescribe, says_what_matters) {
  forge::Vm vm(Hardware::tdx);
  vm.bind = false;
  vm.configuration().clear();
  const Bytes bytes = vm.evidence().hcl;
  const auto fields = describe(*parse_hcl(bytes), bytes);
  EXPECT_EQ(find(fields, "TD.MRTD")->value, to_hex(Bytes(48, 0x4d)));
  EXPECT_EQ(find(fields, "TD.RTMR3")->meaning, "nothing was measured into it");
  EXPECT_EQ(find(fields, "runtime data")->meaning, "REPORT_DATA is not its hash: nobody's word");
  EXPECT_EQ(find(fields, "secure-boot")->value, "not said");
  vm.json = "{}";
  const Bytes empty = vm.evidence().hcl;
  EXPECT_EQ(find(describe(*parse_hcl(empty), empty), "HCLAkPub"), nullptr);
}

}  // namespace
}  // namespace openpcc::azure
