// Evidence from a real TPM in software, swtpm, which is started for each test and stopped at its end.
#include <unistd.h>

#include <fstream>

#include "openpcc/testkit/testkit.h"
#include "openpcc/tpm/verify.h"
#include "openpcc/tpm_collect/clouds.h"
#include "swtpm.h"

namespace openpcc::tpm_collect {
namespace {

using testkit::hex;
using tpm::Hash;

class CollectTest : public testing::Test {
 protected:
  Swtpm swtpm_;
  Result<Tpm> opened_ = swtpm_.open();
  const tpm::Selections selections_{{Hash::sha256, 0xffffff}};

  void SetUp() override { ASSERT_OK(opened_); }
  Tpm& tpm() { return *opened_; }

  tpm::Verification verified(const Collected& collected) {
    const auto key = tpm::AttestationKey::from_public(collected.key);
    OPENPCC_CHECK(key.has_value());
    return tpm::verify(collected.quote, collected.signature, *key, collected.values);
  }
};

TEST_F(CollectTest, a_real_quote_of_each_kind_of_key) {
  const Bytes nonce(32, 0x4e);
  for (const KeyKind kind : {KeyKind::rsa_2048, KeyKind::ecc_p256}) {
    for (const Hierarchy hierarchy : {Hierarchy::null, Hierarchy::owner, Hierarchy::endorsement}) {
      const auto key = tpm().create_key(kind, hierarchy);
      ASSERT_OK(key);
      const auto collected = tpm().quote(*key, nonce, selections_);
      ASSERT_OK(collected);
      const auto verification = verified(*collected);
      ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
      EXPECT_EQ(verification.verified->quote().extra_data, nonce);
      EXPECT_EQ(verification.verified->quote().selections, selections_);
      EXPECT_EQ(verification.verified->values().at(Hash::sha256).size(), 24u);
      EXPECT_EQ(*verification.verified->value(Hash::sha256, 17), Bytes(32, 0xff));
    }
  }
}

TEST_F(CollectTest, several_banks_and_single_pcrs) {
  const auto key = tpm().create_key(KeyKind::ecc_p256, Hierarchy::null);
  ASSERT_OK(key);
  const tpm::Selections some{{Hash::sha256, 0x800081}, {Hash::sha1, 0xff}};
  const auto collected = tpm().quote(*key, Bytes{1}, some);
  ASSERT_OK(collected);
  EXPECT_TRUE(verified(*collected).verified);
  EXPECT_EQ(collected->values.at(Hash::sha256).size(), 3u);
  EXPECT_EQ(collected->values.at(Hash::sha1).size(), 8u);
}

TEST_F(CollectTest, the_same_key_under_the_owner_again) {
  const auto first = tpm().create_key(KeyKind::ecc_p256, Hierarchy::owner), second = tpm().create_key(KeyKind::ecc_p256, Hierarchy::owner);
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_TRUE(equal(first->public_area(), second->public_area()));
}

TEST_F(CollectTest, keys_are_unloaded_with_their_objects) {
  for (int i = 0; i < 12; ++i) ASSERT_OK(tpm().create_key(KeyKind::ecc_p256, Hierarchy::null)) << "a TPM has room for three";
}

TEST_F(CollectTest, what_a_tpm_refuses) {
  const auto key = tpm().create_key(KeyKind::ecc_p256, Hierarchy::null);
  ASSERT_OK(key);
  EXPECT_RULE(tpm().quote(*key, Bytes(tpm::kNonceBytesMax + 1), selections_), "tpm_collect.command");
  EXPECT_RULE(tpm().key_at(0x81000003), "tpm_collect.command");
  EXPECT_RULE(tpm().create_key_like(Bytes(3), Hierarchy::owner), "tpm_collect.command");
  EXPECT_RULE(Tpm::open("swtpm:path=" + (swtpm_.folder() / "nobody").string()), "tpm_collect.open");
}

TEST_F(CollectTest, non_volatile_storage_in_pieces) {
  const Bytes long_one(1500, 0x5a);
  EXPECT_RULE(tpm().read(0x01500000), "tpm_collect.nv");
  ASSERT_OK(tpm().write(0x01500000, long_one));
  const auto read = tpm().read(0x01500000);
  ASSERT_OK(read);
  EXPECT_EQ(*read, long_one);
  ASSERT_OK(tpm().write(0x01500000, Bytes(1500, 0x11)));
  EXPECT_EQ(*tpm().read(0x01500000), Bytes(1500, 0x11));
  EXPECT_RULE(tpm().write(0x01500001, Bytes(60'000)), "tpm_collect.nv");
  EXPECT_RULE(tpm().write(0x01500001, Bytes(4000)), "tpm_collect.nv") << "larger than this TPM's indices may be";
}

// Google's machines have the certificate and the template of their key in their storage.
TEST_F(CollectTest, the_key_of_a_google_machine) {
  EXPECT_RULE(google_key(tpm(), KeyKind::rsa_2048), "tpm_collect.nv");
  const Bytes certificate = hex("30820003010203");
  ASSERT_OK(tpm().write(kGoogleRsaCertificate, concat({hex("3003020105"), Bytes(100)})));
  const Bytes key_template = hex("0001000b00050072000000100014000b0800000000000000");
  ASSERT_OK(tpm().write(kGoogleRsaCertificate + 1, key_template));
  const auto google = google_key(tpm(), KeyKind::rsa_2048);
  ASSERT_OK(google);
  EXPECT_EQ(to_hex(google->certificate), "3003020105") << "without what it is padded with";
  const auto collected = tpm().quote(google->key, Bytes{7}, selections_);
  ASSERT_OK(collected);
  EXPECT_TRUE(verified(*collected).verified);
  ASSERT_OK(tpm().write(kGoogleEccCertificate, certificate));
  EXPECT_RULE(google_key(tpm(), KeyKind::ecc_p256), "tpm_collect.nv") << "no certificate in it";
}

// An Azure machine's key lies at a handle of its TPM; its report's index is larger than this TPM's may be.
TEST_F(CollectTest, the_tpm_of_an_azure_machine) {
  const auto azure = open_azure(swtpm_.tcti());
  ASSERT_OK(azure);
  EXPECT_RULE((*azure)->sign_pcrs(Bytes{1}, selections_), "tpm_collect.command") << "no key there yet";
  const Bytes area = swtpm_.keep_key(kAzureKeyHandle);
  swtpm_.extend(7);
  const auto collected = collect_quote(**azure, Bytes(32, 0x4e), selections_);
  ASSERT_OK(collected);
  EXPECT_EQ(collected->key, area);
  EXPECT_FALSE(equal(collected->values.at(Hash::sha256).at(7), Bytes(32, 0)));
  EXPECT_TRUE(verified(*collected).verified);
  const auto absent = (*azure)->size(kAzureReport);
  EXPECT_RULE(absent, "tpm_collect.nv");
  EXPECT_NE(absent.error().detail.find("NV index 0x01400001"), std::string::npos) << absent.error().detail;
  EXPECT_RULE((*azure)->read(kAzureReport), "tpm_collect.nv");
  const Bytes data(64, 9);
  ASSERT_OK((*azure)->write(kAzureUserData, data));
  EXPECT_EQ(*(*azure)->size(kAzureUserData), 64u);
  EXPECT_EQ(*(*azure)->read(kAzureUserData), data);
}

TEST(EventLogFile, is_read_whole_or_not_at_all) {
  const auto file = std::filesystem::temp_directory_path() / ("openpcc-log-" + std::to_string(getpid()));
  std::ofstream(file, std::ios::binary) << std::string(5000, 'x');
  EXPECT_EQ(read_event_log(file.string())->size(), 5000u);
  std::ofstream(file, std::ios::binary) << std::string((1u << 20) + 1, 'x');
  EXPECT_RULE(read_event_log(file.string()), "tpm_collect.log");
  std::ofstream(file, std::ios::binary | std::ios::trunc).close();
  EXPECT_RULE(read_event_log(file.string()), "tpm_collect.log");
  std::filesystem::remove(file);
  EXPECT_RULE(read_event_log(file.string()), "tpm_collect.log");
}

}  // namespace
}  // namespace openpcc::tpm_collect
