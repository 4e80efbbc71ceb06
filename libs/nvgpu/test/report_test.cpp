#include "openpcc/nvgpu/report.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using forge::Device;

TEST(NvgpuReport, a_gpus) {
  Device device;
  device.set(Field::switch_pdi, testkit::hex("0807060504030201080706050403020100000000000000000102030405060708"));
  device.set(Field::feature_flag, {2, 0});
  device.set(Field::protected_pcie_status, {0xaa});
  const Bytes bytes = device.signed_report();
  const auto report = parse_report(bytes);
  ASSERT_OK(report);
  EXPECT_EQ(report->nonce, device.nonce);
  EXPECT_EQ(report->measurements.size(), 64u);
  EXPECT_EQ(report->measurements[7].value, device.measurements[7]);
  EXPECT_EQ(report->driver_version, "550.90.07");
  EXPECT_EQ(report->vbios_version, "96.00.9F.00.01");
  EXPECT_EQ(report->mode, Mode::protected_pcie);
  EXPECT_EQ(report->protected_pcie, true);
  EXPECT_EQ(report->nvdec0_enabled, false);
  EXPECT_EQ(report->text(Field::project), "G520");
  EXPECT_EQ(report->text(Field::chip_info), "");
  EXPECT_EQ(report->switch_pdis, (std::vector<Pdi>{{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1}}));
  EXPECT_EQ(report->signed_bytes + kSignatureBytes, bytes.size());
}

TEST(NvgpuReport, a_switchs) {
  const auto report = parse_report(Device::a_switch(Bytes(8, 7), {Bytes(8, 1), Bytes(8, 2)}).signed_report());
  ASSERT_OK(report);
  EXPECT_EQ(report->vbios_version, "96.10.73.00.01");
  EXPECT_FALSE(report->driver_version);
  EXPECT_EQ(report->switch_gpu_pdis.size(), 2u);
  EXPECT_EQ(report->switch_pdis.size(), 1u);
}

TEST(NvgpuReport, every_cut_and_more) {
  const Bytes whole = Device().signed_report();
  for (size_t n = 0; n < whole.size(); n += n < 50 || n + 700 > whole.size() ? 1u : 13u) {
    EXPECT_FALSE(parse_report(ByteSpan(whole).first(n))) << n;
  }
  EXPECT_RULE(parse_report(ByteSpan(whole).first(whole.size() - 1)), "nvgpu.size");
  EXPECT_RULE(parse_report(concat({whole, Bytes{0}})), "nvgpu.trailing") << "as one published report has it";
  EXPECT_RULE(parse_report(Bytes(kReportBytesMax + 1, 0)), "nvgpu.size");
  EXPECT_RULE(parse_report({}), "nvgpu.size");
}

TEST(NvgpuReport, what_was_asked_and_answered) {
  const Bytes whole = Device().signed_report();
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = whole;
    changed[at] = value;
    return parse_report(changed);
  };
  for (const size_t at : {0u, 1u, 2u, 3u}) EXPECT_RULE(with(at, 0x12), "nvgpu.request");
  for (const size_t at : {37u, 38u}) EXPECT_RULE(with(at, 0x12), "nvgpu.response");
  EXPECT_RULE(with(41, 63), "nvgpu.block");
  EXPECT_RULE(with(41, 0), "nvgpu.block");
  EXPECT_RULE(with(44, 0xff), "nvgpu.size");
  EXPECT_RULE(with(45, 2), "nvgpu.block") << "an index";
  EXPECT_RULE(with(46, 0), "nvgpu.block") << "a specification";
  EXPECT_RULE(with(47, 50), "nvgpu.block") << "a size";
  EXPECT_RULE(with(49, 0x81), "nvgpu.block") << "raw";
  EXPECT_RULE(with(50, 47), "nvgpu.block") << "a value's size";
  EXPECT_OK(with(49, 0x02));
}

TEST(NvgpuReport, opaque_fields) {
  const auto with = [](Field field, const Bytes& value) {
    Device device;
    device.set(field, value);
    return parse_report(device.signed_report());
  };
  EXPECT_RULE(with(Field::driver_version, {'5', '5', '0'}), "nvgpu.opaque") << "no NUL";
  EXPECT_RULE(with(Field::driver_version, {'5', 0, '0', 0}), "nvgpu.opaque") << "text after a NUL";
  EXPECT_RULE(with(Field::driver_version, {'5', 0x1b, 0}), "nvgpu.opaque");
  EXPECT_RULE(with(Field::project, Bytes(65, 0)), "nvgpu.opaque");
  EXPECT_RULE(with(Field::vbios_version, {1, 2, 3, 4, 5, 6, 0, 0}), "nvgpu.opaque");
  EXPECT_RULE(with(Field::vbios_version, Bytes(7, 1)), "nvgpu.opaque");
  const std::string lower = "96.10.7a.00.01";
  EXPECT_RULE(with(Field::vbios_version, Bytes(lower.begin(), lower.end())), "nvgpu.opaque");
  EXPECT_RULE(with(Field::nvdec0_status, {0x56}), "nvgpu.opaque");
  EXPECT_RULE(with(Field::nvdec0_status, {}), "nvgpu.opaque");
  EXPECT_RULE(with(Field::fwid, Bytes(32, 1)), "nvgpu.opaque");
  EXPECT_RULE(with(Field::feature_flag, {0}), "nvgpu.opaque");
  EXPECT_RULE(with(Field::switch_pdi, Bytes(12, 1)), "nvgpu.opaque");
  EXPECT_RULE(with(Field::switch_gpu_pdis, Bytes(64, 1)), "nvgpu.opaque");
  EXPECT_OK(with(static_cast<Field>(999), Bytes(3, 1)));
  Device device;
  device.remove(Field::vbios_version);
  EXPECT_RULE(parse_report(device.signed_report()), "nvgpu.opaque") << "missing";
}

TEST(NvgpuReport, a_field_twice) {
  Device device;
  device.opaque.clear();
  device.set(Field::vbios_version, {0, 0, 0, 0x96, 0, 0, 0, 0});
  Bytes report = device.unsigned_report();
  const Bytes field(report.end() - 12, report.end());
  report.insert(report.end(), field.begin(), field.end());
  report[report.size() - 26] = 24;  // the length of both
  EXPECT_RULE(parse_report(device.sign(report)), "nvgpu.opaque");
}

TEST(NvgpuReport, names) {
  EXPECT_EQ(name_of(3), "DRIVER_VERSION");
  EXPECT_EQ(name_of(99), "type 99");
  EXPECT_EQ(to_string(Mode::multiple), "multi-GPU passthrough");
  EXPECT_EQ(to_string(static_cast<Mode>(7)), "unknown");
}

}  // namespace
}  // namespace openpcc::nvgpu
