#include "openpcc/core/bytes.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc {
namespace {

using testkit::hex;

TEST(ByteReader, reads_integers_big_endian) {
  const Bytes bytes = hex("01020304050607080910111213141516");
  ByteReader r(bytes, "test.truncated");
  EXPECT_EQ(r.u8(), 0x01);
  EXPECT_EQ(r.u16(), 0x0203);
  EXPECT_EQ(r.u32(), 0x04050607u);
  EXPECT_EQ(r.u64(), 0x0809101112131415u);
  EXPECT_FALSE(r.end());
  EXPECT_EQ(r.u8(), 0x16);
  EXPECT_OK(r.end());
}

TEST(ByteReader, short_read_fails_with_the_given_rule_and_consumes_nothing) {
  const Bytes bytes = hex("0102");
  ByteReader r(bytes, "test.truncated");
  EXPECT_RULE(r.u32(), "test.truncated");
  EXPECT_EQ(r.rest().size(), 2u);
}

TEST(ByteReader, lp_refuses_a_length_over_the_limit_or_the_input) {
  const Bytes bytes = hex("00000003aabbcc");
  EXPECT_RULE(ByteReader(bytes, "test.truncated").lp(2), "test.truncated");
  ByteReader cut(ByteSpan(bytes).first(6), "test.truncated");
  EXPECT_RULE(cut.lp(100), "test.truncated");
  EXPECT_EQ(cut.rest().size(), 6u);
  EXPECT_EQ(ByteReader(bytes, "test.truncated").lp(3)->size(), 3u);
}

TEST(Varint, examples_of_rfc_9000_appendix_a1) {
  EXPECT_EQ(peek_varint(hex("c2197c5eff14e88c"))->value, 151288809941952652u);
  EXPECT_EQ(peek_varint(hex("9d7f3e7d"))->value, 494878333u);
  EXPECT_EQ(peek_varint(hex("7bbd"))->value, 15293u);
  EXPECT_EQ(peek_varint(hex("25"))->value, 37u);
  EXPECT_EQ(peek_varint(hex("4025"))->value, 37u);
  EXPECT_FALSE(peek_varint(hex("c2197c5eff14e8")));
  EXPECT_FALSE(peek_varint({}));
}

TEST(Varint, writes_the_shortest_form) {
  for (const uint64_t v : {0ull, 63ull, 64ull, 16383ull, 16384ull, (1ull << 30) - 1, 1ull << 30, (1ull << 62) - 1}) {
    const Bytes out = ByteWriter().varint(v).take();
    EXPECT_EQ(out.size(), varint_bytes(v));
    EXPECT_EQ(peek_varint(out)->value, v);
  }
}

TEST(Text, hex_round_trip_and_refusals) {
  EXPECT_EQ(to_hex(hex("00ffAb")), "00ffab");
  EXPECT_RULE(from_hex("abc"), "core.hex");
  EXPECT_RULE(from_hex("zz"), "core.hex");
}

TEST(Text, base64_of_rfc_4648_s10) {
  EXPECT_EQ(to_base64(as_bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(to_base64url(as_bytes("foob")), "Zm9vYg");
  EXPECT_EQ(as_text(*from_base64("Zm9vYmE=")), "fooba");
  EXPECT_EQ(as_text(*from_base64url("Zm9vYmE")), "fooba");
}

TEST(Text, base64_refuses_other_spellings_of_the_same_bytes) {
  EXPECT_RULE(from_base64("Zm9vYg"), "core.base64");
  EXPECT_RULE(from_base64("Zm9vYh=="), "core.base64");
  EXPECT_RULE(from_base64("Zm9v\n==="), "core.base64");
  EXPECT_RULE(from_base64("Z==="), "core.base64");
  EXPECT_RULE(from_base64url("Zm9vYg=="), "core.base64");
}

TEST(Random, below_stays_below_and_reaches_every_value) {
  testkit::TestRandom random;
  std::array<int, 5> seen{};
  for (int i = 0; i < 500; ++i) seen.at(random.below(5)) += 1;
  for (const int n : seen) EXPECT_GT(n, 50);
}

}  // namespace
}  // namespace openpcc
