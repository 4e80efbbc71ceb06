// Devices of one machine together. A released tool got sets of GPUs wrong more than once (NVIDIA/nvtrust issues 38 and 107).
#include "nvgpu_forge.h"
#include "openpcc/nvgpu/appraise.h"

namespace openpcc::nvgpu {
namespace {

using appraisal::Finding;
using forge::Device;
using forge::Options;

Bytes id(uint8_t n) { return Bytes(8, n); }

Bytes links_to(std::initializer_list<uint8_t> switches) {
  Bytes out;
  for (const uint8_t n : switches) out.insert(out.end(), 16, n);  // two links to each
  return out;
}

Device gpu(uint8_t n, std::initializer_list<uint8_t> switches) {
  Options options;
  options.id = id(n);
  Device out(options);
  if (switches.size() == 0) return out;
  out.set(Field::feature_flag, {2, 0});
  out.set(Field::switch_pdi, links_to(switches));
  return out;
}

VerifiedReport verified(const Device& device) {
  auto verification = device.verify();
  OPENPCC_CHECK(verification.verified.has_value());
  return std::move(*verification.verified);
}

// machine is two GPUs at two switches.
std::vector<Device> machine() {
  std::vector<Device> out;
  out.push_back(gpu(1, {11, 12}));
  out.push_back(gpu(2, {12, 11}));
  out.push_back(Device::a_switch(id(11), {id(1), id(2)}));
  out.push_back(Device::a_switch(id(12), {id(2), id(1)}));
  return out;
}

appraisal::Findings judged(const std::vector<Device>& devices, const SetDemands& demands = {2, 2}) {
  std::vector<VerifiedReport> reports;
  for (const Device& device : devices) reports.push_back(verified(device));
  return appraise_set(reports, demands);
}

testing::AssertionResult refused(const appraisal::Findings& findings, std::string_view rule) {
  for (const Finding& finding : findings) {
    if (finding.state != appraisal::State::failed || finding.rule.id() != rule) continue;
    return testkit::trips(Result<int>(fail(Code::rejected, finding.rule)), rule);
  }
  return testing::AssertionFailure() << rule << " refuses nothing";
}

TEST(NvgpuSet, a_machine) {
  EXPECT_EQ(appraisal::refusal(judged(machine())), nullptr);
  std::vector<Device> alone;
  alone.push_back(gpu(1, {}));
  EXPECT_EQ(appraisal::refusal(judged(alone, {1, 0})), nullptr);
}

TEST(NvgpuSet, a_subset_and_none) {
  auto devices = machine();
  devices.erase(devices.begin());
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.count"));
  EXPECT_TRUE(refused(judged(devices, {}), "nvgpu.set.topology")) << "the switches name a GPU that nobody showed";
  devices = machine();
  devices.pop_back();
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.count"));
  EXPECT_TRUE(refused(judged(devices, {}), "nvgpu.set.topology")) << "the GPUs name a switch that nobody showed";
  EXPECT_TRUE(refused(judged({}, {}), "nvgpu.set.kind")) << "no GPU";
}

TEST(NvgpuSet, one_device_twice) {
  std::vector<Device> devices;
  for (const uint8_t n : std::initializer_list<uint8_t>{1, 2, 3, 1}) devices.push_back(gpu(n, {}));
  EXPECT_TRUE(refused(judged(devices, {4, 0}), "nvgpu.set.duplicate"));
  // With new firmware, and so with another leaf, it is the same device.
  devices.back().leaf.serial = {0x52, 0x01};
  EXPECT_TRUE(refused(judged(devices, {4, 0}), "nvgpu.set.duplicate"));
}

TEST(NvgpuSet, another_nonce) {
  auto devices = machine();
  devices[1].nonce[31] ^= 1;
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.nonce"));
}

TEST(NvgpuSet, chips_of_two_kinds) {
  std::vector<Device> devices;
  devices.push_back(gpu(1, {}));
  Options blackwell;
  blackwell.chip = "GB100";
  blackwell.id = id(2);
  devices.push_back(Device(blackwell));
  EXPECT_TRUE(refused(judged(devices, {2, 0}), "nvgpu.set.kind"));
}

TEST(NvgpuSet, links_to_others) {
  auto devices = machine();
  devices[0].set(Field::switch_pdi, links_to({11, 13}));
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.topology"));
  devices[0].set(Field::switch_pdi, links_to({11}));
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.topology"));
  devices = machine();
  devices[2] = Device::a_switch(id(11), {id(1), id(2), id(3)});
  EXPECT_TRUE(refused(judged(devices), "nvgpu.set.topology"));
  std::vector<Device> without;
  without.push_back(gpu(1, {11, 12}));
  EXPECT_TRUE(refused(judged(without, {1, 0}), "nvgpu.set.topology")) << "protected PCIe, and nobody showed the switches";
}

}  // namespace
}  // namespace openpcc::nvgpu
