#include "openpcc/azure/runtime.h"

#include "azure_forge.h"

namespace openpcc::azure {
namespace {

namespace bj = boost::json;

Result<RuntimeData> read(const forge::Vm& vm) {
  const std::string text = vm.json_text();
  return read_runtime(as_bytes(text));
}

TEST(AzureRuntime, what_the_paravisor_says) {
  forge::Vm vm;
  vm.set_user_data(Bytes(64, 0xab));
  const auto runtime = read(vm);
  ASSERT_OK(runtime);
  EXPECT_EQ(runtime->user_data[63], 0xab);
  EXPECT_EQ(runtime->configuration.secure_boot, true);
  EXPECT_EQ(runtime->configuration.vm_unique_id, "0102-0304");
  EXPECT_EQ(to_hex(runtime->ak.spki()), to_hex(vm.tpm.key.spki()));
  vm.configuration().clear();
  EXPECT_EQ(read(vm)->configuration.secure_boot, std::nullopt);
  vm.runtime["more"] = 1;
  EXPECT_OK(read(vm));
}

TEST(AzureRuntime, json_of_another_form) {
  for (const char* text : {"", "[]", "{", "{}", "{\"keys\":[]}", "{\"keys\":[],\"vm-configuration\":{}}"}) {
    forge::Vm vm;
    vm.json = text;
    EXPECT_RULE(read(vm), "azure.runtime.syntax");
  }
  forge::Vm twice;
  twice.json = twice.json_text();
  twice.json->insert(1, "\"user-data\":\"00\",");
  EXPECT_RULE(read(twice), "azure.runtime.syntax");
  for (const bj::value& data : {bj::value(1), bj::value("00"), bj::value(std::string(130, '0')), bj::value(std::string(128, 'x'))}) {
    forge::Vm vm;
    vm.runtime["user-data"] = data;
    EXPECT_RULE(read(vm), "azure.runtime.syntax");
  }
  forge::Vm keys, key, configuration, flag, id;
  keys.runtime["keys"] = bj::object();
  key.runtime["keys"].as_array().push_back("HCLAkPub");
  configuration.runtime["vm-configuration"] = true;
  flag.configuration()["secure-boot"] = "true";
  id.configuration()["vmUniqueId"] = "\x1b[2J";
  for (const forge::Vm* vm : {&keys, &key, &configuration, &flag, &id}) EXPECT_RULE(read(*vm), "azure.runtime.syntax");
}

TEST(AzureRuntime, one_attestation_key) {
  forge::Vm none, two;
  none.key(0)["kid"] = "AkPub";
  two.runtime["keys"].as_array().push_back(two.key(0));
  EXPECT_RULE(read(none), "azure.ak.missing");
  EXPECT_RULE(read(two), "azure.ak.missing");
}

TEST(AzureRuntime, a_key_for_signing_alone) {
  const auto text = [](const std::string& value) { return bj::value(value); };
  const std::string modulus = forge::modulus_of(forge::Vm().tpm.key.spki());
  const std::pair<const char*, bj::value> wrong[] = {{"kty", "EC"},
                                                     {"key_ops", bj::array{"sign", "encrypt"}},
                                                     {"key_ops", bj::array{"encrypt"}},
                                                     {"key_ops", bj::array{}},
                                                     {"key_ops", "sign"},
                                                     {"e", "Aw"},
                                                     {"e", "AQAB="},
                                                     {"n", text(modulus + "==")},
                                                     {"n", text(modulus.substr(4))},
                                                     {"n", text("AAAA" + modulus)},
                                                     {"n", text("+" + modulus.substr(1))},
                                                     {"n", text(to_base64url(Bytes(256, 0x7f)))},
                                                     {"n", text(to_base64url(Bytes(256, 0x80)))},
                                                     {"n", 5}};
  for (const auto& [name, value] : wrong) {
    SCOPED_TRACE(std::string(name) + " " + bj::serialize(value).substr(0, 20));
    forge::Vm vm;
    vm.key(0)[name] = value;
    EXPECT_RULE(read(vm), "azure.ak.syntax");
    vm.key(0).erase(name);
    EXPECT_RULE(read(vm), "azure.ak.syntax");
  }
}

}  // namespace
}  // namespace openpcc::azure
