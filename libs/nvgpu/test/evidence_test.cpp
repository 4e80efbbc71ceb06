// Every GPU, switch, chain, manifest and token of the shared corpus, judged as its EXPECTED.json says: verdict and reasons, fields, comparisons, and
// each window to the second.
#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "nvgpu_forge.h"
#include "openpcc/nvgpu/appraise.h"
#include "openpcc/nvgpu/token.h"
#include "openpcc/testkit/json.h"
#include "openpcc/testkit/samples.h"

namespace openpcc::nvgpu {
namespace {

namespace json = boost::json;
using forge::refused;
using testkit::evidence_file;
using testkit::text_at;
using testkit::time_of;

// file_of is the entry's file whose name ends so; empty where it has none.
Bytes file_of(const json::value& entry, std::string_view end) {
  for (const json::value& file : entry.at("files").as_array()) {
    if (std::string_view(file.as_string()).ends_with(end)) return evidence_file(file.as_string());
  }
  return {};
}

Verification judge(const json::value& entry, UnixSeconds now) {
  return verify(file_of(entry, "report.bin"), file_of(entry, "cert_chain.pem"), {}, now);
}

std::set<std::string> rules_of(const std::vector<Error>& failures) {
  std::set<std::string> out;
  for (const Error& failure : failures) out.emplace(failure.rule.id());
  return out;
}

const std::map<std::string, std::string, std::less<>> kReasons{
    {"report signature invalid", "nvgpu.signature"},
    {"FWID in opaque data differs from leaf certificate DICE extension", "nvgpu.fwid"},
    {"certificate chain does not lead to the NVIDIA RIM signing root", "rim.chain.root"},
    {"XML-DSig signature value invalid", "rim.signature"},
    {"XML-DSig reference digest mismatch (document modified after signing)", "rim.digest"},
};

void expect_reasons(const json::value& entry, const std::vector<Error>& failures) {
  const std::set<std::string> seen = rules_of(failures);
  for (const json::value& reason : entry.at("reasons").as_array()) {
    const auto known = kReasons.find(std::string_view(reason.as_string()));
    ASSERT_NE(known, kReasons.end()) << "a reason that this test does not know: " << reason.as_string();
    EXPECT_TRUE(seen.contains(known->second)) << reason.as_string();
  }
}

void expect_text(const json::value& parsed, std::string_view key, const std::optional<std::string>& value) {
  const json::value& expected = parsed.at(key);
  EXPECT_EQ(expected.is_null() ? std::string() : std::string(expected.as_string()), value.value_or("")) << key;
}

void expect_fields(const json::value& entry, const VerifiedReport& verified) {
  const json::value& parsed = entry.at("parsed");
  const Report& report = verified.report();
  EXPECT_EQ(text_at(parsed, "request_nonce"), to_hex(report.nonce));
  EXPECT_EQ(text_at(parsed, "response_nonce"), to_hex(report.responder_nonce));
  EXPECT_EQ(text_at(parsed, "leaf_serial_hex"), to_hex(verified.device().ueid));
  EXPECT_EQ(testkit::int_at(parsed, "n_blocks"), report.measurements.size());
  EXPECT_EQ(parsed.at("opaque_fields").as_array().size(), report.opaque.size());
  for (const json::value& name : parsed.at("opaque_fields").as_array()) {
    EXPECT_TRUE(std::ranges::any_of(report.opaque, [&](const auto& f) { return name.as_string() == name_of(f.first); }))
        << name.as_string();
  }
  expect_text(parsed, "driver_version", report.driver_version);
  expect_text(parsed, "vbios_version", report.vbios_version);
  expect_text(parsed, "chip_sku", report.text(Field::chip_sku));
  expect_text(parsed, "project", report.text(Field::project));
  expect_text(parsed, "project_sku", report.text(Field::project_sku));
  const bool has_board = !verified.device().is_switch();
  EXPECT_EQ(report.board(), has_board ? std::string(text_at(parsed, "project")) + "-" + std::string(text_at(parsed, "project_sku")) : "");
  const json::value& flag = parsed.at("feature_flag");
  EXPECT_EQ(flag.is_null(), !report.mode);
  EXPECT_EQ(flag.is_null() ? -1 : flag.to_number<int>(), report.mode ? static_cast<int>(*report.mode) : -1);
  for (const auto& [index, value] : parsed.at("measurement_1_to_5").as_object()) {
    EXPECT_EQ(value.as_string(), to_hex(report.measurements.at(std::stoul(std::string(index)) - 1).value));
  }
  std::string all;
  for (const Measurement& m : report.measurements) {
    all += (all.empty() ? "{\"" : ", \"") + std::to_string(&m - report.measurements.data() + 1) + "\": \"" + to_hex(m.value) + "\"";
  }
  EXPECT_EQ(text_at(parsed, "measurements_sha256"), to_hex(crypto::sha256(as_bytes(all + "}"))));
  std::string architecture(to_string(verified.device().architecture));
  std::ranges::transform(architecture, architecture.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_EQ(text_at(parsed, "arch"), architecture);
}

// manifest_entry is the entry of the manifest in this file.
const json::value& manifest_entry(const json::array& all, std::string_view file) {
  return *std::ranges::find_if(all, [&](const json::value& e) {
    return text_at(e, "kind") == "nvidia-rim" && std::string_view(e.at("files").at(0).as_string()).ends_with(file);
  });
}

void expect_comparisons(const json::array& all, const json::value& entry, const VerifiedReport& verified) {
  for (const auto& [file, expected] : entry.at("measurement_comparison").as_object()) {
    SCOPED_TRACE(file);
    const json::value& of_manifest = manifest_entry(all, file);
    const auto manifest =
        verify_manifest(evidence_file("nvidia/rim/" + std::string(file)), {}, time_of(text_at(of_manifest, "evaluate_at")));
    EXPECT_EQ(manifest.verified.has_value(), text_at(of_manifest, "verdict") == "valid");
    if (!manifest.verified) continue;  // what an unsigned document says is not looked at
    const auto comparison = compare(verified, *manifest.verified);
    ASSERT_OK(comparison);
    // The corpus compares decoder 0's entry too, although it is off in all reports.
    const bool decoder0 = comparison->part == Part::driver;
    EXPECT_EQ(comparison->compared + (decoder0 ? 1 : 0), testkit::int_at(expected, "compared"));
    EXPECT_TRUE(comparison->missing.empty());
    const json::array& different = expected.at("mismatched_indices").as_array();
    EXPECT_TRUE(
        std::ranges::equal(comparison->different, different, [](uint8_t a, const json::value& b) { return a == b.to_number<int>(); }));
  }
}

TEST(NvgpuEvidence, every_report_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0, compared = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "nvidia-report") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    const Verification verification = judge(entry, time_of(text_at(entry, "evaluate_at")));
    EXPECT_EQ(verification.verified.has_value(), text_at(entry, "verdict") == "valid");
    ++judged;
    if (!verification.verified) {
      expect_reasons(entry, verification.failures);
      continue;
    }
    expect_fields(entry, *verification.verified);
    expect_comparisons(expected.as_array(), entry, *verification.verified);
    compared += static_cast<int>(entry.at("measurement_comparison").as_object().size());
    const UnixSeconds from = time_of(text_at(entry, "chain_valid_from"));
    EXPECT_EQ(verification.verified->window(), (x509::Window{from, time_of(text_at(entry, "chain_valid_to"))}));
    EXPECT_TRUE(judge(entry, from).verified);
    EXPECT_TRUE(refused(judge(entry, from - 1), "nvgpu.chain.early"));
    if (const Bytes nonce = file_of(entry, "nonce.hex"); !nonce.empty()) {
      EXPECT_EQ(as_text(nonce).substr(0, 64), to_hex(verification.verified->report().nonce));
    }
  }
  EXPECT_EQ(judged, 21);
  EXPECT_EQ(compared, 11);
}

TEST(NvgpuEvidence, every_chain_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "nvidia-chain") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    // Without a report, what is left is the report's alone.
    const Verification verification = verify({}, evidence_file(entry.at("files").at(0).as_string()), {}, time_of("2026-06-01T00:00:00Z"));
    std::set<std::string> rules = rules_of(verification.failures);
    EXPECT_EQ(rules.erase("nvgpu.size"), 1u);
    EXPECT_EQ(rules.empty(), text_at(entry, "verdict") == "valid");
    ++judged;
  }
  EXPECT_EQ(judged, 5);
}

TEST(NvgpuEvidence, every_manifest_is_judged_as_expected) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "nvidia-rim") continue;
    SCOPED_TRACE(text_at(entry, "id"));
    const Bytes xml = evidence_file(entry.at("files").at(0).as_string());
    const UnixSeconds at = time_of(text_at(entry, "evaluate_at"));
    const ManifestVerification verification = verify_manifest(xml, {}, at);
    EXPECT_EQ(verification.verified.has_value(), text_at(entry, "verdict") == "valid");
    ++judged;
    if (!verification.verified) {
      expect_reasons(entry, verification.failures);
      continue;
    }
    const Manifest& manifest = verification.verified->manifest();
    const json::value& parsed = entry.at("parsed");
    EXPECT_EQ(text_at(parsed, "version"), manifest.version);
    EXPECT_EQ(text_at(parsed, "edition"), manifest.edition);
    EXPECT_EQ(text_at(parsed, "product"), manifest.product);
    EXPECT_EQ(testkit::int_at(parsed, "active_measurements"), manifest.active_count());
    std::vector<int> active;
    for (const Reference& reference : manifest.references) {
      if (reference.active) active.push_back(reference.index);
    }
    EXPECT_TRUE(
        std::ranges::equal(active, parsed.at("indices").as_array(), [](int a, const json::value& b) { return a == b.to_number<int>(); }));
    const x509::Window window{time_of(text_at(entry, "chain_valid_from")), time_of(text_at(entry, "chain_valid_to"))};
    EXPECT_EQ(verification.verified->window(), window);
    EXPECT_TRUE(verify_manifest(xml, {}, window.to).verified);
    EXPECT_TRUE(refused(verify_manifest(xml, {}, window.to + 1), "rim.chain.expired"));
    EXPECT_TRUE(refused(verify_manifest(xml, {}, window.from - 1), "rim.chain.early"));
  }
  EXPECT_EQ(judged, 16);
}

TEST(NvgpuEvidence, every_token_is_refused) {
  OPENPCC_SHARED_JSON(expected, "evidence/EXPECTED.json");
  int judged = 0;
  for (const json::value& entry : expected.as_array()) {
    if (text_at(entry, "kind") != "nvidia-eat") continue;
    EXPECT_EQ(text_at(entry, "verdict"), "invalid");
    EXPECT_EQ(refuse_token(evidence_file(entry.at("files").at(0).as_string())).rule.id(), "nvgpu.eat.alg_none");
    ++judged;
  }
  EXPECT_EQ(judged, 1);
}

// The one report of the corpus whose driver's and VBIOS's manifests are both there, and both match.
TEST(NvgpuEvidence, a_whole_device) {
  const auto folder = testkit::shared_file("evidence/nvidia");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const UnixSeconds now = time_of("2024-06-01T00:00:00Z");
  CheckedLinks links;
  const Verification verification =
      verify(testkit::read_file(*folder / "gpu/hopper-545-full-match/report.bin"),
             testkit::read_file(*folder / "gpu/hopper-545-full-match/cert_chain.pem"), {}, now, device_roots(), &links);
  ASSERT_TRUE(verification.verified);
  std::vector<VerifiedManifest> manifests;
  for (const char* file : {"rim/Driver_RIM_test_no_gpu.swidtag", "rim/1010_0200_882_96005E0001_PROD.swidtag",
                           "rim/1010_0200_882_96005E0001_test_no_gpu.swidtag"}) {
    auto manifest = verify_manifest(testkit::read_file(*folder / file), {}, now, manifest_roots(), &links);
    ASSERT_TRUE(manifest.verified) << file;
    manifests.push_back(std::move(*manifest.verified));
  }
  const Software software = measure(*verification.verified, manifests);
  EXPECT_TRUE(software.failures.empty());
  EXPECT_EQ(software.driver->compared + software.vbios->compared, 32u);
  EXPECT_EQ(software.vbios_manifest, &manifests[2]);
  Demands demands;
  demands.require_manifests = true;
  EXPECT_EQ(appraisal::refusal(appraise(*verification.verified, software, demands)), nullptr);
}

// A leaf's firmware id, which the report repeats, beside the list of a policy.
TEST(NvgpuEvidence, a_listed_firmware) {
  const auto folder = testkit::shared_file("evidence/nvidia/gpu/hopper-550-nvtrust");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  const Verification verification = verify(testkit::read_file(*folder / "report.bin"), testkit::read_file(*folder / "cert_chain.pem"), {},
                                           time_of("2026-06-01T00:00:00Z"));
  ASSERT_TRUE(verification.verified);
  const Digest fwid = verification.verified->report().fwid.value();
  EXPECT_TRUE(to_hex(fwid).starts_with("f5c384aebb579217"));
  Demands demands;
  demands.fwids = {fwid};
  EXPECT_EQ(appraisal::refusal(appraise(*verification.verified, {}, demands)), nullptr);
  demands.fwids = {Digest{}};
  EXPECT_EQ(appraisal::refusal(appraise(*verification.verified, {}, demands))->rule, Rule("nvgpu.fwid.value"));
}

// Four GPUs of one machine answered one nonce; two of its four switches are there.
TEST(NvgpuEvidence, a_set_that_is_not_whole) {
  const auto folder = testkit::shared_file("evidence/nvidia");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  std::vector<VerifiedReport> devices;
  for (const std::string name : {"gpu/hopper-590-ppcie-multi4-0", "gpu/hopper-590-ppcie-multi4-1", "gpu/hopper-590-ppcie-multi4-2",
                                 "gpu/hopper-590-ppcie-multi4-3", "switch/ls10-hgx4-0", "switch/ls10-hgx4-1"}) {
    auto verification = verify(testkit::read_file(*folder / name / "report.bin"), testkit::read_file(*folder / name / "cert_chain.pem"), {},
                               time_of("2026-06-01T00:00:00Z"));
    ASSERT_TRUE(verification.verified) << name;
    devices.push_back(std::move(*verification.verified));
  }
  const auto rules = [&](std::span<const VerifiedReport> set, const SetDemands& demands) {
    std::set<std::string> out;
    for (const appraisal::Finding& finding : appraise_set(set, demands)) {
      if (finding.state == appraisal::State::failed) out.emplace(finding.rule.id());
    }
    return out;
  };
  EXPECT_EQ(rules(devices, {4, 2}), (std::set<std::string>{"nvgpu.set.nonce", "nvgpu.set.topology"}));
  EXPECT_TRUE(rules(devices, {8, 4}).contains("nvgpu.set.count"));
  // Each GPU names the attested switches among its four, and each switch the attested GPUs among its eight or less.
  std::set<Pdi> named;
  for (const VerifiedReport& device : std::span(devices).first(4))
    named.insert(device.report().switch_pdis.begin(), device.report().switch_pdis.end());
  EXPECT_EQ(named.size(), 4u);
  for (const VerifiedReport& device : std::span(devices).last(2)) {
    EXPECT_TRUE(named.contains(device.device().id));
    for (const VerifiedReport& gpu : std::span(devices).first(4)) {
      const auto& gpus = device.report().switch_gpu_pdis;
      EXPECT_NE(std::ranges::find(gpus, gpu.device().id), gpus.end());
    }
  }
  devices[3] = devices[0];
  EXPECT_TRUE(rules(std::span(devices).first(4), {4, 0}).contains("nvgpu.set.duplicate"));
}

}  // namespace
}  // namespace openpcc::nvgpu
