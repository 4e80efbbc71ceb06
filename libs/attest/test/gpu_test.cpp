// Recorded evidence of NVIDIA's GPUs: as a platform's, and as a device of a node under a production policy.
#include "../src/kind_hardware.h"
#include "../src/seen.h"
#include "nvgpu_forge.h"
#include "openpcc/attest/platform.h"
#include "openpcc/x509/ocsp.h"
#include "world.h"

namespace openpcc::attest {
namespace {

using appraisal::Aspect;
using appraisal::State;

constexpr UnixSeconds kTime = 1'717'200'000;  // 2024-06-01

class GpuTest : public testing::Test {
 protected:
  static Bytes shared(const std::string& file) { return testkit::read_file(*testkit::shared_file("evidence/nvidia/" + file)); }
  void SetUp() override {
    if (!testkit::shared_file("evidence/nvidia")) GTEST_SKIP() << "no shared evidence";
    report_ = shared("gpu/hopper-545-full-match/report.bin");
    chain_ = shared("gpu/hopper-545-full-match/cert_chain.pem");
    driver_ = shared("rim/Driver_RIM_test_no_gpu.swidtag");
    vbios_ = shared("rim/1010_0200_882_96005E0001_test_no_gpu.swidtag");
  }

  static std::set<std::string> refusals(const appraisal::Findings& findings) {
    std::set<std::string> out;
    for (const appraisal::Finding& finding : findings) {
      if (finding.state == State::failed) out.emplace(finding.rule.id());
    }
    return out;
  }
  static PlatformVerdict judged(const std::vector<Bytes>& items, const PlatformDemands& demands = {}) {
    auto verdict = verify_platform(items, kTime, demands);
    OPENPCC_CHECK(verdict.has_value());
    return std::move(*verdict);
  }

  // A device of a node, and a policy that takes it but for what a recording of 2023 cannot have.
  Device device() const {
    Device out;
    out.report = {std::string(kNvidiaReportType), report_};
    out.chain = {{std::string(kPemType), chain_}};
    out.collateral = {{"driver-manifest", {std::string(kXmlType), driver_}}, {"vbios-manifest", {std::string(kXmlType), vbios_}}};
    return out;
  }
  static policy::ProductionPolicy policy_with(const std::string& nvgpu) {
    testing_world::World world;
    world.policy_text.kind = "production";
    auto parsed = policy::parse(as_bytes(world.policy_text.text() + nvgpu));
    OPENPCC_CHECK(parsed.has_value());
    return std::get<policy::ProductionPolicy>(*parsed);
  }
  static std::string table() {
    return "[nvgpu]\nmin_driver = \"545.00\"\nmodes = [\"single\"]\n[nvgpu.min_vbios]\nHopper = \"96.00.5E.00.01\"\n";
  }

  static Result<Findings> verified(const Device& device, const std::string& nvgpu) {
    Seen seen;
    return verify_nvidia_gpu(device, policy_with(nvgpu), kTime, seen);
  }

  Bytes report_, chain_, driver_, vbios_;
};

TEST_F(GpuTest, a_platform_with_all_that_vouches_for_it) {
  const PlatformVerdict verdict = judged({vbios_, chain_, driver_, report_});
  EXPECT_EQ(verdict.outcome, Outcome::accept) << verdict.text(true);
  EXPECT_TRUE(verdict.genuine);
  EXPECT_EQ(verdict.kind, "NVIDIA GPU report, GH100");
  EXPECT_EQ(verdict.evidence_digest, crypto::sha256(report_));
  PlatformDemands demands;
  demands.nvidia.device.min_driver = "550";
  EXPECT_EQ(refusals(judged({report_, chain_, driver_, vbios_}, demands).findings), (std::set<std::string>{"nvgpu.driver.minimum"}));
}

// Whoever demands a machine's measurement must not be given a GPU in its place, nor the reverse.
TEST_F(GpuTest, demands_of_another_technology) {
  const auto refused = [&](const std::vector<Bytes>& items, UnixSeconds now, auto change) {
    PlatformDemands demands;
    change(demands);
    const auto verdict = verify_platform(items, now, demands);
    EXPECT_OK(verdict);
    EXPECT_EQ(verdict->outcome, Outcome::reject);
    for (const appraisal::Finding& finding : verdict->findings) {
      if (finding.state == State::failed) testkit::note_tripped(finding.rule.id());
    }
    return refusals(verdict->findings);
  };
  const std::set<std::string> expected{"platform.demand"};
  const std::vector<Bytes> gpu{report_, chain_, driver_, vbios_};
  EXPECT_EQ(refused(gpu, kTime, [](PlatformDemands& d) { d.snp.measurements = {Bytes(48, 1)}; }), expected);
  EXPECT_EQ(refused(gpu, kTime, [](PlatformDemands& d) { d.tdx.report_data.emplace(); }), expected);
  const auto snp = testkit::shared_file("evidence/snp");
  const std::vector<Bytes> cpu{testkit::read_file(*snp / "reports/v5-turin-microsoft/report.bin"),
                               testkit::read_file(*snp / "reports/v5-turin-microsoft/vcek.der"),
                               testkit::read_file(*snp / "roots/turin/ask.der"), testkit::read_file(*snp / "roots/turin/ark.der")};
  const UnixSeconds now = x509::Certificate::parse(cpu[1])->window().from;
  EXPECT_EQ(refused(cpu, now, [](PlatformDemands& d) { d.nvidia.device.nonce.emplace(); }), expected);
}

TEST_F(GpuTest, a_manifest_that_is_changed_or_anothers) {
  Bytes changed = driver_;
  const std::string_view text = as_text(changed);
  changed[text.find("active=\"True\"") - 3] ^= 1;
  const PlatformVerdict verdict = judged({report_, chain_, changed, vbios_});
  EXPECT_EQ(verdict.outcome, Outcome::reject);
  EXPECT_TRUE(verdict.genuine) << "the device is, whatever the manifest says";
  EXPECT_EQ(refusals(verdict.findings), (std::set<std::string>{"rim.digest"}));
  EXPECT_EQ(refusals(judged({report_, chain_, shared("rim/1010_0205_862_96005E0004_PROD.swidtag")}).findings),
            (std::set<std::string>{"rim.version"}));
}

TEST_F(GpuTest, statements_of_revocation_go_to_their_chains) {
  const auto chain = *x509::Certificate::parse_pem(chain_, 5);
  const x509::forge::Key key(x509::Algorithm::ecdsa_sha384);
  const auto about = [&](const x509::Certificate& subject, const x509::Certificate& issuer) {
    return x509::forge::ocsp({.issuer_name = Bytes(subject.issuer().begin(), subject.issuer().end()),
                              .issuer_spki = Bytes(issuer.spki().begin(), issuer.spki().end()),
                              .serial = Bytes(subject.serial().begin(), subject.serial().end()),
                              .this_update = kTime - 10,
                              .next_update = kTime + 10},
                             key);
  };
  EXPECT_EQ(refusals(judged({report_, chain_, about(chain[3], chain[4])}).findings), (std::set<std::string>{"nvgpu.ocsp.signature"}));
  const auto signer = nvgpu::certificates_of_manifest(driver_);
  const PlatformVerdict of_manifest = judged({report_, chain_, driver_, vbios_, about(signer[0], signer[1])});
  EXPECT_EQ(refusals(of_manifest.findings), (std::set<std::string>{"nvgpu.ocsp.signature"}));
  EXPECT_TRUE(of_manifest.genuine);
  EXPECT_EQ(refusals(judged({report_, chain_, about(chain[4], chain[3])}).findings), (std::set<std::string>{"nvgpu.ocsp.certificate"}));
}

TEST_F(GpuTest, forged_evidence_with_perfect_names) {
  const nvgpu::forge::Device forged;
  auto verdict = verify_platform(std::vector<Bytes>{forged.signed_report(), forged.chain()}, nvgpu::forge::kNow, {});
  ASSERT_OK(verdict);
  EXPECT_FALSE(verdict->genuine);
  EXPECT_EQ(refusals(verdict->findings), (std::set<std::string>{"nvgpu.chain.root"}));
  EXPECT_EQ(verdict->outcome, Outcome::reject);
}

TEST_F(GpuTest, no_policy_judges_a_bare_gpu) {
  EXPECT_RULE(verify_platform_by(std::vector<Bytes>{report_, chain_}, kTime, policy_with(table()), std::nullopt), "platform.policy");
}

TEST_F(GpuTest, reports_that_cannot_be_read) {
  Bytes longer = report_;
  longer.push_back(0);
  EXPECT_EQ(judged({longer, chain_}).outcome, Outcome::malformed);
  Bytes other = report_;
  other[0] = 0x12;
  EXPECT_EQ(judged({other, chain_}).outcome, Outcome::unsupported);
}

TEST_F(GpuTest, a_recorded_gpu_under_a_production_policy) {
  const auto findings = verified(device(), table());
  ASSERT_OK(findings);
  EXPECT_EQ(findings->root_owner, "NVIDIA");
  EXPECT_EQ(findings->device_id.size(), 8u);
  const nvgpu::Report report = *nvgpu::parse_report(report_);
  EXPECT_TRUE(equal(findings->bound, report.nonce));
  const auto digest = [](const Bytes& xml) { return nvgpu::verify_manifest(xml, {}, kTime).verified->digest(); };
  EXPECT_EQ(findings->measurement, nvidia_release(digest(driver_), digest(vbios_)));
  EXPECT_NE(findings->measurement, nvidia_release(digest(vbios_), digest(driver_)));
  EXPECT_EQ(refusals(findings->platform), (std::set<std::string>{"nvgpu.feature_flag", "nvgpu.fwid.missing", "nvgpu.ocsp.missing"}));
}

// What is verified once is what is the same: the bytes, and what is said of who signed them.
TEST_F(GpuTest, a_manifest_of_two_gpus_is_verified_once) {
  const policy::ProductionPolicy policy = policy_with(table());
  Seen seen;
  const auto first = verify_nvidia_gpu(device(), policy, kTime, seen);
  ASSERT_OK(first);
  EXPECT_EQ(seen.manifests.size(), 2u);
  const auto second = verify_nvidia_gpu(device(), policy, kTime, seen);
  ASSERT_OK(second);
  EXPECT_EQ(seen.manifests.size(), 2u);
  EXPECT_EQ(second->measurement, first->measurement);
  EXPECT_EQ(second->window, first->window);
  const auto signers = nvgpu::certificates_of_manifest(driver_);
  const x509::forge::Key key(x509::Algorithm::ecdsa_sha384);
  const auto bytes = [](ByteSpan span) { return Bytes(span.begin(), span.end()); };
  Device answered = device();
  answered.collateral["ocsp-a"] = {std::string(kOcspType), x509::forge::ocsp({.issuer_name = bytes(signers[0].issuer()),
                                                                              .issuer_spki = bytes(signers[1].spki()),
                                                                              .serial = bytes(signers[0].serial()),
                                                                              .this_update = kTime - 10,
                                                                              .next_update = kTime + 10},
                                                                             key)};
  EXPECT_RULE(verify_nvidia_gpu(answered, policy, kTime, seen), "nvgpu.ocsp.signature") << "though the manifest was good without it";
  ASSERT_OK(verify_nvidia_gpu(device(), policy, kTime, seen));
}

TEST_F(GpuTest, what_a_production_policy_does_not_take) {
  EXPECT_RULE(verified(device(), ""), "attest.kind.not_taken");
  Device changed = device();
  changed.chain.clear();
  EXPECT_RULE(verified(changed, table()), "attest.kind.chain");
  changed = device();
  changed.collateral.erase("driver-manifest");
  EXPECT_RULE(verified(changed, table()), "attest.kind.collateral");
  changed = device();
  changed.collateral["other"] = {std::string(kXmlType), driver_};
  EXPECT_RULE(verified(changed, table()), "attest.kind.collateral");
  changed = device();
  changed.collateral["driver-manifest"].bytes = chain_;
  EXPECT_RULE(verified(changed, table()), "rim.xml.syntax");
  changed = device();
  changed.report.bytes = shared("switch/ls10-9610550001/report.bin");
  changed.chain[0].bytes = shared("switch/ls10-9610550001/cert_chain.pem");
  EXPECT_RULE(verified(changed, table()), "nvgpu.chip.excluded");
}

}  // namespace
}  // namespace openpcc::attest
