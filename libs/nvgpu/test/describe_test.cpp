#include "openpcc/nvgpu/describe.h"

#include <algorithm>

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

TEST(NvgpuDescribe, every_field_where_it_stands) {
  for (const forge::Device& device : {forge::Device(), forge::Device::a_switch()}) {
    const Bytes bytes = device.signed_report();
    const auto report = parse_report(bytes);
    ASSERT_OK(report);
    size_t described = 0;
    for (const appraisal::Field& field : describe(*report)) {
      described += field.size;
      if (field.name == "request SLOT") continue;
      EXPECT_EQ(field.value, to_hex(ByteSpan(bytes).subspan(field.offset, field.size))) << field.name;
    }
    // What is left are heads: of request, response, each block and each opaque field.
    EXPECT_EQ(described, bytes.size() - 4 - 8 - 7 * device.measurements.size() - 2 - 4 * device.opaque.size());
  }
}

TEST(NvgpuDescribe, what_fields_mean) {
  const auto report = parse_report(forge::Device::a_switch(Bytes(8, 7), {Bytes(8, 1), Bytes(8, 2)}).signed_report());
  const appraisal::Fields fields = describe(*report);
  const auto meaning = [&](std::string_view name) { return std::ranges::find(fields, name, &appraisal::Field::name)->meaning; };
  EXPECT_EQ(meaning("SWITCH_PDI"), "this switch: 0707070707070707");
  EXPECT_EQ(meaning("SWITCH_GPU_PDIS"), "connected to GPUs 0101010101010101, 0202020202020202");
  EXPECT_EQ(meaning("VBIOS_VERSION"), "96.10.73.00.01");
  EXPECT_EQ(meaning("measurement 1"), "nothing measured");
  EXPECT_EQ(meaning("measurement 2"), "index 1 of manifests");
}

}  // namespace
}  // namespace openpcc::nvgpu
