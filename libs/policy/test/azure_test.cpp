#include "../src/hardware.h"
#include "openpcc/policy/policy.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::policy {
namespace {

constexpr std::string_view kParavisor = "0101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101a1";

std::string table(std::string_view pcrs, std::string_view more = "secure_boot = true\n") {
  return "[azure]\nparavisors = [\"" + std::string(kParavisor) + "\"]\npcrs = \"" + std::string(pcrs) + "\"\n" + std::string(more);
}

Result<std::optional<AzureRequirements>> read(const std::string& text) {
  OPENPCC_LET(TomlReader top, TomlReader::parse(text));
  return read_azure(top);
}

TEST(PolicyAzure, the_table) {
  const auto azure = read(table("0,4,7,23"));
  ASSERT_OK(azure);
  ASSERT_TRUE(*azure);
  EXPECT_EQ((*azure)->pcrs, 0x800091u);
  EXPECT_EQ((*azure)->paravisors.size(), 1u);
  EXPECT_TRUE((*azure)->secure_boot && !(*azure)->no_console);
  EXPECT_TRUE((*read(table("4", "secure_boot = true\nno_console = true\n")))->no_console);
  const auto absent = read("x = 1\n");
  ASSERT_OK(absent);
  EXPECT_FALSE(*absent);
}

TEST(PolicyAzure, nothing_is_left_to_chance) {
  for (const char* pcrs : {"", "24", "7,4", "4,4", "4,", ",4", "4 ,7", "04,x", "-1"}) EXPECT_RULE(read(table(pcrs)), "policy.parse.value");
  EXPECT_RULE(read(table("4", "")), "policy.parse.missing");
  EXPECT_RULE(read(table("4", "secure_boot = true\nconsole = false\n")), "policy.parse.unknown_key");
  EXPECT_RULE(read(table("16,23")), "policy.parse.value") << "a guest sets both as it likes";
  EXPECT_RULE(read("[azure]\nparavisors = []\npcrs = \"4\"\nsecure_boot = true\n"), "policy.parse.empty_list");
  EXPECT_RULE(read("[azure]\nparavisors = [\"00\"]\npcrs = \"4\"\nsecure_boot = true\n"), "policy.parse.value");
  EXPECT_RULE(read("[azure]\nparavisors = [\"" + std::string(kParavisor) + "\"]\nsecure_boot = true\n"), "policy.parse.missing");
}

}  // namespace
}  // namespace openpcc::policy
