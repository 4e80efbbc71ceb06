#include "openpcc/tdx/choose.h"

#include "world.h"

namespace openpcc::tdx {
namespace {

namespace bj = boost::json;
using test::World;

class ChooseTest : public testing::Test {
 protected:
  World world_;
  PckClaims platform_ = world_.authenticated()->pck();

  static std::string served(std::string_view member, const bj::object& value) {
    return "{\"" + std::string(member) + "\":" + bj::serialize(value) + ",\"signature\":\"" + std::string(128, '0') + "\"}";
  }
  // place is that of what was chosen; -1: nothing.
  static int place(const ByteSpan* chosen, const std::vector<ByteSpan>& texts) {
    return chosen == nullptr ? -1 : static_cast<int>(chosen - texts.data());
  }
};

TEST_F(ChooseTest, the_newest_tcb_info_of_the_platform_in_either_form) {
  const auto changed = [&](const char* member, const char* value) {
    bj::object out = world_.tcb_info;
    out[member] = value;
    return bj::serialize(out);
  };
  const std::string usual = bj::serialize(world_.tcb_info), fmspc = changed("fmspc", "00906ED50001"), pceid = changed("pceId", "0001");
  bj::object later = world_.tcb_info;
  later["issueDate"] = "2025-06-02T00:00:00Z";
  const std::string newer = served("tcbInfo", later), cut = usual.substr(0, 40);
  const std::vector<ByteSpan> texts{as_bytes(fmspc), as_bytes(pceid), as_bytes(cut), as_bytes(usual), as_bytes(newer)};
  EXPECT_EQ(place(tcb_info_of(platform_, Tee::tdx, texts), texts), 4);
  EXPECT_EQ(place(tcb_info_of(platform_, Tee::tdx, std::span(texts).first(4)), texts), 3);
  EXPECT_EQ(place(tcb_info_of(platform_, Tee::tdx, std::span(texts).first(3)), texts), -1);
  EXPECT_EQ(place(tcb_info_of(platform_, Tee::sgx, texts), texts), -1);
}

TEST_F(ChooseTest, the_identity_of_the_enclave_that_made_the_quote) {
  const std::string of_tds = served("enclaveIdentity", world_.identity);
  world_.make_sgx();
  const std::string of_enclaves = bj::serialize(world_.identity);
  const std::vector<ByteSpan> texts{as_bytes(of_tds), as_bytes(of_enclaves)};
  EXPECT_EQ(place(qe_identity_of(Tee::tdx, texts), texts), 0);
  EXPECT_EQ(place(qe_identity_of(Tee::sgx, texts), texts), 1);
  EXPECT_EQ(place(qe_identity_of(Tee::sgx, std::span(texts).first(1)), texts), -1);
}

TEST_F(ChooseTest, who_signs_documents_by_name) {
  EXPECT_TRUE(is_tcb_signer(*x509::Certificate::parse(world_.signer_der())));
  EXPECT_FALSE(is_tcb_signer(*x509::Certificate::parse(world_.ca_der())));
}

}  // namespace
}  // namespace openpcc::tdx
