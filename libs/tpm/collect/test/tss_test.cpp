// tpm2-tss is loaded where there is a TPM, and what is missing of it is named.
#include "../src/tss.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::tpm_collect {
namespace {

TEST(Tss, is_found_whole) {
  const auto found = find_tss({});
  ASSERT_OK(found);
  EXPECT_NE(found->nv_write, nullptr);
  ASSERT_OK(tss());
}

TEST(Tss, a_library_that_is_not_installed_is_named) {
  const auto absent = find_tss({.commands = "libtss2-none.so.0"});
  EXPECT_RULE(absent, "tpm_collect.library");
  EXPECT_NE(absent.error().detail.find("libtss2-none.so.0"), std::string::npos);
  EXPECT_EQ(absent.error().code, Code::unsupported);
}

TEST(Tss, a_function_that_is_missing_is_named) {
  const auto other = find_tss({.codes = "libtss2-mu.so.0"});
  EXPECT_RULE(other, "tpm_collect.library");
  EXPECT_NE(other.error().detail.find("Tss2_RC_Decode"), std::string::npos);
}

}  // namespace
}  // namespace openpcc::tpm_collect
