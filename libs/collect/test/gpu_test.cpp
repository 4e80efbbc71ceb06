// GPUs through NVIDIA's library, which a test's own stands in for: recorded reports and chains, and everything that can be wrong.
#include "openpcc/collect/gpu.h"

#include <dlfcn.h>
#include <unistd.h>

#include <fstream>

#include "fake_nvml.h"
#include "forge.h"
#include "openpcc/attest/hardware_types.h"
#include "openpcc/collect/machine.h"
#include "openpcc/nvgpu/compare.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::collect {
namespace {

constexpr UnixSeconds kTime = 1'717'200'000;  // 2024-06-01: the manifests' signers hold

Bytes shared(const std::string& file) { return testkit::read_file(*testkit::shared_file("evidence/nvidia/" + file)); }

struct Recorded {
  explicit Recorded(const std::string& name)
      : report(shared("gpu/" + name + "/report.bin")), chain(shared("gpu/" + name + "/cert_chain.pem")) {}
  Bytes report, chain;
  FakeGpu fake() const { return {report.data(), static_cast<unsigned>(report.size()), chain.data(), static_cast<unsigned>(chain.size())}; }
};

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!testkit::shared_file("evidence/nvidia")) GTEST_SKIP() << "no shared evidence";
    library_ = dlopen(OPENPCC_FAKE_NVML, RTLD_NOW);
    ASSERT_NE(library_, nullptr) << dlerror();
    FakeNvml* (*find)() = nullptr;
    void* const symbol = dlsym(library_, "fake_nvml");
    std::memcpy(&find, &symbol, sizeof find);
    fake_ = find();
    *fake_ = {};
    h100_.emplace("hopper-545-full-match");
    other_.emplace("hopper-590-single");
    add(*h100_);
  }
  void TearDown() override {
    if (library_ == nullptr) return;
    EXPECT_EQ(fake_->begun, 0) << "every init has its shutdown";
    dlclose(library_);
  }
  void add(const Recorded& gpu) { fake_->gpus[fake_->count++] = gpu.fake(); }
  static Result<std::unique_ptr<GpuSource>> opened() { return open_nvml(OPENPCC_FAKE_NVML); }
  static std::vector<Bytes> manifests() {
    return {shared("rim/1010_0205_862_96005E0004_PROD.swidtag"), shared("rim/1010_0200_882_96005E0001_test_no_gpu.swidtag"),
            shared("rim/Driver_RIM_test_no_gpu.swidtag")};
  }
  Collected recorded() const { return {{std::string(attest::kNvidiaReportType), h100_->report}, {h100_->chain}}; }

  void* library_ = nullptr;
  FakeNvml* fake_ = nullptr;
  std::optional<Recorded> h100_, other_;
};

TEST_F(GpuTest, a_library_that_is_none) {
  EXPECT_RULE(open_nvml("/nonexistent/libnvidia-ml.so.1"), "collect.nvml.absent");
  EXPECT_RULE(open_nvml("libm.so.6"), "collect.nvml.version");
}

TEST_F(GpuTest, calls_that_fail_are_told_in_nvmls_words) {
  for (unsigned call = 1; call <= 5; ++call) {
    fake_->failing = call;
    const auto source = opened();
    EXPECT_RULE(source, "collect.nvml.call") << call;
    EXPECT_NE(source.error().detail.find("Unknown Error"), std::string::npos);
  }
  fake_->failing = 0;
  const auto source = opened();
  ASSERT_OK(source);
  fake_->failing = 6;
  EXPECT_RULE((*source)->collect(0, {}), "collect.nvml.call");
}

TEST_F(GpuTest, a_gpu_that_keeps_nothing_secret_is_refused) {
  fake_->feature = 0;
  EXPECT_RULE(opened(), "collect.gpu.mode");
  fake_->feature = 1;
  fake_->environment = 1;
  EXPECT_RULE(opened(), "collect.gpu.mode");
  fake_->environment = 2;
  fake_->dev_tools = 1;
  EXPECT_RULE(opened(), "collect.gpu.devtools");
}

TEST_F(GpuTest, how_many_there_are) {
  fake_->count = 0;
  EXPECT_RULE(opened(), "collect.gpu.none");
  fake_->count = 17;
  EXPECT_RULE(opened(), "collect.gpu.too_many");
}

TEST_F(GpuTest, chains_that_name_no_device) {
  const Bytes junk(40, 'x');
  fake_->gpus[0].chain = junk.data();
  fake_->gpus[0].chain_size = 40;
  EXPECT_RULE(opened(), "collect.gpu.chain");
  fake_->gpus[0] = h100_->fake();
  add(*h100_);
  EXPECT_RULE(opened(), "collect.gpu.chain") << "one device twice";
}

TEST_F(GpuTest, reports_are_in_the_order_of_the_ids) {
  add(*other_);
  const auto source = opened();
  ASSERT_OK(source);
  const auto& ids = (*source)->ids();
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_LT(ids[0], ids[1]);
  nvgpu::Nonce nonce{};
  nonce.fill(0x5a);
  for (size_t rank = 0; rank < 2; ++rank) {
    const auto collected = (*source)->collect(rank, nonce);
    ASSERT_OK(collected);
    EXPECT_EQ(nvgpu::parse_report(collected->report.bytes)->nonce, nonce);
    EXPECT_EQ(nvgpu::read_device(*nvgpu::read_chain(collected->beside.at(0)))->id, ids[rank]);
  }
}

TEST_F(GpuTest, sizes_beyond_the_buffers_are_cut) {
  fake_->gpus[0].report_size = 0xffffffff;
  fake_->recorded = true;
  // What lies behind the recorded report is not the fake's to read.
  Bytes longest(0x2000, 0);
  std::ranges::copy(h100_->report, longest.begin());
  fake_->gpus[0].report = longest.data();
  const auto source = opened();
  ASSERT_OK(source);
  const auto collected = (*source)->collect(0, {});
  ASSERT_OK(collected);
  EXPECT_EQ(collected->report.bytes.size(), 0x2000u);
}

TEST_F(GpuTest, a_report_with_its_manifests) {
  const auto device = staple_gpu(recorded(), manifests(), kTime);
  ASSERT_OK(device);
  EXPECT_EQ(device->report.bytes, h100_->report);
  ASSERT_EQ(device->chain.size(), 1u);
  EXPECT_EQ(device->chain[0].bytes, h100_->chain);
  ASSERT_EQ(device->collateral.size(), 2u);
  EXPECT_EQ(device->collateral.at("driver-manifest").bytes, manifests()[2]);
  EXPECT_EQ(device->collateral.at("vbios-manifest").bytes, manifests()[1]) << "not the one of another version";
}

TEST_F(GpuTest, manifests_that_are_not_there) {
  const auto without = staple_gpu(recorded(), std::vector<Bytes>{manifests()[1]}, kTime);
  EXPECT_RULE(without, "collect.staple.missing");
  EXPECT_NE(without.error().detail.find("NV_GPU_DRIVER_GH100_545.00, NV_GPU_VBIOS_1010_0200_882_96005E0001"), std::string::npos)
      << without.error().detail;
  EXPECT_RULE(staple_gpu(recorded(), manifests(), kTime + 10 * 365 * 86'400), "collect.staple.missing") << "their signers' time is over";
}

TEST_F(GpuTest, what_measured_something_else_is_not_shown) {
  const std::vector<Bytes> another = {shared("rim/1010_0200_882_96005E0001_PROD.swidtag"), manifests()[2]};
  EXPECT_RULE(staple_gpu(recorded(), another, kTime), "collect.gpu.report");
  Collected changed = recorded();
  changed.report.bytes[300] ^= 1;
  EXPECT_RULE(staple_gpu(changed, manifests(), kTime), "collect.gpu.report");
  changed.beside.clear();
  EXPECT_RULE(staple_gpu(changed, manifests(), kTime), "collect.gpu.report");
}

// Statements are answers of OCSP and lists of a test's own. Whether they are genuine is for those who verify the evidence.
struct Statements {
  x509::forge::Key key{x509::Algorithm::ecdsa_sha384};
  static Bytes owned(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }
  Bytes answer(const x509::Certificate& subject, const x509::Certificate& issuer, UnixSeconds said = 1'717'000'000) const {
    x509::forge::OcspFields fields;
    fields.this_update = said;
    fields.issuer_name = owned(issuer.subject());
    fields.issuer_spki = owned(issuer.spki());
    fields.serial = owned(subject.serial());
    return x509::forge::ocsp(fields, key);
  }
  Bytes list(const x509::Certificate& issuer, UnixSeconds said = 1'717'000'000) const {
    x509::forge::CrlFields fields;
    fields.this_update = said;
    fields.issuer = owned(issuer.subject());
    return x509::forge::crl(fields, key);
  }
};

TEST_F(GpuTest, statements_about_its_certificates_come_along) {
  const Statements statements;
  const auto device = nvgpu::read_chain(h100_->chain), another = nvgpu::read_chain(other_->chain);
  ASSERT_OK(device);
  ASSERT_OK(another);
  const auto signers = nvgpu::certificates_of_manifest(manifests()[2]);
  ASSERT_GE(signers.size(), 2u);
  const std::vector<Bytes> about = {statements.answer((*device)[0], (*device)[1]), statements.answer((*device)[1], (*device)[2]),
                                    statements.answer(signers[0], signers[1])};
  const std::vector<Bytes> lists = {statements.list((*device)[1]), statements.list(signers[1])};
  std::vector<Bytes> items = manifests();
  items.push_back(statements.answer((*another)[0], (*another)[1]));               // of another GPU
  items.push_back(statements.answer((*device)[0], (*device)[2]));                 // by who did not issue it
  items.push_back(x509::forge::crl({}, statements.key));                          // of nobody here
  items.push_back(statements.answer((*device)[0], (*device)[1], 1'716'000'000));  // older ones, before and after
  items.push_back(statements.list((*device)[1], 1'716'000'000));
  std::ranges::copy(about, std::back_inserter(items));
  std::ranges::copy(lists, std::back_inserter(items));
  items.push_back(statements.answer((*device)[1], (*device)[2], 1'716'000'000));
  const auto stapled = staple_gpu(recorded(), items, kTime);
  ASSERT_OK(stapled);
  ASSERT_EQ(stapled->collateral.size(), 2 + about.size() + lists.size());
  for (size_t i = 0; i < about.size(); ++i) {
    const attest::Item& item = stapled->collateral.at("ocsp-" + to_hex(crypto::sha256(about[i])).substr(0, 16));
    EXPECT_EQ(item.media_type, attest::kOcspType);
    EXPECT_EQ(item.bytes, about[i]) << i;
  }
  for (size_t i = 0; i < lists.size(); ++i) {
    const attest::Item& item = stapled->collateral.at("crl-" + to_hex(crypto::sha256(lists[i])).substr(0, 16));
    EXPECT_EQ(item.media_type, attest::kCrlType);
    EXPECT_EQ(item.bytes, lists[i]) << i;
  }
}

TEST_F(GpuTest, a_folder_with_manifests_is_read_each_time) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("openpcc-manifests-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  testkit::TestClock clock(kTime);
  const GpuStaple staple = gpu_staple_from(folder, clock);
  EXPECT_RULE(staple(recorded()), "collect.staple.missing");
  for (size_t i = 0; i < manifests().size(); ++i) std::ofstream(folder / std::to_string(i)) << as_text(manifests()[i]);
  const auto device = staple(recorded());
  ASSERT_OK(device);
  EXPECT_EQ(device->collateral.size(), 2u);
  clock.advance(10 * 365 * 86'400);
  EXPECT_RULE(staple(recorded()), "collect.staple.missing") << "of the time that the clock says";
  std::ofstream(folder / "quote") << as_text(h100_->report);
  EXPECT_RULE(staple(recorded()), "collect.folder.unknown");
  std::filesystem::remove_all(folder);
  EXPECT_RULE(gpu_staple_from({}, clock)(recorded()), "collect.staple.missing");
}

// NoCpu is the source of a machine that is asked for its GPUs alone.
class NoCpu final : public Source {
 public:
  Word name() const override { return "none"; }
  Result<Collected> collect(const attest::Binding&) override { return fail(Code::unsupported, "test.none"); }
};

TEST_F(GpuTest, a_machine_gives_what_answers_its_nonce) {
  auto source = opened();
  ASSERT_OK(source);
  Machine machine(std::make_unique<NoCpu>(), staple_from({}));
  EXPECT_EQ(machine.gpu_count(), 0u);
  machine.add_gpus(std::move(*source),
                   [](const Collected& collected) -> Result<attest::Device> { return attest::Device{collected.report, {}, {}}; });
  ASSERT_EQ(machine.gpu_count(), 1u);
  EXPECT_EQ(machine.gpu_id(0).size(), 8u);
  attest::GpuNonce nonce{};
  nonce[0] = 1;
  const auto device = machine.gpu_report(0, nonce);
  ASSERT_OK(device);
  EXPECT_EQ(nvgpu::parse_report(device->report.bytes)->nonce, nonce);
  fake_->recorded = true;
  EXPECT_RULE(machine.gpu_report(0, nonce), "collect.gpu.nonce");
  Bytes cut(h100_->report.begin(), h100_->report.end() - 1);
  fake_->gpus[0].report = cut.data();
  fake_->gpus[0].report_size = static_cast<unsigned>(cut.size());
  EXPECT_RULE(machine.gpu_report(0, nonce), "collect.report.syntax");
}

}  // namespace
}  // namespace openpcc::collect
