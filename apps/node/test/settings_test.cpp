#include "settings.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "openpcc/testkit/testkit.h"
#include "sim_settings.h"

namespace openpcc::app {
namespace {

const std::string kDigest(64, '7');

NodeSettings good() {
  testkit::TestRandom random;
  NodeSettings settings;
  settings.engine = *http::Endpoint::parse("http://127.0.0.1:9000");
  settings.deployment = "d.test";
  settings.beacon_key = note::SignerKey::generate("beacon.test", note::KeyType::cosignature_v1, random)->verifier().to_string();
  settings.models = {{"z", kDigest, "engine-z"}, {"a", std::string(64, 'a'), ""}};
  return settings;
}

// SecretFile is a file that its owner alone may read.
class SecretFile {
 public:
  explicit SecretFile(std::string_view content)
      : path_(std::filesystem::temp_directory_path() / ("openpcc-secret-" + std::to_string(getpid()))) {
    std::ofstream(path_) << content;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  ~SecretFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(NodeSettings, engines_that_break_a_promise_are_refused_at_start) {
  NodeSettings settings = good();
  settings.engine_kind = "vllm";
  settings.engine_command = {"vllm", "serve", "--enable-log-requests"};
  EXPECT_RULE(settings.node_config(), "node.engine.prints_prompts");
  settings.engine_command = {"vllm", "serve"};
  EXPECT_OK(settings.node_config());
  const daemon::ChildProgram program = settings.engine_program();
  EXPECT_EQ(program.command.back(), "--enable-prompt-tokens-details");
  EXPECT_TRUE(program.output.empty());
}

TEST(NodeSettings, canaries_go_where_one_can_be_sent) {
  NodeSettings settings = good();
  settings.engine_canary = "/metrics";
  EXPECT_RULE(settings.node_config(), "node.config.canary");
  settings.engine_canary = "none";
  EXPECT_OK(settings.node_config());
}

TEST(NodeSettings, silence_is_not_broken_all_the_time) {
  NodeSettings settings = good();
  settings.node.keep_alive = http::Milliseconds(99);
  EXPECT_RULE(settings.node_config(), "node.config.keep_alive");
  settings.node.keep_alive = http::Milliseconds(100);
  EXPECT_OK(settings.node_config());
}

TEST(NodeSettings, models_are_sorted_for_the_evidence_and_mapped_for_the_engine) {
  const auto node = good().node_config();
  ASSERT_OK(node);
  EXPECT_EQ(node->models[0].engine_name, "engine-z");
  EXPECT_EQ(node->models[1].engine_name, "a");
  const auto keyring = good().keyring_config(as_bytes("the file"));
  ASSERT_OK(keyring);
  EXPECT_EQ(keyring->models[0].name, "a");
  EXPECT_EQ(keyring->models[1].name, "z");
  EXPECT_EQ(to_hex(keyring->models[1].digest), kDigest);
  EXPECT_EQ(keyring->config_digest, crypto::sha256(as_bytes("the file")));
}

TEST(NodeSettings, the_engine_stays_inside_the_tee) {
  for (const std::string_view engine : {"http://10.0.0.1:8000", "http://engine.example:80", "https://127.0.0.1:8000"}) {
    NodeSettings settings = good();
    settings.engine = *http::Endpoint::parse(engine);
    EXPECT_RULE(settings.node_config(), "node.config.engine") << engine;
  }
  NodeSettings settings = good();
  settings.engine = *http::Endpoint::parse("unix:/run/engine.sock");
  EXPECT_OK(settings.node_config());
}

TEST(NodeSettings, each_model_stands_once_with_a_digest) {
  NodeSettings settings = good();
  settings.models[0].name = "a";
  EXPECT_RULE(settings.keyring_config({}), "node.config.models");
  settings.models.clear();
  EXPECT_RULE(settings.keyring_config({}), "node.config.models");
  settings = good();
  settings.models[0].digest = "77";
  EXPECT_RULE(settings.keyring_config({}), "node.config.digest");
}

TEST(NodeSettings, the_engines_key_comes_from_a_file) {
  const SecretFile file("sk-engine\n");
  NodeSettings settings = good();
  settings.engine_key_file = file.path();
  EXPECT_EQ(settings.node_config()->engine.key, "sk-engine");
}

TEST(SimSettings, makes_the_machine_that_the_settings_describe) {
  testkit::TestRandom random;
  const SecretFile file(to_hex(sim_maker::RootKeys::generate(random).reveal_for_export().reveal()));
  SimSettings settings;
  settings.roots_file = file.path();
  settings.gpus = 2;
  const auto tee = settings.make_tee(random);
  ASSERT_OK(tee);
  EXPECT_EQ((*tee)->gpu_count(), 2u);
  settings.chip_id = "short";
  EXPECT_RULE(settings.make_tee(random), "node.config.digest");
}

TEST(SimSettings, refuses_roots_of_another_form) {
  testkit::TestRandom random;
  for (const std::string_view content : {"00ff", "not hex at all"}) {
    const SecretFile file(content);
    SimSettings settings;
    settings.roots_file = file.path();
    EXPECT_RULE(settings.make_tee(random), "node.config.sim_roots");
  }
}

}  // namespace
}  // namespace openpcc::app
