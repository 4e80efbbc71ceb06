#include "openpcc/tdx/describe.h"

#include <algorithm>

#include "world.h"

namespace openpcc::tdx {
namespace {

using test::World;

appraisal::Fields described(const World& world, Bytes& bytes) {
  bytes = world.quote();
  const auto quote = parse_quote(bytes);
  OPENPCC_CHECK(quote.has_value());
  return describe(*quote, bytes);
}

// Each field's value stands at its offset, so that no text can drift from the bytes.
void expect_in_place(const appraisal::Fields& fields, ByteSpan bytes) {
  for (const appraisal::Field& field : fields) {
    ASSERT_LE(field.offset + field.size, bytes.size()) << field.name;
    if (field.value.size() == 2 * field.size && !field.value.starts_with("0x")) {
      EXPECT_EQ(to_hex(bytes.subspan(field.offset, field.size)), field.value) << field.name;
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(fields, {}, &appraisal::Field::offset));
}

TEST(TdxDescribe, every_field_in_its_place) {
  Bytes bytes;
  World td10;
  const auto old = described(td10, bytes);
  expect_in_place(old, bytes);
  World td15;
  td15.make_td15();
  const auto fields = described(td15, bytes);
  expect_in_place(fields, bytes);
  EXPECT_NE(std::ranges::find(fields, "MRSERVICETD", &appraisal::Field::name), fields.end());
  World sgx;
  sgx.make_sgx();
  const auto enclave = described(sgx, bytes);
  expect_in_place(enclave, bytes);
  EXPECT_NE(std::ranges::find(enclave, "MRENCLAVE", &appraisal::Field::name), enclave.end());
}

}  // namespace
}  // namespace openpcc::tdx
