#include "openpcc/x509/der.h"

#include "forge.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::x509::der {
namespace {

using testkit::hex;

TEST(Der, reads_elements_in_place) {
  const Bytes bytes = hex("02010530038101ff0500");
  Reader reader(bytes);
  EXPECT_TRUE(reader.next_is(kInteger));
  const auto integer = reader.content(kInteger);
  ASSERT_OK(integer);
  EXPECT_EQ(integer->data(), bytes.data() + 2);
  const auto sequence = reader.next();
  ASSERT_OK(sequence);
  EXPECT_EQ(sequence->tag, kSequence);
  EXPECT_EQ(sequence->whole.size(), 5u);
  EXPECT_RULE(reader.end(), "x509.der");
  EXPECT_OK(reader.next());
  EXPECT_OK(reader.end());
  EXPECT_TRUE(reader.empty());
}

TEST(Der, long_lengths) {
  for (const size_t n : {0x7fu, 0x80u, 0xffu, 0x100u, 0xffffu, 0x10000u}) {
    const Bytes bytes = forge::tlv(kOctetString, Bytes(n, 7));
    const auto content = only(bytes, kOctetString);
    ASSERT_OK(content);
    EXPECT_EQ(content->size(), n);
    EXPECT_RULE(only(ByteSpan(bytes).first(bytes.size() - 1), kOctetString), "x509.der");
  }
}

TEST(Der, what_is_not_der_is_refused) {
  for (const char* bytes : {"", "02", "0202", "020201", "1f0101", "3080", "02810105", "0282000105", "0284000000010f", "02850000000001",
                            "0283ffffff", "0281", "028201"}) {
    const Bytes given = hex(bytes);
    EXPECT_RULE(Reader(given).next(), "x509.der") << bytes;
  }
  EXPECT_RULE(only(hex("0500"), kInteger), "x509.der");
  EXPECT_RULE(only(hex("05000500"), 0x05), "x509.der");
}

TEST(Der, integers) {
  EXPECT_EQ(*unsigned_integer(hex("00")), 0u);
  EXPECT_EQ(*unsigned_integer(hex("00db")), 219u);
  EXPECT_EQ(*unsigned_integer(hex("00ffffffffffffffff")), UINT64_MAX);
  EXPECT_EQ(to_hex(*magnitude(hex("00db"))), "db");
  for (const char* bytes : {"", "80", "ff01", "0001", "000000"}) EXPECT_RULE(magnitude(hex(bytes)), "x509.der") << bytes;
  EXPECT_RULE(unsigned_integer(hex("010000000000000000")), "x509.der");
}

TEST(Der, bit_strings_and_booleans) {
  EXPECT_EQ(to_hex(*bit_string(hex("00abcd"))), "abcd");
  EXPECT_RULE(bit_string(hex("04abc0")), "x509.der");
  EXPECT_RULE(bit_string({}), "x509.der");
  EXPECT_TRUE(*boolean(hex("ff")));
  EXPECT_FALSE(*boolean(hex("00")));
  for (const char* bytes : {"", "01", "ffff"}) EXPECT_RULE(boolean(hex(bytes)), "x509.der") << bytes;
}

}  // namespace
}  // namespace openpcc::x509::der
