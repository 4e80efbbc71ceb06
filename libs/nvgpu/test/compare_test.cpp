#include "openpcc/nvgpu/compare.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using forge::Device;
using forge::Entry;
using forge::ManifestText;

VerifiedManifest signed_by_nvidia(const ManifestText& text) {
  auto verification = forge::verify(text.sign());
  OPENPCC_CHECK(verification.verified.has_value());
  return std::move(*verification.verified);
}

// Pair is a device and its two manifests.
struct Pair {
  Device device;
  ManifestText driver = forge::manifest_of(device, Part::driver), vbios = forge::manifest_of(device, Part::vbios);

  std::vector<VerifiedManifest> manifests() const { return {signed_by_nvidia(driver), signed_by_nvidia(vbios)}; }
  // first is the rule that refuses first, empty where all is as the manifests say.
  std::string first() const {
    const auto verification = device.verify();
    const auto list = manifests();
    const Software software = measure(*verification.verified, list);
    if (software.failures.empty()) return {};
    EXPECT_TRUE(testkit::trips(Result<int>(std::unexpected(software.failures.front())), software.failures.front().rule.id()));
    return std::string(software.failures.front().rule.id());
  }
};

TEST(NvgpuCompare, everything_as_the_manifests_say) {
  const Pair pair;
  const auto verification = pair.device.verify();
  const auto list = pair.manifests();
  const Software software = measure(*verification.verified, list);
  EXPECT_TRUE(software.failures.empty());
  EXPECT_TRUE(software.complete(verification.verified->device()));
  EXPECT_TRUE(software.driver->matches());
  EXPECT_EQ(software.driver->compared, 31u) << "index 35 is decoder 0's, which is off";
  EXPECT_EQ(software.vbios->compared, 32u);
  EXPECT_EQ(software.driver_manifest, &list[0]);
  EXPECT_EQ(to_string(Part::driver), "driver");
}

TEST(NvgpuCompare, an_index_is_one_below_spdms) {
  const Pair pair;
  const auto verification = pair.device.verify();
  const Report& report = verification.verified->report();
  EXPECT_EQ(report.measurements[12].value[0], 12) << "SPDM's index 13";
  EXPECT_EQ(pair.vbios.entries[12].hashes[0][0], 12);
}

TEST(NvgpuCompare, what_was_measured_otherwise) {
  Pair pair;
  pair.driver.entries[7].hashes = {Bytes(48, 0xbb), Bytes(48, 0xcc)};
  EXPECT_EQ(pair.first(), "rim.measurement.mismatch");
  pair.driver.entries[7].hashes.push_back(Bytes(48, 7));
  EXPECT_EQ(pair.first(), "") << "one of the alternatives";
  pair.driver.entries[6].hashes = {Bytes(48, 0xbb)};
  EXPECT_EQ(pair.first(), "") << "inactive";
  pair.driver.entries.push_back({64, true, {Bytes(48, 0)}});
  EXPECT_EQ(pair.first(), "rim.measurement.missing");
}

TEST(NvgpuCompare, decoder_0) {
  Pair pair;
  pair.driver.entries[35].hashes = {Bytes(48, 0xbb)};
  EXPECT_EQ(pair.first(), "") << "off";
  pair.device.set(Field::nvdec0_status, {0xaa});
  EXPECT_EQ(pair.first(), "rim.measurement.mismatch") << "on";
}

TEST(NvgpuCompare, two_manifests_at_one_index) {
  Pair pair;
  pair.vbios.entries[7].active = true;
  EXPECT_EQ(pair.first(), "rim.overlap");
}

TEST(NvgpuCompare, manifests_of_others) {
  const Pair pair;
  const auto verification = pair.device.verify();
  const auto compared = [&](auto change) {
    ManifestText text = pair.driver;
    change(text);
    return compare(*verification.verified, signed_by_nvidia(text));
  };
  EXPECT_OK(compared([](ManifestText&) {}));
  EXPECT_RULE(compared([](ManifestText& t) { t.product = "GB100"; }), "rim.product");
  EXPECT_RULE(compared([](ManifestText& t) { t.edition = "SWITCH"; }), "rim.product");
  EXPECT_RULE(compared([](ManifestText& t) { t.version = "550.90.08"; }), "rim.version");
  const std::vector<VerifiedManifest> none;
  const Software software = measure(*verification.verified, none);
  EXPECT_FALSE(software.complete(verification.verified->device()));
}

// Two boards have the same VBIOS version, and the manifest does not name the board: one of them must match whole.
TEST(NvgpuCompare, several_manifests_of_one_version) {
  const Pair pair;
  ManifestText other = pair.vbios;
  other.entries[8].hashes = {Bytes(48, 0xbb)};
  const auto verification = pair.device.verify();
  for (const bool first : {true, false}) {
    std::vector<VerifiedManifest> list;
    list.push_back(signed_by_nvidia(first ? other : pair.vbios));
    list.push_back(signed_by_nvidia(first ? pair.vbios : other));
    const Software software = measure(*verification.verified, list);
    EXPECT_TRUE(software.failures.empty());
    EXPECT_EQ(software.vbios_manifest, &list[first ? 1 : 0]);
  }
  // Half of one and half of the other is not enough.
  ManifestText third = pair.vbios;
  third.entries[10].hashes = {Bytes(48, 0xbb)};
  std::vector<VerifiedManifest> list;
  list.push_back(signed_by_nvidia(other));
  list.push_back(signed_by_nvidia(third));
  EXPECT_FALSE(measure(*verification.verified, list).failures.empty());
}

TEST(NvgpuCompare, a_switch_has_one_manifest) {
  const Device device = Device::a_switch();
  const auto verification = device.verify();
  std::vector<VerifiedManifest> list;
  list.push_back(signed_by_nvidia(forge::manifest_of(device, Part::vbios)));
  const Software software = measure(*verification.verified, list);
  EXPECT_TRUE(software.failures.empty());
  EXPECT_TRUE(software.complete(verification.verified->device()));
  EXPECT_EQ(software.vbios->compared, 31u);
}

}  // namespace
}  // namespace openpcc::nvgpu
