// The settings that say which GPUs a node shows, with a library of the test's own in NVIDIA's place.
#include "collector.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "fake_nvml.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::app {
namespace {

namespace fs = std::filesystem;

// Cpu is the source of a machine that is asked for its GPUs alone.
class Cpu final : public collect::Source {
 public:
  explicit Cpu(bool recorded) : recorded_(recorded) {}
  Word name() const override { return "test"; }
  bool recorded() const override { return recorded_; }
  Result<collect::Collected> collect(const attest::Binding&) override { return fail(Code::unsupported, "test.none"); }

 private:
  bool recorded_;
};

collect::Machine machine(bool recorded = false) { return {std::make_unique<Cpu>(recorded), collect::staple_from({})}; }

CollectorSettings settings(const std::string& gpus, const fs::path& library) {
  CollectorSettings out;
  out.gpus = gpus;
  out.nvml_library = library;
  return out;
}

class Gpus : public testing::Test {
 protected:
  void SetUp() override {
    library_ = dlopen(OPENPCC_FAKE_NVML, RTLD_NOW);
    ASSERT_NE(library_, nullptr) << dlerror();
    FakeNvml* (*find)() = nullptr;
    void* const symbol = dlsym(library_, "fake_nvml");
    std::memcpy(&find, &symbol, sizeof find);
    fake_ = find();
    *fake_ = {};
  }
  void TearDown() override {
    EXPECT_EQ(fake_->begun, 0);
    dlclose(library_);
  }
  void* library_ = nullptr;
  FakeNvml* fake_ = nullptr;
};

TEST_F(Gpus, a_driver_that_is_not_there_stops_a_node_that_must_show_gpus) {
  for (const std::string gpus : {"auto", "none"}) {
    collect::Machine past = machine();
    EXPECT_OK(settings(gpus, "/nonexistent").add_gpus(past)) << gpus;
    EXPECT_EQ(past.gpu_count(), 0u);
  }
  collect::Machine stopped = machine();
  EXPECT_RULE(settings("nvidia", "/nonexistent").add_gpus(stopped), "collect.nvml.absent");
}

TEST_F(Gpus, a_driver_that_is_there_is_asked_by_auto_too) {
  fake_->count = 1;
  fake_->feature = 0;
  for (const std::string gpus : {"auto", "nvidia"}) {
    collect::Machine stopped = machine();
    EXPECT_RULE(settings(gpus, OPENPCC_FAKE_NVML).add_gpus(stopped), "collect.gpu.mode") << gpus;
  }
  collect::Machine without = machine();
  EXPECT_OK(settings("none", OPENPCC_FAKE_NVML).add_gpus(without));
  collect::Machine recording = machine(true);
  EXPECT_OK(settings("auto", OPENPCC_FAKE_NVML).add_gpus(recording)) << "this machine's GPUs are not the recorded one's";
  EXPECT_RULE(settings("nvidia", OPENPCC_FAKE_NVML).add_gpus(recording), "collect.gpu.mode");
}

TEST_F(Gpus, their_reports_are_completed_from_the_folder) {
  const auto report = testkit::shared_file("evidence/nvidia/gpu/hopper-545-full-match/report.bin");
  const auto chain = testkit::shared_file("evidence/nvidia/gpu/hopper-545-full-match/cert_chain.pem");
  if (!report || !chain) GTEST_SKIP() << "no shared evidence";
  const Bytes report_bytes = testkit::read_file(*report), chain_bytes = testkit::read_file(*chain);
  fake_->gpus[fake_->count++] = {report_bytes.data(), static_cast<unsigned>(report_bytes.size()), chain_bytes.data(),
                                 static_cast<unsigned>(chain_bytes.size())};
  const fs::path folder = fs::temp_directory_path() / ("openpcc-gpus-" + std::to_string(getpid()));
  fs::create_directories(folder);
  CollectorSettings named = settings("nvidia", OPENPCC_FAKE_NVML);
  named.gpu_manifest_dir = folder;
  collect::Machine shown = machine();
  ASSERT_OK(named.add_gpus(shown));
  EXPECT_EQ(shown.gpu_count(), 1u);
  EXPECT_RULE(shown.gpu_report(0, {}), "collect.gpu.report") << "recorded for another nonce, so that its signature fails";
  std::ofstream(folder / "report") << as_text(report_bytes);
  EXPECT_RULE(shown.gpu_report(0, {}), "collect.folder.unknown");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace openpcc::app
