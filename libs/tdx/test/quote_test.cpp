#include "world.h"

namespace openpcc::tdx {
namespace {

using test::World;

Bytes changed(Bytes quote, size_t at, uint8_t value) {
  quote[at] = value;
  return quote;
}

class QuoteTest : public testing::Test {
 protected:
  World world_;
};

TEST_F(QuoteTest, fields_of_a_td) {
  world_.padding = std::string(70, '\0');
  const std::string chain = world_.pck_chain();
  const Bytes bytes = world_.quote(chain);
  const auto quote = parse_quote(bytes);
  ASSERT_OK(quote);
  EXPECT_EQ(quote->header.version, 4);
  EXPECT_EQ(quote->header.tee_type, Tee::tdx);
  EXPECT_EQ(quote->padding_bytes, 70u);
  EXPECT_EQ(quote->signed_bytes.size(), 48u + 584u);
  EXPECT_EQ(to_hex(quote->reportdata()), to_hex(Bytes(64, 0x7d)));
  EXPECT_EQ(as_text(quote->pck_chain), chain);
  EXPECT_EQ(to_hex(quote->qe_authentication_data), to_hex(world_.authentication));
  EXPECT_FALSE(std::get<TdReport>(quote->body).td15);
}

TEST_F(QuoteTest, bits_of_tdattributes) {
  world_.body[120] = 1;
  world_.body[123] = 0xf0;
  world_.body[127] = 0x80;
  const Bytes bytes = world_.quote();
  const auto quote = parse_quote(bytes);
  ASSERT_OK(quote);
  const auto& td = std::get<TdReport>(quote->body);
  EXPECT_TRUE(td.debug() && td.sept_ve_disable() && td.migratable() && td.pks() && td.kl() && td.perfmon());
}

TEST_F(QuoteTest, version_5_has_a_descriptor_before_its_body) {
  world_.version = 5;
  const Bytes td10 = world_.quote();
  const auto older = parse_quote(td10);
  ASSERT_OK(older);
  EXPECT_FALSE(std::get<TdReport>(older->body).td15);
  EXPECT_EQ(older->signed_bytes.size(), 48u + 6u + 584u);
  world_.make_td15();
  test::put(world_.body, 600, Bytes(48, 0x5d));
  const Bytes td15 = world_.quote();
  const auto newer = parse_quote(td15);
  ASSERT_OK(newer);
  EXPECT_EQ(std::get<TdReport>(newer->body).td15->tee_tcb_svn_2, std::get<TdReport>(newer->body).tee_tcb_svn);
  EXPECT_EQ(std::get<TdReport>(newer->body).td15->mrservicetd[47], 0x5d);
}

TEST_F(QuoteTest, version_3_is_of_sgx) {
  world_.make_sgx();
  const Bytes bytes = world_.quote();
  const auto quote = parse_quote(bytes);
  ASSERT_OK(quote);
  EXPECT_EQ(quote->header.tee_type, Tee::sgx);
  EXPECT_EQ(to_hex(quote->reportdata()), to_hex(Bytes(64, 0x7d)));
  EXPECT_RULE(parse_quote(changed(bytes, 4, 0x81)), "tdx.tee_type");
}

TEST_F(QuoteTest, a_quote_of_another_tee_than_wanted) {
  Terms terms = world_.terms();
  terms.tee = Tee::sgx;
  EXPECT_RULE(authenticate(world_.quote(), terms), "tdx.version");
  world_.make_sgx();
  EXPECT_OK(authenticate(world_.quote(), terms));
  terms.tee = Tee::tdx;
  EXPECT_RULE(authenticate(world_.quote(), terms), "tdx.version");
}

TEST_F(QuoteTest, header) {
  const Bytes quote = world_.quote();
  EXPECT_RULE(parse_quote(changed(quote, 0, 2)), "tdx.version");
  EXPECT_RULE(parse_quote(changed(quote, 0, 6)), "tdx.version");
  EXPECT_RULE(parse_quote(changed(quote, 1, 1)), "tdx.version");
  EXPECT_RULE(parse_quote(changed(quote, 2, 3)), "tdx.key_type");
  EXPECT_RULE(parse_quote(changed(quote, 4, 0)), "tdx.tee_type");
  EXPECT_RULE(parse_quote(changed(quote, 7, 1)), "tdx.tee_type");
  EXPECT_RULE(parse_quote(changed(quote, 12, 0)), "tdx.qe_vendor");
}

TEST_F(QuoteTest, body_descriptor) {
  world_.make_td15();
  const Bytes quote = world_.quote();
  EXPECT_RULE(parse_quote(changed(quote, 48, 1)), "tdx.body_type");  // an SGX report: no TD
  EXPECT_RULE(parse_quote(changed(quote, 48, 4)), "tdx.body_type");
  EXPECT_RULE(parse_quote(changed(quote, 48, 2)), "tdx.body_size");
  EXPECT_RULE(parse_quote(changed(quote, 53, 1)), "tdx.body_size");
}

TEST_F(QuoteTest, every_shorter_quote_is_refused) {
  for (const int version : {3, 4, 5}) {
    World world;
    if (version == 3) world.make_sgx();
    if (version == 5) world.make_td15();
    const Bytes quote = world.quote();
    for (size_t n = 0; n < quote.size(); ++n) {
      // In a buffer of its own size, so that a sanitizer sees what lies beyond.
      const Bytes cut(quote.begin(), quote.begin() + static_cast<ptrdiff_t>(n));
      EXPECT_RULE(parse_quote(cut), "tdx.size") << n;
    }
  }
}

TEST_F(QuoteTest, certification_data_of_another_type) {
  const Bytes quote = world_.quote();
  const size_t outer = 48 + 584 + 4 + 128;
  EXPECT_RULE(parse_quote(changed(quote, outer, 5)), "tdx.cert_type");
  const size_t inner = outer + 6 + 384 + 64 + 2 + world_.authentication.size();
  for (const uint8_t type : Bytes{1, 2, 3, 4, 6, 7}) EXPECT_RULE(parse_quote(changed(quote, inner, type)), "tdx.cert_type");
}

TEST_F(QuoteTest, authentication_data_of_any_size) {
  for (const size_t n : {0u, 1u, 1000u}) {
    world_.authentication = Bytes(n, 0x3c);
    EXPECT_OK(world_.authenticated());
  }
}

TEST_F(QuoteTest, something_after_it) {
  world_.padding = std::string(1, '\1');
  EXPECT_RULE(parse_quote(world_.quote()), "tdx.trailing");
  world_.padding = std::string(3000, '\0') + "x";
  EXPECT_RULE(parse_quote(world_.quote()), "tdx.trailing");
}

TEST_F(QuoteTest, too_large) {
  Bytes quote = world_.quote();
  quote.resize(kQuoteBytesMax);
  EXPECT_OK(parse_quote(quote));
  quote.push_back(0);
  EXPECT_RULE(parse_quote(quote), "tdx.size");
}

TEST_F(QuoteTest, signatures) {
  EXPECT_OK(world_.authenticated());
  const Bytes key = world_.attestation_key.point();
  const Bytes report = world_.bound_report(key);
  const std::string chain = world_.pck_chain();
  Bytes quote = world_.quote();
  quote[48 + 584 + 4 + 10] ^= 1;
  EXPECT_RULE(authenticate(quote, world_.terms()), "tdx.quote_signature");
  quote = world_.quote();
  quote[48 + 584 + 4 + 128 + 6 + 384 + 10] ^= 1;
  EXPECT_RULE(authenticate(quote, world_.terms()), "tdx.qe_report_signature");
}

TEST_F(QuoteTest, a_report_that_binds_another_key) {
  const Bytes key = world_.attestation_key.point();
  EXPECT_RULE(authenticate(world_.quote_of(world_.pck_chain(), key, world_.bound_report(Bytes(64, 1))), world_.terms()),
              "tdx.qe_report_data");
}

TEST_F(QuoteTest, a_report_with_more_in_its_report_data) {
  const Bytes key = world_.attestation_key.point();
  for (const size_t at : {352u, 383u}) {
    Bytes report = world_.bound_report(key);
    report[at] = 1;
    EXPECT_RULE(authenticate(world_.quote_of(world_.pck_chain(), key, report), world_.terms()), "tdx.qe_report_data");
  }
}

TEST_F(QuoteTest, an_attestation_key_off_the_curve) {
  Bytes key = world_.attestation_key.point();
  key[63] ^= 1;
  EXPECT_RULE(authenticate(world_.quote_of(world_.pck_chain(), key, world_.bound_report(key)), world_.terms()), "tdx.attestation_key");
  const Bytes zero(64);
  EXPECT_RULE(authenticate(world_.quote_of(world_.pck_chain(), zero, world_.bound_report(zero)), world_.terms()), "tdx.attestation_key");
}

TEST_F(QuoteTest, signatures_of_zeros) {
  Bytes quote = world_.quote();
  test::put(quote, 48 + 584 + 4, Bytes(64));
  EXPECT_RULE(authenticate(quote, world_.terms()), "tdx.quote_signature");
}

}  // namespace
}  // namespace openpcc::tdx
