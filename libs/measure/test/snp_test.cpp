#include "openpcc/measure/snp.h"

#include "maker.h"
#include "openpcc/measure/explain.h"
#include "openpcc/testkit/json.h"

namespace openpcc::measure {
namespace {

using testkit::hex;
using testkit::int_at;
using testkit::text_at;

SnpLaunch launch_of_vector(const boost::json::value& vector) {
  const Bytes firmware = testkit::read_file(*testkit::shared_file("evidence/snp/measure/" + std::string(text_at(vector, "ovmf"))));
  SnpLaunch launch;
  launch.firmware = *SnpFirmware::of(firmware);
  if (!vector.at("kernel").is_null()) {
    const boost::json::value* cmdline = vector.as_object().if_contains("append");
    launch.kernel = KernelHashes::of({}, {}, cmdline != nullptr ? std::string_view(cmdline->as_string()) : std::string_view());
  }
  const boost::json::value* vmm = vector.as_object().if_contains("vmm");
  launch.vmm = vmm != nullptr ? *vmm_of(std::string_view(vmm->as_string())) : Vmm::qemu;
  launch.vcpus = static_cast<uint32_t>(int_at(vector, "vcpus"));
  launch.signature = static_cast<uint32_t>(std::stoul(std::string(text_at(vector, "vcpu_sig")), nullptr, 16));
  launch.sev_features = std::stoul(std::string(text_at(vector, "guest_features")), nullptr, 16);
  return launch;
}

TEST(Snp, published_launch_digests) {
  OPENPCC_SHARED_JSON(file, "evidence/snp/measure/VECTORS.json");
  std::vector<std::string> reproduced;
  std::vector<std::string> named;
  for (const boost::json::value& vector : file.at("vectors").as_array()) {
    const auto measurement = measure_snp(launch_of_vector(vector));
    if (vector.as_object().contains("expect_error")) {
      EXPECT_RULE(measurement, "measure.snp.no_hashes");
      continue;
    }
    ASSERT_OK(measurement);
    EXPECT_EQ(to_hex(measurement->value("MEASUREMENT")), text_at(vector, "launch_digest")) << text_at(vector, "name");
    reproduced.push_back("virtee/sev-snp-measure " + std::string(text_at(vector, "name")));
    for (const Proof& proof : measurement->proofs) named.push_back(proof.pair);
  }
  EXPECT_EQ(reproduced.size(), 14u);
  for (const std::string& pair : named) {
    EXPECT_TRUE(pair.empty() || std::ranges::find(reproduced, pair) != reproduced.end()) << pair << " is named, but was not reproduced";
  }
}

TEST(Snp, published_digest_of_the_firmware_alone) {
  OPENPCC_SHARED_JSON(file, "evidence/snp/measure/VECTORS.json");
  const SnpLaunch launch = launch_of_vector(file.at("vectors").at(0));
  std::vector<Page> pages = *pages_before_vcpus(launch);
  pages.resize(launch.firmware.pages.size());
  EXPECT_EQ(to_hex(launch_digest(pages).value("MEASUREMENT")), text_at(file, "ovmf_hash_AmdSev"));
}

// The digests that virtee/sev (8.0.0, tests/measurement.rs) expects for EC2 differ from those of virtee/sev-snp-measure in one register: RDX is zero.
TEST(Snp, other_published_digests_of_ec2) {
  OPENPCC_SHARED_JSON(file, "evidence/snp/measure/VECTORS.json");
  SnpLaunch launch = launch_of_vector(file.at("vectors").at(4));
  ASSERT_EQ(launch.vmm, Vmm::ec2);
  launch.rdx = 0;
  EXPECT_EQ(to_hex(measure_snp(launch)->value("MEASUREMENT")),
            "6ae80856486b1396af8c82a40351d6ed76a20c785e9c7fa4ffa27c22d5d6313b4b3b458cd3c9968e6f89fb5d8450d7a6");
  launch.sev_features = 1;
  EXPECT_EQ(to_hex(measure_snp(launch)->value("MEASUREMENT")),
            "7d3756157c805bf6adf617064c8552e8c1688fa1c8756f11cbf56ba5d25c9270fb69c0505c1cbe1c5c66c0e34c6ed3be");
}

SnpLaunch own_launch() {
  SnpLaunch out;
  out.firmware = *SnpFirmware::of(maker::Firmware().make());
  out.signature = *cpu_signature("EPYC-Milan");
  return out;
}

TEST(Snp, trace_covers_every_page) {
  SnpLaunch launch = own_launch();
  launch.vcpus = 3;
  launch.kernel = KernelHashes::of(as_bytes("kernel"), as_bytes("initrd"), "quiet");
  const auto measurement = measure_snp(launch);
  ASSERT_OK(measurement);
  ASSERT_EQ(measurement->trace.size(), 4u + 2 + 1 + 1 + 1 + 3);
  EXPECT_EQ(measurement->trace[0].gpa, 0xffffc000u);
  EXPECT_EQ(measurement->trace[3].offset, 0x3000u);
  EXPECT_EQ(measurement->trace[8].input, "kernel hashes");
  EXPECT_EQ(measurement->trace.back().gpa, 0xfffffffff000u);
  EXPECT_EQ(to_hex(measurement->trace.back().after), to_hex(measurement->value("MEASUREMENT")));
  EXPECT_NE(measurement->trace[9].digest, measurement->trace[10].digest) << "further processors start elsewhere";
  EXPECT_EQ(measurement->trace[10].digest, measurement->trace[11].digest);
}

TEST(Snp, what_is_unverified_says_so) {
  SnpLaunch launch = own_launch();
  launch.sev_features = 0x5;
  const auto measurement = measure_snp(launch);
  ASSERT_OK(measurement);
  EXPECT_EQ(std::ranges::count(measurement->proofs, std::string(), &Proof::pair), 2) << "vCPU type and features";
  launch.vmm = Vmm::gce;
  EXPECT_EQ(measure_snp(launch)->proofs.front().pair, "") << "no pair without a kernel was published for GCE";
}

TEST(Snp, refusals) {
  SnpLaunch launch = own_launch();
  for (const uint32_t vcpus : {0u, kVcpusMax + 1, 0xffffffffu}) {
    launch.vcpus = vcpus;
    EXPECT_RULE(measure_snp(launch), "measure.snp.vcpus");
  }
  launch = own_launch();
  launch.kernel = KernelHashes::of({}, {}, "");
  launch.firmware.metadata.hashes_gpa.reset();
  EXPECT_RULE(measure_snp(launch), "measure.snp.no_hashes");
  launch.firmware.metadata.hashes_gpa = 0x804f51;
  EXPECT_RULE(measure_snp(launch), "measure.snp.no_hashes") << "the table would end on the next page";
  launch.firmware.metadata.hashes_gpa = 0x804f50;
  EXPECT_OK(measure_snp(launch));
  launch.firmware.metadata.sections.pop_back();
  EXPECT_RULE(measure_snp(launch), "measure.snp.no_hashes");
}

TEST(Snp, vcpu_signatures) {
  EXPECT_EQ(cpu_signature("EPYC-v4"), 0x800f12u);
  EXPECT_EQ(cpu_signature("EPYC-Milan"), 0xa00f11u);
  EXPECT_EQ(cpu_signature("EPYC-Genoa"), 0xa10f10u);
  EXPECT_EQ(cpu_signature("EPYC-Turin"), 0xb00f00u);
  EXPECT_FALSE(cpu_signature("Xeon"));
  EXPECT_FALSE(vmm_of("xen"));
}

// Spec: virtee/sev, tests/id-block.rs; the keys stand in its ID authentication block.
TEST(SnpId, published_blocks_and_digests) {
  IdBlock block;
  block.policy = 0x30000;
  const Bytes digest = hex("a14d638341e5674628fe1e02fbedebe5e5ab4faf1dd72d8966068e615bb99efd13d214b35c231715b38e263dc6059745");
  std::ranges::copy(digest, block.launch_digest.begin());
  EXPECT_EQ(
      to_base64(id_block_bytes(block)),
      "oU1jg0HlZ0Yo/h4C++3r5eWrT68d1y2JZgaOYVu5nv0T0hSzXCMXFbOOJj3GBZdFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAwAAAAAA");
  const auto path = testkit::shared_file("evidence/snp/measure/virtee-sev/test_auth_block.bin");
  if (!path) GTEST_SKIP() << "SHARED VECTORS ABSENT: ID authentication block";
  const Bytes auth = testkit::read_file(*path);
  const ByteSpan id_key = ByteSpan(auth).subspan(0x240, kIdKeyBytes);
  EXPECT_EQ(to_base64(key_digest(id_key)), "WfssaG36T+9J84M5qndckAUcKNVzg93DuvO160sUlt87DbvcuuX+J2d6ZEggdz/i");
  EXPECT_EQ(to_base64(key_digest(ByteSpan(auth).subspan(0x880, kIdKeyBytes))),
            "7tgRafsMteDsNHlPEo/U4MSkb2fGWhrfqB/LJLzAiMJyNpt//D6ytq9qQoShs2xf");
  std::array<uint8_t, 96> xy{};
  std::reverse_copy(id_key.begin() + 4, id_key.begin() + 4 + 48, xy.begin());
  std::reverse_copy(id_key.begin() + 76, id_key.begin() + 76 + 48, xy.begin() + 48);
  EXPECT_EQ(to_hex(id_key_bytes(xy)), to_hex(id_key));
}

}  // namespace
}  // namespace openpcc::measure
