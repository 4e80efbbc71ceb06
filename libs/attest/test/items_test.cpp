// Items are recognised once, and what was read of them is there for their judges.
#include "openpcc/attest/items.h"

#include "nvgpu_forge.h"
#include "openpcc/attest/platform.h"
#include "snp_forge.h"
#include "tpm_forge.h"

namespace openpcc::attest {
namespace {

using Certificates = std::vector<x509::Certificate>;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

// table_of is a host's table with one entry, the ASK's.
Bytes table_of(ByteSpan ask) {
  ByteWriter out;
  out.bytes(testkit::hex("4ab7b379bbac4fe4a02f05aef327c782"));
  for (const size_t number : {size_t{48}, ask.size()}) {
    for (int shift = 0; shift < 32; shift += 8) out.u8(static_cast<uint8_t>(number >> shift));
  }
  return out.bytes(Bytes(24, 0)).bytes(ask).take();
}

class ItemsTest : public testing::Test {
 protected:
  const snp::forge::Line& line_ = snp::forge::Line::one(snp::Product::genoa);
  Bytes ask_ = line_.ask_der(), ark_ = line_.ark_der(), crl_ = line_.crl();
  std::string pem_ = x509::forge::pem(ask_) + x509::forge::pem(ark_);
};

TEST_F(ItemsTest, certificates_of_every_form) {
  const std::vector<Bytes> items{ask_, bytes_of(pem_), table_of(ark_), Bytes{1}};
  const std::vector<Recognised> read = read_items(items);
  const std::pair<PlatformItem, size_t> expected[] = {
      {PlatformItem::certificate, 1}, {PlatformItem::certificates, 2}, {PlatformItem::snp_certificate_table, 1}};
  for (size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(read[i].kind, expected[i].first);
    ASSERT_NE(read[i].as<Certificates>(), nullptr);
    EXPECT_EQ(read[i].as<Certificates>()->size(), expected[i].second);
  }
  EXPECT_EQ(read[3].kind, PlatformItem::other);
  const auto all = certificates_in(read);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_TRUE(equal(all[0]->der(), ask_) && equal(all[1]->der(), ask_) && equal(all[2]->der(), ark_) && equal(all[3]->der(), ark_));
}

TEST_F(ItemsTest, statements_of_revocation) {
  const std::vector<Bytes> items{crl_, nvgpu::forge::Device().answer(0), ask_};
  const std::vector<Recognised> read = read_items(items);
  EXPECT_EQ(read[0].kind, PlatformItem::revocation_list);
  EXPECT_EQ(read[1].kind, PlatformItem::ocsp_response);
  EXPECT_NE(read[1].as<x509::OcspResponse>(), nullptr);
  const auto lists = lists_in(read);
  ASSERT_EQ(lists.size(), 1u);
  EXPECT_EQ(lists[0].list, read[0].as<x509::Crl>());
  EXPECT_EQ(lists[0].der.data(), items[0].data()) << "a view of what was given";
}

TEST_F(ItemsTest, parts_of_a_tpms_evidence) {
  tpm::forge::Machine machine(x509::Algorithm::ecdsa_sha256);
  const Bytes values = bytes_of(R"({"7":")" + std::string(64, 'a') + R"("})"), quote = machine.quote(), signature = machine.signature(),
              key = machine.public_area(), bare(256, 9);
  machine.attributes = 0x00040072;
  const Bytes unrestricted = machine.public_area();
  const auto read = read_items(std::vector<Bytes>{quote, signature, key, unrestricted, values, bare});
  EXPECT_EQ(read[0].kind, PlatformItem::tpm_quote);
  EXPECT_EQ(read[1].kind, PlatformItem::tpm_signature);
  EXPECT_EQ(read[1].as<tpm::Signature>()->scheme, tpm::Scheme::ecdsa);
  for (const size_t i : {2u, 3u}) {
    EXPECT_EQ(read[i].kind, PlatformItem::tpm_key);
    ASSERT_NE(read[i].as<Result<tpm::AttestationKey>>(), nullptr);
  }
  EXPECT_OK(*read[2].as<Result<tpm::AttestationKey>>());
  EXPECT_RULE(*read[3].as<Result<tpm::AttestationKey>>(), "tpm.ak.attributes");
  EXPECT_EQ(read[4].kind, PlatformItem::tpm_values);
  EXPECT_TRUE(read[4].as<tpm::Banks>()->contains(tpm::Hash::sha256));
  EXPECT_EQ(read[5].kind, PlatformItem::bare_signature);
  EXPECT_EQ(read[5].as<tpm::Signature>()->scheme, tpm::Scheme::rsassa);
}

TEST_F(ItemsTest, of_reports_nothing_is_read) {
  const Bytes report = snp::forge::Machine::of(snp::Product::genoa).signed_report();
  const Recognised read = read_item(report);
  EXPECT_EQ(read.kind, PlatformItem::snp_report);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(read.read));
  EXPECT_EQ(recognise(report), PlatformItem::snp_report);
  EXPECT_EQ(all_of(std::span(&read, 1), PlatformItem::snp_report).size(), 1u);
  EXPECT_TRUE(all_of(std::span(&read, 1), PlatformItem::intel_quote).empty());
}

// Each item is recognised once: where the files of certificates, keys and signatures hold something else afterwards, the verdict is the same.
TEST_F(ItemsTest, nothing_is_recognised_a_second_time) {
  const snp::forge::Machine machine = snp::forge::Machine::of(snp::Product::genoa);
  const tpm::forge::Machine tpm(x509::Algorithm::ecdsa_sha256);
  const Bytes values = bytes_of(R"({"7":")" + std::string(64, 'a') + R"("})");
  for (const std::vector<Bytes>& files : {std::vector<Bytes>{machine.signed_report(), machine.vek_der(), bytes_of(pem_), table_of(ark_)},
                                          std::vector<Bytes>{tpm.quote(), tpm.signature(), tpm.public_area(), values, ask_}}) {
    std::vector<Bytes> items = files;
    const auto before = verify_platform(items, snp::forge::kNow, {});
    ASSERT_OK(before);
    std::vector<Recognised> read = read_items(items);
    for (Bytes& item : std::span(items).subspan(1)) std::ranges::fill(item, 0);
    const auto after = verify_platform(std::move(read), snp::forge::kNow, {});
    ASSERT_OK(after);
    EXPECT_EQ(after->json(), before->json());
    const auto anew = verify_platform(items, snp::forge::kNow, {});
    EXPECT_TRUE(!anew || anew->json() != before->json()) << "what they hold now is something else";
  }
  EXPECT_RULE(verify_platform(std::vector<Recognised>(kPlatformItemsMax + 1), 0, {}), "platform.too_many");
}

}  // namespace
}  // namespace openpcc::attest
