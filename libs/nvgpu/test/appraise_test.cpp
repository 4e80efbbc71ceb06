#include "openpcc/nvgpu/appraise.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

using appraisal::Aspect;
using appraisal::Finding;
using appraisal::State;
using forge::Device;
using forge::kNow;

appraisal::Findings judged(const Device& device, const Demands& demands, const std::vector<VerifiedManifest>& manifests = {},
                           const std::vector<Bytes>& ocsp = {}) {
  const auto verification = device.verify(kNow, ocsp);
  OPENPCC_CHECK(verification.verified.has_value());
  return appraise(*verification.verified, measure(*verification.verified, manifests), demands);
}

// refused says that exactly this rule refuses.
testing::AssertionResult refused(const appraisal::Findings& findings, std::string_view rule) {
  if (std::ranges::count(findings, State::failed, &Finding::state) != 1) return testing::AssertionFailure() << "not one refusal";
  const Finding& finding = *appraisal::refusal(findings);
  if (finding.remedy.empty()) return testing::AssertionFailure() << "no remedy";
  return testkit::trips(Result<int>(fail(Code::rejected, finding.rule)), rule);
}

State state_of(const appraisal::Findings& findings, Aspect aspect) { return std::ranges::find(findings, aspect, &Finding::aspect)->state; }

// manifests_of brings the answer about their signer along.
std::vector<VerifiedManifest> manifests_of(const Device& device) {
  const forge::Author& author = forge::Author::one();
  const Bytes answer = x509::forge::ocsp({.issuer_name = author.root.subject,
                                          .issuer_spki = author.root.spki,
                                          .serial = author.signer.serial,
                                          .this_update = kNow - 10,
                                          .next_update = kNow + 10},
                                         author.root_key);
  std::vector<VerifiedManifest> out;
  for (const Part part : {Part::driver, Part::vbios}) {
    out.push_back(*forge::verify(forge::manifest_of(device, part).sign(), kNow, author, {{answer}, {}}).verified);
  }
  return out;
}

TEST(NvgpuAppraise, nothing_demanded) {
  const auto findings = judged(Device(), {});
  EXPECT_EQ(appraisal::refusal(findings), nullptr);
  EXPECT_EQ(state_of(findings, Aspect::debug), State::not_provable) << "no report says whether CC mode is on";
  for (const Aspect aspect :
       {Aspect::revocation, Aspect::identity, Aspect::tcb, Aspect::firmware, Aspect::platform, Aspect::software, Aspect::bound_data}) {
    EXPECT_EQ(state_of(findings, aspect), State::not_checked) << to_string(aspect);
  }
}

TEST(NvgpuAppraise, everything_demanded) {
  const Device device;
  Demands demands;
  demands.architectures = {Architecture::hopper};
  demands.min_driver = "550.90.07";
  demands.min_vbios[Architecture::hopper].any = "96.00.9F.00.01";
  demands.modes = {Mode::single};
  demands.fwids.emplace(*to_array<kDigestBytes>(forge::fwid(), "test"));
  demands.nonce = device.nonce;
  demands.require_manifests = demands.require_revocation = demands.require_fwid = true;
  const auto findings = judged(device, demands, manifests_of(device), {device.answer(1), device.answer(2), device.answer(3)});
  for (const Finding& finding : findings) {
    const State expected = finding.aspect == Aspect::debug      ? State::not_provable
                           : finding.aspect == Aspect::identity ? State::not_checked  // the chip ledger is a policy's
                                                                : State::passed;
    EXPECT_EQ(finding.state, expected) << to_string(finding.aspect) << " " << finding.seen;
  }
}

TEST(NvgpuAppraise, each_demand_refuses) {
  const Device device;
  const auto with = [&](auto change) {
    Demands demands;
    change(demands);
    return judged(device, demands);
  };
  EXPECT_TRUE(refused(with([](Demands& d) { d.architectures = {Architecture::blackwell}; }), "nvgpu.chip.excluded"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.fwids = {Digest{}}; }), "nvgpu.fwid.value"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.min_driver = "550.144.03"; }), "nvgpu.driver.minimum")) << "144 is more than 90";
  EXPECT_TRUE(refused(with([](Demands& d) { d.min_driver = "x"; }), "nvgpu.driver.minimum"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.min_vbios[Architecture::hopper].any = "96.00.A5.00.00"; }), "nvgpu.vbios.minimum"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.modes = {Mode::multiple, Mode::protected_pcie}; }), "nvgpu.feature_flag"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.nonce.emplace().fill(1); }), "nvgpu.nonce"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.require_revocation = true; }), "nvgpu.ocsp.missing"));
  EXPECT_TRUE(refused(with([](Demands& d) { d.require_manifests = true; }), "rim.missing"));
}

TEST(NvgpuAppraise, the_boards_own_minimum_comes_first) {
  Device device;
  const auto text = [](std::string_view t) {
    Bytes out(t.begin(), t.end());
    out.push_back(0);
    return out;
  };
  device.set(Field::project_sku, text("0200"));
  const auto with = [&](std::string any, const std::string& board, const std::string& minimum) {
    Demands demands;
    demands.min_vbios[Architecture::hopper] = {std::move(any), {{board, minimum}}};
    return judged(device, demands);
  };
  EXPECT_EQ(appraisal::refusal(with("96.00.A5.00.00", "G520-0200", "96.00.9F.00.01")), nullptr);
  EXPECT_TRUE(refused(with("96.00.01.00.00", "G520-0200", "96.00.A5.00.00"), "nvgpu.vbios.minimum"));
  EXPECT_TRUE(refused(with("96.00.A5.00.00", "1010-0200", "96.00.01.00.00"), "nvgpu.vbios.minimum")) << "of another board";
  EXPECT_TRUE(refused(with("", "1010-0200", "96.00.01.00.00"), "nvgpu.vbios.minimum")) << "a board without a minimum";
  EXPECT_EQ(appraisal::refusal(with("", "G520-0200", "96.00.01.00.00")), nullptr);
  device.remove(Field::project_sku);
  EXPECT_TRUE(refused(with("", "G520-0200", "96.00.01.00.00"), "nvgpu.vbios.minimum")) << "a report that does not say";
}

TEST(NvgpuAppraise, older_drivers) {
  Device device;
  device.remove(Field::fwid);
  device.remove(Field::feature_flag);
  Demands demands;
  EXPECT_EQ(appraisal::refusal(judged(device, demands)), nullptr);
  demands.require_fwid = true;
  EXPECT_TRUE(refused(judged(device, demands), "nvgpu.fwid.missing"));
  demands = {};
  demands.fwids = {Digest{}};
  EXPECT_TRUE(refused(judged(device, demands), "nvgpu.fwid.value")) << "the leaf says it, whatever the driver reports";
  demands = {};
  demands.modes = {Mode::single};
  EXPECT_TRUE(refused(judged(device, demands), "nvgpu.feature_flag"));
}

TEST(NvgpuAppraise, a_nonce_is_compared_whole) {
  Device device;
  Demands demands;
  demands.nonce = device.nonce;
  EXPECT_EQ(appraisal::refusal(judged(device, demands)), nullptr);
  for (const size_t at : {0u, 31u}) {
    device.nonce = *demands.nonce;
    device.nonce[at] ^= 0x80;
    EXPECT_TRUE(refused(judged(device, demands), "nvgpu.nonce"));
  }
}

TEST(NvgpuAppraise, half_of_the_manifests) {
  const Device device;
  auto manifests = manifests_of(device);
  manifests.pop_back();
  EXPECT_EQ(state_of(judged(device, {}, manifests), Aspect::software), State::not_checked);
  Demands demands;
  demands.require_manifests = true;
  EXPECT_TRUE(refused(judged(device, demands, manifests), "rim.missing"));
}

TEST(NvgpuAppraise, measurements_that_differ_refuse_undemanded) {
  Device device;
  const auto manifests = manifests_of(device);
  device.measurements[9].fill(0xee);
  EXPECT_TRUE(refused(judged(device, {}, manifests), "rim.measurement.mismatch"));
}

TEST(NvgpuAppraise, a_switch_is_asked_for_less) {
  Demands demands;
  demands.min_driver = "999";
  demands.modes = {Mode::multiple};
  demands.require_fwid = true;
  EXPECT_EQ(appraisal::refusal(judged(Device::a_switch(), demands)), nullptr);
  demands.min_vbios[Architecture::ls10].any = "96.10.74.00.00";
  EXPECT_TRUE(refused(judged(Device::a_switch(), demands), "nvgpu.vbios.minimum"));
}

TEST(NvgpuAppraise, versions) {
  EXPECT_EQ(at_least("550.90.07", "550.90.07", 10), true);
  EXPECT_EQ(at_least("550.144.03", "550.90.07", 10), true);
  EXPECT_EQ(at_least("545.00", "550", 10), false);
  EXPECT_EQ(at_least("550", "550.1", 10), false);
  EXPECT_EQ(at_least("96.00.A5.00.01", "96.00.9F.00.02", 16), true);
  for (const char* bad : {"", "5.", ".5", "5..5", "5.x", "-5", "99999999999"}) EXPECT_EQ(at_least(bad, "5", 10), std::nullopt) << bad;
}

}  // namespace
}  // namespace openpcc::nvgpu
