// Composite evidence made of recordings, a CPU's and a GPU's: every row is judged, nothing is relaxed, and it is refused for its freshness and its
// binding by name. That all rows can pass together is shown with simulated devices (verify_test), since no recording covers a key made after it.
#include <boost/json.hpp>

#include "../src/kinds.h"
#include "../src/seen.h"
#include "recorded_machine.h"

namespace openpcc::attest {
namespace {

class CompositeTest : public RecordedMachine {
 protected:
  // gpu is an H100 with the manifests of its driver and VBIOS, whose signers' certificates end in June 2025.
  static Device gpu() {
    Device out;
    out.report = {std::string(kNvidiaReportType), testkit::evidence_file("nvidia/gpu/hopper-545-full-match/report.bin")};
    out.chain = {{std::string(kPemType), testkit::evidence_file("nvidia/gpu/hopper-545-full-match/cert_chain.pem")}};
    out.collateral = {
        {"driver-manifest", {std::string(kXmlType), testkit::evidence_file("nvidia/rim/Driver_RIM_test_no_gpu.swidtag")}},
        {"vbios-manifest", {std::string(kXmlType), testkit::evidence_file("nvidia/rim/1010_0200_882_96005E0001_test_no_gpu.swidtag")}}};
    return out;
  }

  // add puts the GPU beside the CPU, under a policy that takes both and asks for two owners of roots.
  void add(const Device& device) {
    gpus_.push_back(device);
    world_.policy_text.require_gpu = true;
    world_.policy_text.min_root_owners = 2;
    world_.policy_text.one_root_owner = false;
    hardware_ += "[nvgpu]\nmin_driver = \"545.00\"\nmodes = [\"single\"]\n[nvgpu.min_vbios]\nHopper = \"96.00.5E.00.01\"\n";
    world_.policy_text.gpu_releases = std::string(96, '0');
    const auto policy = policy::parse(as_bytes(world_.policy_text.text() + exceptions_ + hardware_));
    OPENPCC_CHECK(policy.has_value());
    Seen seen;
    const auto found = verify_nvidia_gpu(device, std::get<policy::ProductionPolicy>(*policy), now_, seen);
    OPENPCC_CHECK(found.has_value());
    world_.policy_text.gpu_releases = to_hex(found->measurement);
    world_.claims.gpu_digest = gpu_digest({found->device_id}, gpus_);
  }

  void expect_refused_by_name() {
    const Verdict verdict = judged();
    EXPECT_EQ(verdict.outcome(), Outcome::reject);
    EXPECT_EQ(refusals(verdict), (std::map<Property, std::string_view>{{Property::key_binding, "attest.binding.report_data"},
                                                                       {Property::gpu_firmware, "nvgpu.ocsp.missing"},
                                                                       {Property::gpu_binding, "attest.gpu.nonce"}}))
        << verdict.text(true);
    for (const Property property : {Property::root_of_trust, Property::gpu, Property::root_owners, Property::tcb, Property::debug}) {
      EXPECT_EQ(verdict.row(property)->state, State::passed) << to_string(property);
    }
    EXPECT_EQ(verdict.row(Property::one_chassis)->state, State::not_provable);
  }
};

TEST_F(CompositeTest, a_recorded_snp_machine_and_a_recorded_h100) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  snp("v3-genoa-veraison", "genoa");
  exceptions_.clear();
  cpu_.collateral["crl"] = {std::string(kCrlType), testkit::evidence_file("snp/crl/genoa-2024-10-23.crl.der")};
  add(gpu());
  expect_refused_by_name();
}

TEST_F(CompositeTest, a_recorded_tdx_machine_and_a_recorded_h100) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  add(gpu());
  expect_refused_by_name();
}

// A policy without the table of a technology takes neither, whatever else it takes.
TEST_F(CompositeTest, each_device_needs_its_table) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  add(gpu());
  hardware_ = "[tdx]\nmin_evaluation = 1\n";
  EXPECT_EQ(refusals(judged())[Property::gpu], "attest.kind.not_taken");
}

// The same GPU twice is one device; a report that was changed is none.
TEST_F(CompositeTest, what_stands_beside_the_cpu_is_judged_device_by_device) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  add(gpu());
  gpus_.push_back(gpu());
  EXPECT_EQ(refusals(judged())[Property::gpu_binding], "attest.gpu.duplicate");
  gpus_[1].report.bytes[300] ^= 1;
  const Verdict verdict = judged();
  EXPECT_EQ(refusals(verdict)[Property::gpu], "nvgpu.signature");
  ASSERT_EQ(verdict.gpus().size(), 2u);
  EXPECT_EQ(appraisal::refusal(verdict.gpus()[1].findings)->rule, Rule("nvgpu.signature"));
  EXPECT_NE(verdict.text(false).find("  GPU 1, not genuine\n    failed        genuine"), std::string::npos) << verdict.text(false);
}

// Eight recorded H100 with their manifests, as a machine has them, and what they would take if each brought its own.
TEST_F(CompositeTest, eight_gpus_with_their_manifests_fit) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  add(gpu());
  const auto size = [&](const std::vector<Device>& gpus) { return encode_evidence(world_.claims.encode(), cpu_, gpus).size(); };
  const size_t each = size({gpu()}) - size({});
  EXPECT_GT(size({}) + 8 * each, kEvidenceBytesMax);
  gpus_.assign(8, gpu());
  const Bytes evidence = encode_evidence(world_.claims.encode(), cpu_, gpus_);
  EXPECT_LT(evidence.size(), size({}) + 8 * each / 3);
  RecordProperty("evidence_bytes", std::to_string(evidence.size()));
  RecordProperty("evidence_bytes_unshared", std::to_string(size({}) + 8 * each));
  const auto parsed = Evidence::parse(evidence);
  ASSERT_OK(parsed);
  ASSERT_EQ(parsed->gpus().size(), 8u);
  for (const Device& device : parsed->gpus()) {
    EXPECT_EQ(device.collateral.size(), 2u);
    EXPECT_EQ(device.collateral.at("driver-manifest").bytes, gpu().collateral.at("driver-manifest").bytes);
  }
  const Verdict verdict = judged();
  EXPECT_EQ(verdict.row(Property::gpu)->state, State::passed) << verdict.text(true);
  EXPECT_EQ(refusals(verdict)[Property::gpu_binding], "attest.gpu.duplicate") << "one device, eight times";
}

// The rows sum the GPUs up; which of them is of which kind, with which versions, and what of it is open, stands below them.
TEST_F(CompositeTest, each_gpu_has_findings_of_its_own) {
  if (!available()) GTEST_SKIP() << "no shared evidence";
  tdx("v4-phala", "phala-tdx-B0C06F", 1'750'400'000);
  add(gpu());
  const Verdict verdict = judged();
  ASSERT_EQ(verdict.gpus().size(), 1u);
  const std::string text = verdict.text(false), id = to_hex(verdict.gpus()[0].device_id);
  EXPECT_EQ(id.size(), 16u);
  for (const std::string& line :
       {"  GPU 0, " + id, std::string("passed        product       Hopper, GH100"), std::string("passed        tcb           545.00"),
        std::string("passed        firmware      VBIOS 96.00.5E.00.01 of board 1010-0200"), std::string("failed        revocation"),
        std::string("not provable  debug         no report says so")}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  const auto json = boost::json::parse(verdict.json());
  const auto& gpu = json.at("gpus").as_array().at(0);
  EXPECT_EQ(gpu.at("device_id").as_string(), id);
  EXPECT_EQ(gpu.at("findings").as_array().size(), verdict.gpus()[0].findings.size());
  EXPECT_EQ(gpu.at("findings").as_array().at(0).at("aspect").as_string(), "revocation");
}

}  // namespace
}  // namespace openpcc::attest
