// The programs themselves, as far as they go without a deployment.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "openpcc/note/note.h"
#include "openpcc/sim_maker/tee.h"
#include "openpcc/testkit/testkit.h"
#include "swtpm.h"

namespace openpcc::app {
namespace {

struct Ran {
  int status;
  std::string output;
};

Ran run(const std::string& command) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  OPENPCC_CHECK(pipe != nullptr);
  Ran ran{0, {}};
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) ran.output.append(buffer.data(), n);
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

// Config is a complete configuration file, but for what `extra` adds.
class Config {
 public:
  explicit Config(std::string_view extra)
      : path_(std::filesystem::temp_directory_path() / ("openpcc-node-" + std::to_string(getpid()) + ".toml")) {
    testkit::TestRandom random;
    const auto beacon = note::SignerKey::generate("beacon.test", note::KeyType::cosignature_v1, random);
    std::ofstream(path_) << "listen = \"http://127.0.0.1:0\"\nengine = \"unix:/nonexistent/engine.sock\"\ndeployment = \"d.test\"\n"
                         << "beacon_key = \"" << beacon->verifier().to_string() << "\"\n"
                         << extra << "\n[[models]]\nname = \"m\"\ndigest = \"" << std::string(64, '7') << "\"\n";
  }
  ~Config() { std::filesystem::remove(path_); }
  std::string argument() const { return " --config " + path_.string(); }

 private:
  std::filesystem::path path_;
};

// On a machine that is a TEE this node would start.
bool is_tee() {
  const auto there = [](const char* path) { return std::filesystem::exists(path); };
  return there("/sys/kernel/config/tsm/report") || there("/dev/sev-guest") || there("/dev/tdx_guest");
}

TEST(Programs, a_node_without_a_tee_says_so_and_leaves) {
  if (is_tee()) GTEST_SKIP() << "this machine is a TEE";
  const Config config("");
  const Ran ran = run(std::string(OPENPCC_NODE) + config.argument());
  EXPECT_EQ(ran.status, 20) << ran.output;
  for (const std::string_view word : {"collect.none", "/sys/kernel/config/tsm/report", "/dev/sev-guest", "/dev/tdx_guest", "Linux 6.7"}) {
    EXPECT_NE(ran.output.find(word), std::string::npos) << ran.output;
  }
}

TEST(Programs, evidence_that_cannot_be_had_stops_a_node_at_its_start) {
  const auto started_with = [](const std::string& evidence) {
    const Config config("evidence = \"" + evidence + "\"");
    return run(std::string(OPENPCC_NODE) + config.argument());
  };
  const Ran absent = started_with("replay:/nonexistent");
  EXPECT_EQ(absent.status, 1) << absent.output;
  EXPECT_NE(absent.output.find("collect.folder.read"), std::string::npos) << absent.output;
  EXPECT_NE(started_with("sim").output.find("collect.setting"), std::string::npos);
  const Ran both = started_with("auto\"\ncollateral_dir = \"/a\"\ncollateral_cache = \"/b");
  EXPECT_NE(both.output.find("node.config.collateral"), std::string::npos) << both.output;
  testkit::note_tripped("node.config.collateral");
}

TEST(Programs, a_node_that_is_in_no_azure_vm_says_so_and_leaves) {
  const auto started_with = [](const std::string& settings) {
    const Config config("evidence = \"azure\"\n" + settings);
    return run(std::string(OPENPCC_NODE) + config.argument());
  };
  const Ran absent = started_with("tpm_device = \"/nonexistent/tpmrm0\"");
  EXPECT_EQ(absent.status, 20) << absent.output;
  for (const std::string_view word : {"collect.azure.absent", "no /nonexistent/tpmrm0", "a confidential VM of Azure's"}) {
    EXPECT_NE(absent.output.find(word), std::string::npos) << absent.output;
  }
  const tpm_collect::Swtpm swtpm;
  ASSERT_OK(swtpm.open());
  const Ran other = started_with("tpm_device = \"" + swtpm.tcti() + "\"");
  EXPECT_EQ(other.status, 20) << other.output;
  for (const std::string_view word : {"collect.azure.absent", "NV index 0x01400001"}) {
    EXPECT_NE(other.output.find(word), std::string::npos) << other.output;
  }
  EXPECT_EQ(other.output.find("ERROR:"), std::string::npos) << "tpm2-tss prints nothing of its own: " << other.output;
  const Ran nobody = started_with("tpm_device = \"swtpm:path=/nonexistent/socket\"");
  EXPECT_EQ(nobody.status, 1) << nobody.output;
  EXPECT_NE(nobody.output.find("collect.azure.tpm"), std::string::npos) << nobody.output;
}

TEST(Programs, settings_of_azure_are_read_before_anything_is_asked) {
  for (const std::string pcrs : {"", "7,4", "24", "16", "4, 7"}) {
    const Config config("evidence = \"azure\"\nazure_pcrs = \"" + pcrs + "\"");
    const Ran ran = run(std::string(OPENPCC_NODE) + config.argument());
    EXPECT_EQ(ran.status, 1) << ran.output;
    EXPECT_NE(ran.output.find("node.config.azure_pcrs"), std::string::npos) << ran.output;
  }
  testkit::note_tripped("node.config.azure_pcrs");
  const Config config("evidence = \"azure\"\nazure_quote_url = \"http://example.org/quote\"");
  const Ran ran = run(std::string(OPENPCC_NODE) + config.argument());
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_NE(ran.output.find("fetch.url"), std::string::npos) << ran.output;
}

TEST(Programs, gpus_that_cannot_be_shown_stop_a_node_at_its_start) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("openpcc-recorded-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::string report(1184, '\0');
  report[0] = 2;  // its version: enough to be taken for one
  std::ofstream(folder / "report") << report;
  const auto started_with = [&](const std::string& library) {
    const Config config("evidence = \"replay:" + folder.string() + "\"\ngpus = \"nvidia\"\nnvml_library = \"" + library + "\"");
    return run(std::string(OPENPCC_NODE) + config.argument());
  };
  const Ran absent = started_with("/nonexistent");
  EXPECT_EQ(absent.status, 20) << absent.output;
  EXPECT_NE(absent.output.find("collect.nvml.absent"), std::string::npos) << absent.output;
  const Ran none = started_with(OPENPCC_FAKE_NVML);
  EXPECT_EQ(none.status, 1) << none.output;
  EXPECT_NE(none.output.find("collect.gpu.none"), std::string::npos) << none.output;
  std::filesystem::remove_all(folder);
}

TEST(Programs, a_simulated_node_does_not_start_without_its_roots) {
  const Config config("sim.roots_file = \"/nonexistent/roots\"");
  const Ran ran = run(std::string(OPENPCC_NODE_SIM) + config.argument());
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_NE(ran.output.find("daemon.secret.read"), std::string::npos) << ran.output;
}

TEST(Programs, a_simulated_node_serves_until_it_is_told_to_end) {
  testkit::TestRandom random;
  const std::filesystem::path roots = std::filesystem::temp_directory_path() / ("openpcc-roots-" + std::to_string(getpid()));
  std::ofstream(roots) << to_hex(sim_maker::RootKeys::generate(random).reveal_for_export().reveal()) << "\n";
  std::filesystem::permissions(roots, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const Config config("sim.roots_file = \"" + roots.string() + "\"\nsim.gpus = 1");
  // In the foreground: timeout signals the process once, not its group as well.
  const Ran ran = run("timeout --foreground --preserve-status -s TERM 1 " + std::string(OPENPCC_NODE_SIM) + config.argument());
  std::filesystem::remove(roots);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("listening"), std::string::npos) << ran.output;
  // Without a beacon there is no key, and the log says so once.
  const size_t said = ran.output.find("node.keys.no_beacon");
  ASSERT_NE(said, std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("node.keys.no_beacon", said + 1), std::string::npos) << ran.output;
}

TEST(Programs, the_maker_of_simulated_evidence_is_in_one_program_only) {
  // The settings of the simulated TEE do not exist in the other.
  EXPECT_EQ(run(std::string(OPENPCC_NODE) + " --help").output.find("sim.roots_file"), std::string::npos);
  EXPECT_NE(run(std::string(OPENPCC_NODE_SIM) + " --help").output.find("sim.roots_file"), std::string::npos);
}

}  // namespace
}  // namespace openpcc::app
