#include "openpcc/nitro/describe.h"

#include "nitro_forge.h"

namespace openpcc::nitro {
namespace {

const appraisal::Field* find(const appraisal::Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &appraisal::Field::name);
  return found == fields.end() ? nullptr : &*found;
}

TEST(NitroDescribe, every_field_once_and_in_order) {
  const forge::Maker maker;
  const Bytes bytes = maker.document();
  const appraisal::Fields fields = describe(*parse_document(bytes), bytes);
  EXPECT_EQ(fields.size(), 28u);
  EXPECT_TRUE(std::ranges::is_sorted(fields, {}, &appraisal::Field::offset));
  EXPECT_EQ(find(fields, "timestamp")->meaning, "2027-01-15T08:00:00Z");
  EXPECT_EQ(find(fields, "PCR0")->meaning, "enclave image");
  EXPECT_EQ(find(fields, "cabundle.0")->value, "aws.nitro-enclaves");
  EXPECT_EQ(find(fields, "certificate")->value, "leaf");
  for (const appraisal::Field& field : fields) EXPECT_LE(field.offset + field.size, bytes.size()) << field.name;
  const appraisal::Field* nonce = find(fields, "nonce");
  EXPECT_EQ(to_hex(ByteSpan(bytes).subspan(nonce->offset, nonce->size)), nonce->value);
}

TEST(NitroDescribe, says_what_matters) {
  forge::Maker maker;
  maker.pcrs[0] = Bytes(kPcrBytes, 0);
  for (const char* name : {"nonce", "user_data", "public_key"}) maker.set(name, forge::null());
  const Bytes bytes = maker.document();
  const appraisal::Fields fields = describe(*parse_document(bytes), bytes);
  EXPECT_EQ(find(fields, "PCR0")->meaning, "zero: a debug enclave, whose console is open");
  EXPECT_EQ(find(fields, "nonce"), nullptr);
  maker.pcrs_name = "nitrotpm_pcrs";
  const Bytes instance = maker.document();
  EXPECT_EQ(find(describe(*parse_document(instance), instance), "PCR7")->meaning, "Secure Boot");
}

}  // namespace
}  // namespace openpcc::nitro
