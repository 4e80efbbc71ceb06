#include "openpcc/azure/verify.h"

#include "azure_forge.h"

namespace openpcc::azure {
namespace {

using forge::Owned;
using forge::refused;
using forge::Vm;

Verification judge(const Vm& vm, const Owned& owned) { return verify(owned.view(), vm.now(), vm.trust()); }
Verification judge(Vm& vm) { return judge(vm, vm.evidence()); }

testing::AssertionResult verified(const Verification& verification) {
  if (verification.verified) return testing::AssertionSuccess();
  return testing::AssertionFailure() << describe(verification.failures.front());
}

TEST(AzureVerify, machines_as_they_should_be) {
  for (const snp::Product product : {snp::Product::milan, snp::Product::genoa, snp::Product::turin}) {
    Vm vm(Hardware::snp, product);
    const Verification verification = judge(vm);
    ASSERT_TRUE(verified(verification));
    EXPECT_EQ(verification.verified->hardware(), Hardware::snp);
    EXPECT_TRUE(verification.verified->quote().has_value());
    EXPECT_EQ(verification.verified->window(), (x509::Window{vm.now() - 1000, vm.now() + 1000}));
  }
  Vm td(Hardware::tdx);
  const Verification verification = judge(td);
  ASSERT_TRUE(verified(verification));
  EXPECT_EQ(verification.verified->hardware(), Hardware::tdx);
}

TEST(AzureVerify, every_hash_type) {
  for (const HashType type : {HashType::sha384, HashType::sha512}) {
    Vm vm;
    vm.hash_type = type;
    EXPECT_TRUE(verified(judge(vm)));
  }
}

TEST(AzureVerify, quote_and_certificate_may_be_absent) {
  Vm vm;
  Owned owned = vm.evidence();
  owned.with_quote = false;
  owned.ak_certificate.reset();
  const Verification verification = judge(vm, owned);
  ASSERT_TRUE(verified(verification));
  EXPECT_FALSE(verification.verified->quote());
}

TEST(AzureVerify, the_roots_are_the_makers) {
  for (const Hardware hardware : {Hardware::snp, Hardware::tdx}) {
    Vm vm(hardware);
    const Owned owned = vm.evidence();
    EXPECT_TRUE(refused(verify(owned.view(), vm.now()), hardware == Hardware::snp ? "snp.chain.root" : "tdx.pck.root"));
  }
}

TEST(AzureVerify, the_runtime_data_is_bound_byte_for_byte) {
  for (const Hardware hardware : {Hardware::snp, Hardware::tdx}) {
    Vm vm(hardware);
    const Owned good = vm.evidence();
    vm.bind = false;
    vm.json = vm.json_text();
    vm.json->insert(1, " ");  // the same to any reader of JSON
    Owned spaced = vm.evidence();
    EXPECT_TRUE(refused(judge(vm, spaced), "azure.binding"));
    EXPECT_EQ(judge(vm, spaced).failures.size(), 1u) << "what is not bound is not read";
    // Another VM's runtime data under this one's report.
    Vm other(hardware);
    other.bind = false;
    other.runtime["keys"] = Vm(hardware).runtime["keys"];
    EXPECT_TRUE(refused(judge(other), "azure.binding"));
    Owned flipped = good;
    flipped.hcl[kJsonAt + 40] ^= 1;
    EXPECT_TRUE(refused(judge(vm, flipped), "azure.binding"));
  }
}

TEST(AzureVerify, all_of_report_data_counts) {
  Vm vm;
  vm.evidence();
  vm.bind = false;
  vm.chip.set(0x50 + 63, {1});
  EXPECT_TRUE(refused(judge(vm), "azure.binding"));
}

TEST(AzureVerify, the_hardware_report_is_judged_by_its_own_rules) {
  Vm vm;
  Owned owned = vm.evidence();
  owned.hcl[kHeaderBytes + 0x90] ^= 1;
  EXPECT_TRUE(refused(judge(vm, owned), "snp.signature"));
  owned = vm.evidence();
  owned.vek.clear();
  EXPECT_TRUE(refused(judge(vm, owned), "snp.chain.missing"));
  EXPECT_TRUE(refused(verify(vm.evidence().view(), vm.now() + 2000, vm.trust()), "snp.vek.expired"));
  Vm td(Hardware::tdx);
  owned = td.evidence();
  owned.td_quote[100] ^= 1;
  EXPECT_TRUE(refused(judge(td, owned), "tdx.quote_signature"));
}

TEST(AzureVerify, a_td_needs_its_own_quote) {
  Vm vm(Hardware::tdx);
  Owned owned = vm.evidence();
  const Bytes quote = owned.td_quote;
  owned.td_quote.clear();
  EXPECT_TRUE(refused(judge(vm, owned), "azure.td_quote.missing"));
  // The same TD in another boot, or with other registers: one field of the quote differs from the TDREPORT's.
  for (const size_t at : {120u, 128u, 136u, 184u, 232u, 280u, 328u, 519u, 520u}) {
    Vm other(Hardware::tdx);
    Owned mixed = other.evidence();
    other.td->body[at] ^= 1;
    mixed.td_quote = other.td->quote();
    EXPECT_TRUE(refused(judge(other, mixed), "azure.td_quote")) << at;
  }
  Owned broken = vm.evidence();
  broken.hcl[kHeaderBytes + 600] ^= 1;
  EXPECT_TRUE(refused(judge(vm, broken), "azure.tdreport"));
}

TEST(AzureVerify, the_form_comes_first) {
  Vm vm;
  Owned owned = vm.evidence();
  owned.hcl[0] = 'h';
  const Verification verification = judge(vm, owned);
  EXPECT_TRUE(refused(verification, "azure.hcl.magic"));
  EXPECT_EQ(verification.failures.size(), 1u);
}

TEST(AzureVerify, what_the_runtime_data_says) {
  Vm syntax, missing, key;
  syntax.json = "{}";
  missing.key(0)["kid"] = "x";
  key.key(0)["e"] = "Aw";
  EXPECT_TRUE(refused(judge(syntax), "azure.runtime.syntax"));
  EXPECT_TRUE(refused(judge(missing), "azure.ak.missing"));
  EXPECT_TRUE(refused(judge(key), "azure.ak.syntax"));
}

TEST(AzureVerify, the_keys_certificate_is_compared) {
  Vm vm;
  Owned owned = vm.evidence();
  const x509::forge::Key other(x509::Algorithm::rsa_pkcs1_sha256);
  vm.ak.spki = other.spki();
  owned.ak_certificate = vm.evidence().ak_certificate;
  EXPECT_TRUE(refused(judge(vm, owned), "azure.ak.certificate"));
  owned.ak_certificate = Bytes{0x30, 0};
  EXPECT_TRUE(refused(judge(vm, owned), "azure.ak.certificate"));
}

TEST(AzureVerify, the_keys_certificate_as_nv_memory_holds_it) {
  Vm vm;
  Owned owned = vm.evidence();
  const Bytes der = *owned.ak_certificate;
  Bytes padded = der;
  padded.resize(4096);
  const std::string pem = x509::forge::pem(padded);
  for (const Bytes& form : {padded, Bytes(pem.begin(), pem.end())}) {
    owned.ak_certificate = form;
    EXPECT_TRUE(verified(judge(vm, owned)));
  }
  padded.back() = 1;
  const std::string lines = pem + pem;
  for (const Bytes& form : {padded, Bytes(4097, 0), Bytes(lines.begin(), lines.end()), Bytes(der.begin(), der.end() - 1), Bytes()}) {
    owned.ak_certificate = form;
    EXPECT_TRUE(refused(judge(vm, owned), "azure.ak.certificate"));
  }
}

TEST(AzureVerify, the_quote_is_of_the_key_in_the_report) {
  Vm vm;
  Owned owned = vm.evidence();
  const tpm::forge::Machine other;
  owned.quote = other.quote();
  owned.signature = *tpm::parse_signature(other.signature());
  owned.values = other.pcrs;
  EXPECT_TRUE(refused(judge(vm, owned), "tpm.signature"));
  owned = vm.evidence();
  owned.values[tpm::Hash::sha256][0][0] ^= 1;
  EXPECT_TRUE(refused(judge(vm, owned), "tpm.digest"));
}

}  // namespace
}  // namespace openpcc::azure
