#include "openpcc/tpm/transport.h"

#include "tpm_forge.h"

namespace openpcc::tpm {
namespace {

Result<Banks> values(std::string_view json) { return parse_values(as_bytes(json)); }

TEST(Transport, values_of_each_bank) {
  const std::pair<size_t, Hash> banks[] = {{20, Hash::sha1}, {32, Hash::sha256}, {48, Hash::sha384}, {64, Hash::sha512}};
  for (const auto& [size, bank] : banks) {
    const std::string value(2 * size, 'a');
    const auto parsed = values(R"({"0":")" + value + R"(","23":")" + value + R"("})");
    ASSERT_OK(parsed);
    EXPECT_EQ(*parsed, (Banks{{bank, {{0, Bytes(size, 0xaa)}, {23, Bytes(size, 0xaa)}}}}));
  }
}

TEST(Transport, values_are_written_as_they_are_read) {
  const Bank bank{{0, Bytes(32, 1)}, {7, Bytes(32, 2)}, {23, Bytes(32, 3)}};
  EXPECT_EQ(*parse_values(write_values(bank)), (Banks{{Hash::sha256, bank}}));
}

TEST(Transport, what_are_no_values) {
  const std::string sha256(64, 'a'), sha1(40, 'a');
  const auto one = [&](std::string_view index, const std::string& value) {
    return values(R"({")" + std::string(index) + R"(":")" + value + R"("})");
  };
  EXPECT_OK(one("7", sha256));
  for (const std::string_view index : {"24", "-1", "07", "", "256", "x", "1 "}) EXPECT_RULE(one(index, sha256), "tpm.pcrs") << index;
  EXPECT_RULE(one("7", "aa"), "tpm.pcrs");
  EXPECT_RULE(one("7", sha256 + "x"), "tpm.pcrs");
  EXPECT_RULE(values("{}"), "tpm.pcrs");
  EXPECT_RULE(values("[]"), "tpm.pcrs");
  EXPECT_RULE(values(R"({"1":2})"), "tpm.pcrs");
  EXPECT_RULE(values(R"({"1":")" + sha256 + R"(","2":")" + sha1 + R"("})"), "tpm.pcrs") << "two banks";
  EXPECT_RULE(values(R"({"1":")" + sha256 + R"(","1":")" + sha256 + R"("})"), "tpm.pcrs") << "an index twice";
  EXPECT_OK(values(R"({"1":")" + sha1 + R"("})"));
  EXPECT_RULE(values(""), "tpm.pcrs");
}

Bytes length(uint64_t n) {
  Bytes out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<uint8_t>(n >> (8 * i)));
  return out;
}

TEST(Transport, a_package) {
  const Bytes good = concat({length(2), Bytes(2, 1), length(3), Bytes(3, 2), length(2), Bytes(64, 3)});
  const auto package = parse_package(good);
  ASSERT_OK(package);
  EXPECT_EQ(package->signature.value, Bytes(2, 1));
  EXPECT_EQ(package->quote, Bytes(3, 2));
  EXPECT_EQ(package->values.at(Hash::sha256).size(), 2u);
  for (size_t n = 0; n < good.size(); ++n) EXPECT_RULE(parse_package(ByteSpan(good).first(n)), "tpm.syntax");
  EXPECT_RULE(parse_package(concat({good, Bytes(1)})), "tpm.syntax");
  EXPECT_RULE(parse_package(concat({length(uint64_t{1} << 60), Bytes(100)})), "tpm.syntax");
  EXPECT_RULE(parse_package(concat({length(0), length(0), length(25), Bytes(25 * 32)})), "tpm.syntax");
}

}  // namespace
}  // namespace openpcc::tpm
