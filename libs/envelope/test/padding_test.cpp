#include "openpcc/envelope/envelope.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::envelope {
namespace {

TEST(Padding, small_messages_share_one_size) {
  for (const size_t n : {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}}) EXPECT_EQ(padme_bytes(n), 1024u);
}

TEST(Padding, rounds_up_as_padme_does) {
  // 1025: exponent 10, 4 bits kept, so 6 bits are rounded; and so on.
  EXPECT_EQ(padme_bytes(1025), 1088u);
  EXPECT_EQ(padme_bytes(1088), 1088u);
  EXPECT_EQ(padme_bytes(1089), 1152u);
  EXPECT_EQ(padme_bytes(16320), 16384u);
  EXPECT_EQ(padme_bytes(17000), 17408u);
  EXPECT_EQ(padme_bytes(65536), 65536u);
  EXPECT_EQ(padme_bytes(65537), 67584u);
  EXPECT_EQ(padme_bytes(kRequestBytesMax), kRequestBytesMax);
}

TEST(Padding, costs_at_most_12_percent_and_is_stable) {
  for (size_t n = 1024; n <= kRequestBytesMax; n += n / 97 + 1) {
    const size_t padded = padme_bytes(n);
    EXPECT_GE(padded, n);
    EXPECT_LE((padded - n) * 100, n * 12);
    EXPECT_EQ(padme_bytes(padded), padded);
  }
}

TEST(Profile, names_are_the_ones_of_the_field) {
  for (const Profile profile : {Profile::low_latency, Profile::balanced, Profile::strict}) {
    EXPECT_EQ(parse_profile(to_string(profile)), profile);
  }
  EXPECT_EQ(parse_profile("low-latency"), Profile::low_latency);
  EXPECT_EQ(parse_profile("balanced"), Profile::balanced);
  EXPECT_EQ(parse_profile("strict"), Profile::strict);
  EXPECT_EQ(parse_profile("Strict"), std::nullopt);
  EXPECT_EQ(parse_profile(""), std::nullopt);
}

TEST(OuterBody, without_tokens_is_a_version_and_zeros) {
  Bytes out{7};
  append_no_authorisation(out);
  ASSERT_EQ(out.size(), 1 + kAuthorisationBytes);
  EXPECT_EQ(kAuthorisationBytes, 451u);
  EXPECT_EQ(out[1], 1);
  EXPECT_TRUE(equal(ByteSpan(out).subspan(2), Bytes(450)));
}

}  // namespace
}  // namespace openpcc::envelope
