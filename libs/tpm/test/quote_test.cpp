#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

using forge::Machine;
using testkit::hex;
using x509::Algorithm;

Machine machine() { return Machine(Algorithm::ecdsa_sha256); }

TEST(Quote, fields_come_back) {
  Machine m = machine();
  const auto quote = parse_quote(m.quote());
  ASSERT_OK(quote);
  EXPECT_EQ(quote->extra_data, m.nonce);
  EXPECT_EQ(quote->qualified_signer, m.signer);
  EXPECT_EQ(quote->clock.milliseconds, 123'456u);
  EXPECT_EQ(quote->clock.reset_count, 7u);
  EXPECT_EQ(quote->clock.restart_count, 1u);
  EXPECT_TRUE(quote->clock.safe);
  EXPECT_EQ(quote->firmware_version, 0x2019102300163636u);
  EXPECT_EQ(text_of(quote->selections), "sha256:0,1,2,4,7");
}

TEST(Quote, each_form_that_no_tpm_gives) {
  Machine m = machine();
  m.after = Bytes(1);
  EXPECT_RULE(parse_quote(m.quote()), "tpm.trailing");
  m.after = Bytes(1024);
  EXPECT_RULE(parse_quote(m.quote()), "tpm.size");
  m = machine();
  m.magic = 0xff544348;
  EXPECT_RULE(parse_quote(m.quote()), "tpm.magic");
  m = machine();
  m.type = 0x8017;  // TPM2_Certify's
  EXPECT_RULE(parse_quote(m.quote()), "tpm.type");
  m = machine();
  m.safe = 2;
  EXPECT_RULE(parse_quote(m.quote()), "tpm.syntax");
  m = machine();
  m.nonce = Bytes(kNonceBytesMax + 1);
  EXPECT_RULE(parse_quote(m.quote()), "tpm.syntax");
  m = machine();
  const Bytes whole = m.quote();
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_quote(ByteSpan(whole).first(n))) << n;
  EXPECT_RULE(parse_quote(ByteSpan(whole).first(whole.size() - 1)), "tpm.syntax");
}

TEST(Quote, selections_are_bounded_and_unambiguous) {
  Machine m = machine();
  const auto with = [&](std::string_view selections) {
    m.raw_selections = hex(selections);
    return parse_quote(m.quote());
  };
  EXPECT_OK(
      with("00000001"
           "000b03970000"));
  EXPECT_OK(
      with("00000001"
           "000b0197"));
  EXPECT_RULE(with("00000000"), "tpm.selection");
  EXPECT_RULE(with("00000001"
                   "000b03000000"),
              "tpm.selection");
  EXPECT_RULE(with("00000001"
                   "001203970000"),
              "tpm.selection");  // SM3
  EXPECT_RULE(with("00000001"
                   "000b00"),
              "tpm.selection");
  EXPECT_RULE(with("00000001"
                   "000b0497000001"),
              "tpm.selection");  // PCR 24
  EXPECT_RULE(with("00000001"
                   "000b059700000000"),
              "tpm.selection");
  EXPECT_RULE(with("00000002"
                   "000b03970000"
                   "000b03970000"),
              "tpm.selection.duplicate");
}

TEST(Quote, a_bank_a_thousand_times_is_not_even_read) {
  std::string raw = "000003e8";
  for (int i = 0; i < 100; ++i) raw += "000b03970000";
  Machine m = machine();
  m.raw_selections = hex(raw);
  EXPECT_RULE(parse_quote(m.quote()), "tpm.selection");
}

TEST(Signature, each_form) {
  EXPECT_OK(parse_signature(hex("0014000b00021234")));
  EXPECT_EQ(to_hex(parse_signature(hex("0018000b000112000134"))->value), std::string(62, '0') + "12" + std::string(62, '0') + "34");
  EXPECT_RULE(parse_signature(hex("0014000b000212")), "tpm.signature.syntax");
  EXPECT_RULE(parse_signature(hex("0014000b0002123400")), "tpm.signature.syntax");
  EXPECT_RULE(parse_signature(Bytes(kSignatureBytesMax + 1)), "tpm.signature.syntax");
  EXPECT_RULE(parse_signature(concat({hex("0018000b0021"), Bytes(33, 1), hex("000101")})), "tpm.signature.syntax");
  EXPECT_RULE(parse_signature(hex("001a000b00021234")), "tpm.scheme");  // ECDAA
  EXPECT_RULE(parse_signature(hex("0014000400021234")), "tpm.scheme");  // SHA-1
  EXPECT_RULE(parse_signature(hex("0014000d00021234")), "tpm.scheme");  // SHA-512
  EXPECT_EQ(rsassa_sha256(Bytes(256, 1)).value.size(), 256u);
}

}  // namespace
}  // namespace openpcc::tpm
